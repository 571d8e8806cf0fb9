"""REST view of the workspace itself."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import ADMINISTERING, PROBLEM, READING, SeenRequest
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.api.transfer import WorkspaceSerializer
from memoryapp.services.workspaces import NAME_CHARS, workspace_rename


class WorkspaceRequest(SeenRequest):
    name = serializers.CharField(max_length=NAME_CHARS)


class WorkspaceDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING | {"PATCH": ADMINISTERING["POST"]}

    @extend_schema(responses={200: WorkspaceSerializer})
    def get(self, request: Request) -> Response:
        """The workspace of the key."""
        return Response(WorkspaceSerializer(workspace_of(request)).data)

    @extend_schema(request=WorkspaceRequest, responses={200: WorkspaceSerializer, 409: PROBLEM})
    def patch(self, request: Request) -> Response:
        """Rename the workspace; its slug stays."""
        asked = WorkspaceRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row = workspace_rename(
            workspace=workspace_of(request), by=request.user, **asked.validated_data
        )
        return Response(WorkspaceSerializer(row).data)
