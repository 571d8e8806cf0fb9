"""REST views of telemetry: sources, their columns, and files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, SENDING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, workspace_of
from practice.api import incident_serializers as s
from practice.api.permissions import MayDelete
from practice.models import TelemetryFile, TelemetrySource
from practice.services import holdings
from practice.services import telemetry as services

PROTOBUF = "application/x-protobuf"
Post = TypeVar("Post", bound=Callable[..., HttpResponse])
KINDS = TelemetryFile.Kind.values


class BytesParser(BaseParser):
    """A body as it is, bounded; what it holds is read by the kind that is asked for."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(services.MAX_BYTES + 1)
        if len(body) > services.MAX_BYTES:
            raise ParseError(f"Send at most {services.MAX_BYTES >> 20} MB at a time.")
        said = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or ""
        if said.isdecimal() and len(body) < int(said):
            raise ParseError(
                f"The upload was cut off: {len(body)} of {said} bytes arrived. Send it again."
            )
        return {"body": body}


def body_of(request: Request) -> bytes:
    """Return what ``BytesParser`` read; it is not asked where nothing was sent."""
    data: Any = request.data
    body: bytes = data.get("body", b"")
    return body


class NewestFileFirst(NewestFirst):
    ordering = "-pk"


class SourceList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(responses={200: s.TelemetrySourceSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Telemetry sources with their column mapping."""
        rows = workspace_of(request).telemetry_sources.order_by("name")
        return Response(s.TelemetrySourceSerializer(rows, many=True).data)

    @extend_schema(
        request=s.TelemetrySourceSerializer,
        responses={201: s.TelemetrySourceSerializer, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Add a source."""
        asked = s.TelemetrySourceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        source = services.source_create(
            workspace=workspace_of(request), by=request.user, name=asked.validated_data["name"]
        )
        return Response(s.TelemetrySourceSerializer(source).data, status=201)


class SourceDetail(APIView):
    """One source: what goes with it, another name for it, and its end."""

    permission_classes = (MayDelete,)
    scopes = READING | WRITING

    @extend_schema(responses={200: s.SourceDetailSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """One telemetry source, and what would go with it."""
        return Response(s.SourceDetailSerializer(_source(request, slug)).data)

    @extend_schema(
        request=s.RenameRequest,
        responses={200: s.SourceDetailSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Rename a source; its slug stays."""
        asked = s.RenameRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row = holdings.source_rename(
            source=_source(request, slug), by=request.user, **asked.validated_data
        )
        return Response(s.SourceDetailSerializer(row).data)

    @extend_schema(responses={200: s.SourceGoesSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a source with its files; its incidents stay. Returns what was deleted."""
        goes = holdings.source_delete(source=_source(request, slug), by=request.user)
        return Response(s.SourceGoesSerializer(goes).data)


class SourceMapping(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=s.MappingRequest,
        responses={200: s.TelemetrySourceSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Say what the columns of one kind of file are called in a source."""
        asked = s.MappingRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        source = services.mapping_save(
            source=_source(request, slug),
            kind=asked.validated_data["kind"],
            mapping=asked.validated_data["columns"],
            seen=asked.validated_data.get("seen"),
            by=request.user,
        )
        return Response(s.TelemetrySourceSerializer(source).data)


class FileList(APIView):
    permission_classes = (HasScope,)
    scopes = SENDING
    parser_classes = (BytesParser,)

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=[*KINDS]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: s.TelemetryFileSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Files of a source, newest first, in pages."""
        rows = _source(request, slug).files.light().select_related("source", "incident")
        if kind := one_of(request, "kind", KINDS):
            rows = rows.filter(kind=kind)
        return NewestFileFirst.answer(self, rows, s.TelemetryFileSerializer)

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "kind", str, required=True, enum=[*KINDS], description="What the file holds."
            ),
            OpenApiParameter("name", str, description="What to call the file."),
            OpenApiParameter("reference", bool, description="Fault-free: it says what is usual."),
            OpenApiParameter("incident", int, description="Only for this incident."),
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: s.TelemetryFileSerializer, 404: PROBLEM, 422: PROBLEM},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Send one file as the body: CSV, JSON or OTLP, plain or gzipped. A worker reads it."""
        kind = one_of(request, "kind", KINDS)
        if not kind:
            raise ValidationError({"kind": [f"Choose one of: {', '.join(KINDS)}."]})
        return _stored(request, slug, kind, request.query_params.get("name", "") or f"{kind}.csv")


class FileReading(APIView):
    """How far the reading of one file is; begun anew by POST, ended by DELETE."""

    permission_classes = (HasScope,)
    scopes = SENDING | {"DELETE": SENDING["POST"]}

    @extend_schema(responses={200: s.TelemetryFileSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str, pk: int) -> Response:
        """One file and how far its reading is."""
        return Response(s.TelemetryFileSerializer(_file(request, slug, pk)).data)

    @extend_schema(
        request=None, responses={202: s.TelemetryFileSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str, pk: int) -> Response:
        """Read a file again whose reading failed or was cancelled."""
        row = services.file_read_again(row=_file(request, slug, pk), by=request.user)
        return Response(s.TelemetryFileSerializer(row).data, status=202)

    @extend_schema(responses={200: s.TelemetryFileSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """End the reading of a file; it stays as it was sent."""
        row = services.file_cancel(row=_file(request, slug, pk), by=request.user)
        return Response(s.TelemetryFileSerializer(row).data)


class _Otlp(APIView):
    """Where an OTLP/HTTP exporter sends: …/telemetry/SOURCE is its endpoint."""

    permission_classes = (HasScope,)
    scopes = {"POST": SENDING["POST"]}
    parser_classes = (BytesParser,)

    def taken(self, request: Request, slug: str, kind: str) -> HttpResponse:
        """Store one export request, JSON or protobuf, and answer in its form."""
        is_protobuf = (request.content_type or "").partition(";")[0] == PROTOBUF
        _stored(request, slug, kind, f"otlp-{kind}.{'pb' if is_protobuf else 'json'}")
        if is_protobuf:  # an empty message: everything was taken
            return HttpResponse(b"", content_type=PROTOBUF)
        return Response({"partialSuccess": {}})


def _otlp(summary: str) -> Callable[[Post], Post]:
    described: Callable[[Post], Post] = extend_schema(
        summary=summary,
        request={PROTOBUF: OpenApiTypes.BINARY, "application/json": OpenApiTypes.OBJECT},
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, PROTOBUF): OpenApiTypes.BINARY,
            404: PROBLEM,
            422: PROBLEM,
        },
    )
    return described


class OtlpTraces(_Otlp):
    @_otlp("Take an OTLP ExportTraceServiceRequest, protobuf or JSON.")
    def post(self, request: Request, slug: str) -> HttpResponse:
        return self.taken(request, slug, "traces")


class OtlpMetrics(_Otlp):
    @_otlp("Take an OTLP ExportMetricsServiceRequest, protobuf or JSON.")
    def post(self, request: Request, slug: str) -> HttpResponse:
        return self.taken(request, slug, "metrics")


class OtlpLogs(_Otlp):
    @_otlp("Take an OTLP ExportLogsServiceRequest, protobuf or JSON.")
    def post(self, request: Request, slug: str) -> HttpResponse:
        return self.taken(request, slug, "logs")


def _stored(request: Request, slug: str, kind: str, name: str) -> Response:
    source = _source(request, slug)
    number = request.query_params.get("incident", "")
    incident = object_or_404(source.incidents.all(), number=number) if number else None
    row = services.file_send(
        source=source,
        kind=kind,
        name=name,
        data=body_of(request),
        by=request.user,
        incident=incident,
        is_reference=request.query_params.get("reference", "") in {"true", "1"},
    )
    return Response(s.TelemetryFileSerializer(row).data, status=201)


def _file(request: Request, slug: str, pk: int) -> TelemetryFile:
    rows = _source(request, slug).files.light().select_related("source__workspace", "incident")
    return object_or_404(rows, pk=pk)


def _source(request: Request, slug: str) -> TelemetrySource:
    return object_or_404(workspace_of(request).telemetry_sources.all(), slug=slug)
