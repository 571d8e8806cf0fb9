"""Files of a whole workspace that a job writes, for workspaces that take longer than a request."""

from __future__ import annotations

from typing import Any

from django.http import StreamingHttpResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, NewestFirst, StoredForm
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.models import WorkspaceExport
from memoryapp.models.tokens import Scope
from memoryapp.queries.exports import ShownExport, shown_export
from memoryapp.services import exports

ADMINISTERING = dict.fromkeys(("GET", "POST", "DELETE"), (Scope.ADMIN,))
ZIP = "application/zip"


class RowsWrittenSerializer(serializers.Serializer[Any]):
    """Rows written, of how many; 0 of 0 while no worker has told."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class ExportSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="export.pk")
    status = serializers.ChoiceField(
        source="export.status", choices=[*WorkspaceExport.Status.choices]
    )
    message = serializers.CharField(source="export.message", help_text="Why there is no file.")
    progress = RowsWrittenSerializer(source="*")
    rows = serializers.IntegerField(source="export.rows")
    size = serializers.IntegerField(source="export.size", help_text="Bytes.")
    sha256 = serializers.CharField(source="export.digest", help_text="Of the file.")
    asked_by = serializers.CharField(
        source="export.asked_by.username", default=None, allow_null=True
    )
    created_at = serializers.DateTimeField(source="export.created_at")
    ended_at = serializers.DateTimeField(source="export.ended_at", allow_null=True)
    expires_at = serializers.DateTimeField(source="export.expires_at", allow_null=True)
    file = serializers.SerializerMethodField(help_text="Its address, while it can be fetched.")

    def get_file(self, row: ShownExport) -> str | None:
        if not row.export.has_file:
            return None
        return reverse("api-workspace-export-file", kwargs={"pk": row.export.pk})


class ExportView(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    def export(self, request: Request, pk: int) -> WorkspaceExport:
        rows = WorkspaceExport.objects.filter(workspace=workspace_of(request))
        return object_or_404(rows.select_related("asked_by", "workspace"), pk=pk)


class ExportList(ExportView):
    @extend_schema(
        operation_id="workspace_exports_list",
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: ExportSerializer(many=True), 403: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        """Exports that were asked for, newest first; they stay listed when their file has gone."""
        rows = WorkspaceExport.objects.filter(workspace=workspace_of(request))
        return NewestFirst.answer(
            self,
            rows.select_related("asked_by"),
            ExportSerializer,
            made=lambda page: map(shown_export, page),
        )

    @extend_schema(
        operation_id="workspace_exports_start",
        request=None,
        responses={202: ExportSerializer, 403: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Have a worker write the whole workspace into one zip, as it is at one moment.

        One at a time: while one is written, 409 names it in `export`.
        """
        export = exports.export_start(workspace=workspace_of(request), by=request.user)
        return Response(ExportSerializer(shown_export(export)).data, status=202)


class ExportDetail(ExportView):
    @extend_schema(
        operation_id="workspace_exports_retrieve",
        responses={200: ExportSerializer, 403: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """How far an export is."""
        return Response(ExportSerializer(shown_export(self.export(request, pk))).data)

    @extend_schema(
        operation_id="workspace_exports_remove",
        responses={204: None, 403: PROBLEM, 404: PROBLEM},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Stop it, or remove its file before its time. It stays listed as removed."""
        exports.export_remove(export=self.export(request, pk), by=request.user)
        return Response(status=204)


class ExportFile(ExportView):
    content_negotiation_class = StoredForm

    @extend_schema(
        operation_id="workspace_exports_file",
        responses={
            (200, ZIP): OpenApiTypes.BINARY,
            403: PROBLEM,
            404: PROBLEM,
            409: PROBLEM,
            410: PROBLEM,
        },
    )
    def get(self, request: Request, pk: int) -> StreamingHttpResponse:
        """The zip: 409 while it is being written, 410 when it has gone."""
        export = self.export(request, pk)
        pieces = exports.export_fetch(export=export, by=request.user)
        return StreamingHttpResponse(
            pieces,
            content_type=ZIP,
            headers={
                "Content-Disposition": f'attachment; filename="{export.file_name}"',
                "Content-Length": str(export.size),
            },
        )
