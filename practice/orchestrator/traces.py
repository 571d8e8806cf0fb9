"""Turning whole traces into trajectories, one trace at a time, so that memory stays flat."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from practice.domain.deployment import NotATrajectory, Sent, read
from practice.domain.remarks import remark_on
from practice.domain.traces.assembly import trajectory
from practice.domain.traces.spans import Span
from practice.models import SentSpan, SentTrace, SentTrajectory

#: A trace whose root never came is read after this long, with what is there.
PATIENCE = timedelta(minutes=10)
MAX_SPANS = 20_000
BATCH = 200


def assemble() -> int:
    """Read the traces that are whole. Returns how many became trajectories."""
    quiet = timedelta(seconds=settings.TRACE_SETTLE_SECONDS)
    made = 0
    while True:
        ready = SentTrace.objects.settled(timezone.now(), quiet, PATIENCE)
        found = list(ready.order_by("last_seen_at").values_list("pk", flat=True)[:BATCH])
        for pk in found:
            made += _assemble(pk)
        if len(found) < BATCH:
            return made


def _assemble(pk: int) -> bool:
    with transaction.atomic():
        # Not now, if somebody else is at it or a span of it is coming in.
        row = SentTrace.objects.select_for_update(skip_locked=True, no_key=True).filter(
            pk=pk, status=SentTrace.Status.OPEN
        )
        trace = row.first()
        if trace is None:
            return False
        try:
            sent = read(trajectory(trace.trace_id, _spans(trace)))
        except NotATrajectory as refusal:
            trace.status, trace.message = SentTrace.Status.REFUSED, str(refusal)[:300]
        else:
            trace.status = SentTrace.Status.SENT
            trace.message = remark_on(sent, timezone.now(), trace.environment.as_place())
            _store(trace, sent, trace.message)
        trace.save(update_fields=["status", "message"])
        SentSpan.objects.filter(trace=trace).delete()
        return trace.status == SentTrace.Status.SENT


def _spans(trace: SentTrace) -> list[Span]:
    rows = SentSpan.objects.filter(trace=trace).order_by("started", "pk")[:MAX_SPANS]
    return [
        Span(
            trace.trace_id,
            row.span_id,
            row.parent_id,
            row.name,
            row.started,
            row.ended,
            row.failed,
            row.attributes,
        )
        for row in rows.iterator(chunk_size=500)
    ]


def _known_release(trace: SentTrace, named: str) -> str:
    """The release a trace names, where the playbook has it: a wrong name must not lose the rest."""
    releases = trace.playbook.releases.values_list("number", flat=True)
    labels = trace.playbook.labels.values_list("name", flat=True)
    known = {*map(str, releases), *labels} if named else set()
    return named if named.removeprefix("v") in known else ""


def _store(trace: SentTrace, sent: Sent, remark: str) -> None:
    SentTrajectory.objects.bulk_create(
        [
            SentTrajectory(
                environment_id=trace.environment_id,
                playbook_id=trace.playbook_id,
                external_id=sent.external_id,
                instruction=sent.instruction,
                answer=sent.answer,
                steps=list(sent.steps),
                outcome=sent.outcome,
                release=_known_release(trace, sent.release),
                remark=remark,
            )
        ],
        ignore_conflicts=True,
    )
