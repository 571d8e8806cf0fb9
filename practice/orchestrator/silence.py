"""Who may ask a model that did not answer: one unit at a time, after growing pauses.

Rows in PostgreSQL are the truth, so this holds for all workers and hosts. A worker that dies while
it asks keeps the others waiting no longer than its call could have taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from practice.clients import model_places
from practice.domain import silence as domain
from practice.domain.calls import CallRecord
from practice.domain.rounds import AGAIN, Stage
from practice.models import ModelSilence, Run, Unit
from practice.queries.silence import MODEL_CHARS, address, models_of, silent

MODEL = "model"
#: how long a unit may take before it asks: it may have to open an environment first.
TO_BEGIN = timedelta(seconds=30)


def heard(call: CallRecord, run: Run | None = None) -> None:
    """Note whether a call was answered."""
    model = call.model[:MODEL_CHARS]
    rows = silent().filter(model=model)
    if not call.unanswered:
        rows.delete()
    if call.unanswered in ("", "dropped"):
        return
    now = timezone.now()
    began = now - timedelta(milliseconds=call.latency_ms)
    last = {
        "timed_out": call.unanswered == "timeout",
        "waited_s": max(1, round(call.latency_ms / 1000)),
        "message": call.error,
        "run": run,
    }
    with transaction.atomic():
        row, is_new = ModelSilence.objects.select_for_update(no_key=True).get_or_create(
            address=address(),
            model=model,
            defaults={
                "tries": 1,
                "last_at": now,
                "probe_at": now + domain.pause(1),
                **last,
            },
        )
        # A call that began before the last one ended tells nothing new.
        if is_new or began < row.last_at:
            return
        tries = row.tries + 1
        rows.update(
            tries=tries, last_at=now, probe_at=now + domain.pause(tries), probe=None, **last
        )


def asked_by(unit_id: int) -> frozenset[str]:
    """The models a unit may ask; none for the rules engine."""
    stages = Unit.objects.filter(pk=unit_id, run__engine=MODEL).values_list("stage", flat=True)
    return frozenset[str]().union(*(_models(Stage(stage)) for stage in stages))


@contextmanager
def asking(models: Collection[str], *, takes_place: bool = True) -> Iterator[bool]:
    """Whether the models may be asked now: a process is left for that, and they answer.

    Where one of them is silent the block is the only one to ask. Without ``takes_place`` no process
    is kept for it: who asks has an answer that stands alone, and asks a silent model once at most.
    """
    if not models:
        yield True
        return
    with model_places.place() if takes_place else nullcontext(True) as has_place:
        mark = uuid.uuid4()
        may, is_first = _take(models, mark) if has_place else (False, False)
        try:
            yield may
        finally:
            if is_first:
                # Where it came to asking, what it heard has taken the mark away.
                ModelSilence.objects.filter(probe=mark).update(probe=None, probe_at=timezone.now())


def _take(models: Collection[str], mark: uuid.UUID) -> tuple[bool, bool]:
    """Whether the models may be asked, and whether that is to try a silent one."""
    rows_of = silent().filter(model__in=models)
    if not rows_of.exists():
        return True, False
    with transaction.atomic():
        rows, now = list(rows_of.select_for_update(no_key=True).order_by("pk")), timezone.now()
        if any(row.probe_at > now for row in rows):
            return False, False
        until = now + timedelta(seconds=settings.LLM_TIMEOUT_SECONDS) + TO_BEGIN
        rows_of.filter(pk__in=[row.pk for row in rows]).update(probe=mark, probe_at=until)
    return True, True


def quiet(run: Run) -> tuple[Mapping[Stage, datetime], str]:
    """Until when no unit of a stage may ask its model, and the message to end with, if any."""
    if run.engine != MODEL:
        return {}, ""
    rows = list(silent())
    by_model = {row.model: row.probe_at for row in rows}
    until = {
        stage: max(by_model[model] for model in _models(stage) & by_model.keys())
        for stage in domain.ROLES
        if _models(stage) & by_model.keys()
    }
    lines = [
        domain.given_up(
            row.model,
            row.tries,
            timed_out=row.timed_out,
            waited_s=row.waited_s,
            last=row.message,
            again=AGAIN if run.kind == Run.Kind.ONLINE else "start another run",
        )
        for row in rows
        if row.run_id == run.pk
    ]
    return until, next(filter(None, lines), "")


def _models(stage: Stage) -> frozenset[str]:
    return models_of(*domain.ROLES.get(stage, ()))
