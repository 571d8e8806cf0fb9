"""A whole workspace leaves as one file and comes back from one."""

from __future__ import annotations

import tempfile
from typing import IO, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import ADMINISTERING, PROBLEM, StoredForm
from memoryapp.api.parsers import AsZip, TooLarge
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.domain.seen import shown
from memoryapp.models import Workspace
from memoryapp.services.exports import workspace_fetch
from memoryapp.services.transfer_import import workspace_import
from memoryapp.services.workspaces import name_of

ZIP = "application/zip"
PIECE = 2**20
#: a file up to this size never touches the disk.
IN_MEMORY = 8 * 2**20


class WorkspaceSerializer(serializers.ModelSerializer[Workspace]):
    shown = serializers.SerializerMethodField(help_text="Of its name: send it as seen to rename.")

    class Meta:
        model = Workspace
        fields = ("name", "slug", "shown", "created_at")

    def get_shown(self, row: Workspace) -> str:
        return shown(name_of(row))


class WorkspaceExport(APIView):
    permission_classes = (HasScope,)
    content_negotiation_class = StoredForm
    scopes = {"GET": ADMINISTERING["GET"]}

    @extend_schema(
        operation_id="workspace_export",
        responses={(200, ZIP): OpenApiTypes.BINARY, 401: PROBLEM, 403: PROBLEM},
    )
    def get(self, request: Request) -> FileResponse:
        """The whole workspace in one zip, as it is at one moment: a JSON line for each row.

        Secrets, keys and webhooks are not in it. The same rows give the same bytes.
        """
        workspace = workspace_of(request)
        file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # the answer closes it
        workspace_fetch(workspace=workspace, target=file, by=request.user)
        length = file.tell()
        file.seek(0)
        answer = FileResponse(
            file, content_type=ZIP, as_attachment=True, filename=f"{workspace.slug}.zip"
        )
        answer["Content-Length"] = str(length)
        return answer


class WorkspaceImport(APIView):
    permission_classes = (HasScope,)
    parser_classes = (AsZip,)
    scopes = {"POST": ADMINISTERING["POST"]}

    @extend_schema(
        operation_id="workspace_import",
        parameters=[
            OpenApiParameter("slug", str, description="Another name than the file's."),
        ],
        request={ZIP: OpenApiTypes.BINARY},
        responses={
            201: WorkspaceSerializer,
            400: PROBLEM,
            403: PROBLEM,
            413: PROBLEM,
            415: PROBLEM,
            422: PROBLEM,
        },
    )
    def post(self, request: Request) -> Response:
        """Make a workspace from such a file, all of it or nothing. You become its admin.

        What people did stays theirs where they are members of this workspace.
        """
        workspace, users = workspace_of(request), get_user_model().objects
        with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY) as file:
            _take(request, file)
            made = workspace_import(
                source=file,
                by=request.user,
                slug=request.query_params.get("slug", ""),
                people=users.filter(memberships__workspace=workspace),
            )
        return Response(WorkspaceSerializer(made).data, status=201)


def _take(request: Request, file: IO[bytes]) -> None:
    """Bring the body into ``file``, in pieces.

    Raises:
        TooLarge: more than a file of a workspace may have.
    """
    most, taken = settings.WORKSPACE_IMPORT_MAX_BYTES, 0
    stream: Any = request.data
    while piece := stream.read(PIECE) if hasattr(stream, "read") else b"":
        taken += len(piece)
        if taken > most:
            raise TooLarge(
                f"The file has more than {most} bytes. Nothing was imported: raise "
                "WORKSPACE_IMPORT_MAX_BYTES, or import it with manage.py import_workspace."
            )
        file.write(piece)
    file.seek(0)
