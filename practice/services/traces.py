"""Taking in spans of agents' telemetry, many thousands a second, each once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum
from django.utils import timezone

from memoryapp.domain.errors import UnableTo, UnableToStart
from memoryapp.domain.text import storable
from memoryapp.models import Playbook
from practice.domain.traces.spans import Span, all_stored_attributes
from practice.models import Environment, SentTrace

COLUMNS = "trace_id, span_id, parent_id, name, started, ended, failed, attributes"
_UPSERT = """
INSERT INTO practice_senttrace AS kept (environment_id, playbook_id, trace_id, span_count, has_root,
                                        status, message, first_seen_at, last_seen_at)
SELECT %s, %s, trace, added, root, 'open', '', %s, %s
FROM unnest(%s::text[], %s::int[], %s::bool[]) AS t(trace, added, root) ORDER BY trace
ON CONFLICT (playbook_id, environment_id, trace_id) DO UPDATE
SET last_seen_at = CASE WHEN kept.status = 'open' THEN excluded.last_seen_at
                        ELSE kept.last_seen_at END,
    span_count = kept.span_count
        + CASE WHEN kept.status = 'open' THEN excluded.span_count ELSE 0 END,
    has_root = kept.has_root OR excluded.has_root
RETURNING trace_id, id, status
"""
_MERGE = f"""
INSERT INTO practice_sentspan ({COLUMNS}) SELECT {COLUMNS} FROM arriving_spans
ON CONFLICT (trace_id, span_id) DO NOTHING RETURNING trace_id
"""
_COUNT = """
UPDATE practice_senttrace SET span_count = span_count + added
FROM unnest(%s::bigint[], %s::int[]) AS t(id, added) WHERE practice_senttrace.id = t.id
"""


class IngestBusy(UnableTo):
    """More spans wait than the workers have read; the sender tries again later."""

    status = 503
    retry_after = 30


@dataclass(slots=True)
class SpanReceipt:
    """What became of a batch. ``known`` were here before; ``late`` came after their trace's end."""

    accepted: int = 0
    known: int = 0
    late: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)


def ingest_check() -> None:
    """Refuse more while too much waits: senders keep their spans and try again.

    Raises:
        IngestBusy: ``INGEST_MAX_WAITING`` spans wait for their trace to be read.
    """
    open_traces = SentTrace.objects.filter(status=SentTrace.Status.OPEN)
    waiting = open_traces.aggregate(total=Sum("span_count"))["total"] or 0
    if waiting >= settings.INGEST_MAX_WAITING:
        raise IngestBusy(
            f"{waiting} spans are waiting to be read. Nothing from this request was saved: send "
            "it later."
        )


def spans_take(
    *, playbook: Playbook, environment: Environment, spans: Sequence[Span]
) -> SpanReceipt:
    """Store spans by trace; a span that was sent before is known and changes nothing.

    Raises:
        UnableToStart: the playbook and the environment belong to different workspaces.
    """
    if playbook.workspace_id != environment.workspace_id:
        raise UnableToStart("The playbook and the environment belong to different workspaces.")
    if not spans:
        return SpanReceipt()
    arriving = _Arriving(playbook, environment, spans)
    try:
        with transaction.atomic():
            return arriving.store_new()
    except IntegrityError:  # some are here already: nothing was kept
        with transaction.atomic():
            return arriving.store_missing()


class _Arriving:
    """Spans of one request, once each, as they are going to be stored."""

    def __init__(self, playbook: Playbook, environment: Environment, spans: Sequence[Span]) -> None:
        self._playbook, self._environment = playbook, environment
        self._sent = len(spans)
        self._spans: dict[tuple[str, str], tuple[Span, str]] = {}
        for span, attributes in zip(spans, all_stored_attributes(spans), strict=True):
            self._spans.setdefault((span.trace_id, span.span_id), (span, attributes))
        self._counts = Counter(trace for trace, _ in self._spans)
        self._roots = {span.trace_id for span in spans if not span.parent_id}

    def store_new(self) -> SpanReceipt:
        """COPY all rows, counted beforehand.

        Raises:
            IntegrityError: one of them is stored already.
        """
        lines, late = self._lines(self._counts)
        if lines:
            with connection.cursor() as cursor:
                _copy(cursor, "practice_sentspan", "".join(lines))
        return SpanReceipt(len(lines), self._sent - len(self._spans), late)

    def store_missing(self) -> SpanReceipt:
        """Store what is not there yet, through a table of their own, and count it then."""
        lines, late = self._lines(Counter())
        with connection.cursor() as cursor:
            cursor.execute(
                "DROP TABLE IF EXISTS pg_temp.arriving_spans;"
                "CREATE TEMPORARY TABLE arriving_spans (LIKE practice_sentspan) ON COMMIT DROP;"
                "ALTER TABLE arriving_spans DROP COLUMN id"
            )
            _copy(cursor, "arriving_spans", "".join(lines))
            cursor.execute(_MERGE)
            added = Counter(trace for (trace,) in cursor.fetchall())
            cursor.execute(_COUNT, [list(added), list(added.values())])
        stored = added.total()
        return SpanReceipt(stored, self._sent - late - stored, late)

    def _lines(self, counts: Mapping[str, int]) -> tuple[list[str], int]:
        """The rows of traces that are open, and how many spans came too late for theirs."""
        traces = self._traces(counts)
        lines: list[str] = []
        late = 0
        for span, attributes in self._spans.values():
            trace, status = traces[span.trace_id]
            if status == SentTrace.Status.OPEN:
                lines.append(_line(trace, span, attributes))
            else:
                late += 1
        return lines, late

    def _traces(self, counts: Mapping[str, int]) -> dict[str, tuple[int, str]]:
        """Trace id to its row and status, made where it is new. Sorted, so that no two deadlock."""
        now, traces = timezone.now(), list(self._counts)
        values: list[Any] = [self._environment.pk, self._playbook.pk, now, now, traces]
        values += [[counts[trace] for trace in traces], [t in self._roots for t in traces]]
        with connection.cursor() as cursor:
            cursor.execute(_UPSERT, values)
            return {trace: (pk, status) for trace, pk, status in cursor.fetchall()}


def _copy(cursor: Any, table: str, block: str) -> None:
    # COPY goes past Django's cursor, so its errors are put into Django's words here.
    with (
        connection.wrap_database_errors,
        cursor.copy(f"COPY {table} ({COLUMNS}) FROM STDIN") as copy,
    ):
        copy.write(block)


def _line(trace: int, span: Span, attributes: str) -> str:
    """One row in COPY's text format."""
    _, span_id, parent_id, name, started, ended, failed, _ = span
    said = attributes.replace("\\", "\\\\")
    return (
        f"{trace}\t{span_id}\t{parent_id}\t{_escaped(name)}\t{started}\t{ended}\t"
        f"{'t' if failed else 'f'}\t{said}\n"
    )


def _escaped(text: str) -> str:
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    text = storable(text).replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
