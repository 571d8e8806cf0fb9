"""What agents' telemetry and the exports of other tools send in, read as it comes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Model, QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, SENDING, one_of
from memoryapp.api.parsers import AsItComes, Encoded, TooLarge
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from memoryapp.models import Playbook
from practice.api.deployment import NewestSentFirst, SendReceipt
from practice.domain.traces.bodies import BodyTooLarge, BrokenBody, UnreadEncoding, unpacked
from practice.domain.traces.exports import FORMATS, NotAnExport, read_export
from practice.domain.traces.otlp import Decoded, NotOtlp, from_json, from_protobuf
from practice.models import Environment, SentTrace
from practice.services.deployment import trajectories_stream
from practice.services.traces import ingest_check, spans_take

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
PLAYBOOK_HEADER = "X-Greenroom-Playbook"
ENVIRONMENT_HEADER = "X-Greenroom-Environment"
#: Long requests one web process reads at a time, while two more wait: its other threads (six are
#: what it is started with) stay free for pages and pulls, however slowly bodies come.
AT_ONCE = 2
IN_LINE = 2
PATIENCE_SECONDS = 2.0
#: Bytes, not packed, that are read without a slot, as any other request of the API is.
SHORT = 64 * 1024
#: playbooks or environments that whoever names none of them is told of.
NAMED = 8
Row = TypeVar("Row", bound=Model)
_slots = threading.BoundedSemaphore(AT_ONCE)
_line = threading.BoundedSemaphore(IN_LINE)


class TooBusy(APIException):
    """Every slot for reading bodies is taken. ``wait`` becomes Retry-After, in seconds.

    503 and not 429, which OpenTelemetry's exporter for Python takes for a final no.
    """

    status_code = 503
    default_code = "ingest_busy"
    default_detail = "Too much is arriving at once. Send it again in a second."
    wait = 1


class AsProtobuf(AsItComes):
    media_type = PROTOBUF


class AsJson(AsItComes):
    media_type = JSON


class AsLines(AsItComes):
    media_type = "application/x-ndjson"


class AsBytes(AsItComes):
    media_type = "application/octet-stream"


class SentTraceSerializer(serializers.ModelSerializer[SentTrace]):
    playbook = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    environment = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = SentTrace
        fields = (
            "trace_id",
            "playbook",
            "environment",
            "span_count",
            "status",
            "message",
            "first_seen_at",
            "last_seen_at",
        )


class PartialSuccess(serializers.Serializer[Any]):
    rejectedSpans = serializers.CharField(required=False)
    errorMessage = serializers.CharField(required=False)


class OtlpAnswer(serializers.Serializer[Any]):
    """ExportTraceServiceResponse as OTLP/JSON writes it."""

    partialSuccess = PartialSuccess(required=False)


WHERE = [
    OpenApiParameter(
        "playbook", str, description="Slug. May be left out where the workspace has one only."
    ),
    OpenApiParameter(
        "environment", str, description="Slug. May be left out where the workspace has one only."
    ),
]
REFUSALS = {400: PROBLEM, 401: PROBLEM, 403: PROBLEM, 404: PROBLEM, 413: PROBLEM, 415: PROBLEM}


class ImportReceipt(SendReceipt):
    """``refused`` lists the first thousand; ``refused_count`` counts them all."""

    refused_count = serializers.IntegerField()


class AgentTraces(APIView):
    """OTLP/HTTP for traces. Exporters name the playbook by a header or in the address."""

    permission_classes = (HasScope,)
    parser_classes = (AsProtobuf, AsJson)
    scopes = SENDING

    @extend_schema(
        operation_id="agent_traces_list",
        parameters=[
            OpenApiParameter("status", str, enum=[*SentTrace.Status.values]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: SentTraceSerializer(many=True), 400: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        """What became of each trace, newest first, in pages: open, sent, or refused and why."""
        rows = SentTrace.objects.filter(playbook__in=playbooks_of(request))
        if status := one_of(request, "status", SentTrace.Status.values):
            rows = rows.filter(status=status)
        found = rows.select_related("playbook", "environment")
        return NewestSentFirst.answer(self, found, SentTraceSerializer)

    @extend_schema(
        operation_id="agent_traces",
        parameters=[
            *WHERE,
            OpenApiParameter(PLAYBOOK_HEADER, str, OpenApiParameter.HEADER),
            OpenApiParameter(ENVIRONMENT_HEADER, str, OpenApiParameter.HEADER),
        ],
        request={(PROTOBUF): OpenApiTypes.BINARY, (JSON): OpenApiTypes.OBJECT},
        responses={
            (200, JSON): OtlpAnswer,
            (200, PROTOBUF): OpenApiTypes.BINARY,
            **REFUSALS,
            503: PROBLEM,
        },
    )
    def post(self, request: Request) -> HttpResponse:
        """Send spans, protobuf or JSON, gzip or not.

        Spans are kept by trace id and span id, so sending them again changes nothing. A trace
        becomes a trajectory once its root has arrived and it was quiet for a few seconds.
        """
        playbook, environment = _where(request)
        is_json = _media_type(request) == JSON
        with reading(request) as pieces:
            ingest_check()
            body = b"".join(pieces)
            try:
                decoded = from_json(body) if is_json else from_protobuf(body)
            except NotOtlp as error:
                raise ParseError(str(error)) from error
            spans_take(playbook=playbook, environment=environment, spans=decoded.spans)
        return _answered(decoded, as_json=is_json)


class TrajectoryImport(APIView):
    """Exports of other tools, read entry by entry."""

    permission_classes = (HasScope,)
    parser_classes = (AsJson, AsLines, AsBytes)
    scopes = {"POST": SENDING["POST"]}

    @extend_schema(
        operation_id="trajectories_import",
        parameters=[
            OpenApiParameter("format", str, enum=[*FORMATS], required=True),
            *WHERE,
        ],
        request={
            "application/json": OpenApiTypes.ANY,
            "application/x-ndjson": OpenApiTypes.BINARY,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        responses={200: ImportReceipt, **REFUSALS, 422: PROBLEM, 503: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Import trajectories out of another tool's export; each entry is taken or refused alone.

        ``jsonl`` is one native trajectory per line, ``messages`` one conversation with a model, as
        OpenAI, Anthropic, LangChain, pydantic-ai, Gemini or the AI SDK write its messages.
        ``langfuse`` and ``langsmith`` are those tools' exports, a JSON list or one object per line.
        ``claude-code`` and ``codex`` are session files.
        """
        form = request.query_params.get("format", "")
        if form not in FORMATS:
            raise serializers.ValidationError({"format": [f"Choose one of: {', '.join(FORMATS)}."]})
        playbook, environment = _where(request)
        with reading(request) as pieces:
            try:
                receipt = trajectories_stream(
                    playbook=playbook,
                    environment=environment,
                    entries=read_export(form, pieces),
                    by=request.user,
                )
            except NotAnExport as error:
                raise ParseError(str(error)) from error
        return Response(ImportReceipt(receipt).data)


@contextmanager
def reading(request: Request) -> Iterator[Iterator[bytes]]:
    """The body's pieces, while one of the slots is ours; short bodies need none.

    Raises:
        TooBusy, TooLarge, ParseError: no slot is free, more than may be read, or broken.
    """
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > settings.INGEST_MAX_BYTES:
        raise TooLarge(
            f"The body has {length} bytes; at most {settings.INGEST_MAX_BYTES} are accepted. Send "
            "it in smaller batches."
        )
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    short = not encoding and length.isdigit() and int(length) <= SHORT
    if not (short or _a_slot()):
        raise TooBusy
    try:
        stream = request.data
        read = stream.read if hasattr(stream, "read") else lambda size: b""
        yield unpacked(read, encoding=encoding, limit=settings.INGEST_MAX_BYTES)
    except BodyTooLarge as error:
        raise TooLarge(str(error)) from error
    except UnreadEncoding as error:
        raise Encoded(str(error)) from error
    except BrokenBody as error:
        raise ParseError(str(error)) from error
    finally:
        if not short:
            _slots.release()


def _a_slot() -> bool:
    """Take a slot, or wait a moment for one where few do so already."""
    if _slots.acquire(blocking=False):
        return True
    if not _line.acquire(blocking=False):
        return False
    try:
        return _slots.acquire(timeout=PATIENCE_SECONDS)
    finally:
        _line.release()


def _media_type(request: Request) -> str:
    found = (request.content_type or "").partition(";")[0].strip().lower()
    if found not in {JSON, PROTOBUF}:
        raise UnsupportedMediaType(found or "none")
    return found


def _where(request: Request) -> tuple[Playbook, Environment]:
    """The playbook and environment that were named, or the only ones the workspace has."""
    workspace = workspace_of(request)
    return (
        _named(request, "playbook", PLAYBOOK_HEADER, playbooks_of(request)),
        _named(request, "environment", ENVIRONMENT_HEADER, workspace.environments.all()),
    )


def _named(request: Request, name: str, header: str, rows: QuerySet[Row]) -> Row:
    asked = request.query_params.get(name) or request.headers.get(header) or ""
    if "\x00" in asked:
        raise serializers.ValidationError({name: ["A name cannot contain a NUL character."]})
    if asked:
        return object_or_404(rows, name, slug=asked)
    there = list(rows[: NAMED + 1])
    if len(there) != 1:
        raise serializers.ValidationError({name: [_which(name, header, there)]})
    return there[0]


def _which(name: str, header: str, there: Sequence[Any]) -> str:
    """What to do about one that was not named and is not the only one."""
    if not there:
        return f"There is no {name} yet: make one first."
    slugs = ", ".join(row.slug for row in there[:NAMED])
    more = " and more" if len(there) > NAMED else ""
    return f"Name the {name}: ?{name}=<slug> or the header {header}. There are {slugs}{more}."


def _answered(decoded: Decoded, *, as_json: bool) -> HttpResponse:
    count = sum(decoded.rejected.values())
    said = " ".join(f"{reason} ({times}×)" for reason, times in decoded.rejected.items())
    if as_json:
        partial = {"rejectedSpans": str(count), "errorMessage": said}
        return Response({"partialSuccess": partial} if count else {})
    answer = ExportTraceServiceResponse()
    if count:
        answer.partial_success.rejected_spans = count
        answer.partial_success.error_message = said
    return HttpResponse(answer.SerializeToString(), content_type=PROTOBUF)
