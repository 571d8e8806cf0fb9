"""Doing one analysis: claim, read the telemetry, reason, save under the claim.

Nothing here enqueues: ``due`` returns what to ring for and the task layer rings. A worker may die
between any two lines: what it held is claimed again after the lease, and a late twin cannot save.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.utils import timezone

from memoryapp.services.events import event_record
from practice.agents.ports import ModelSilent
from practice.domain.incident_panels import panels
from practice.domain.recollection import followed, signature
from practice.domain.rootcause import serial
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.clipping import trimmed
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.types import Alert, Budget, Outcome, Visit
from practice.domain.rootcause.types import Analysis as Found
from practice.models import Analysis, Incident, IncidentAlert
from practice.orchestrator import decisive, engines, lessons, telemetry, verdicts
from practice.orchestrator.leases import lease
from practice.orchestrator.pieces import Failing, carry_out, rung

logger = logging.getLogger(__name__)

#: What is read around an alert or a window: enough before it to know what is usual.
BEFORE = timedelta(minutes=30)
AFTER = timedelta(minutes=10)
#: So far ahead of our clock no alert is by chance.
AHEAD = timedelta(days=1)
TELL_SECONDS = 0.5
NO_TELEMETRY = "No telemetry covers this window. Send some for it, then look again."


def due() -> list[int]:
    """Analyses to ring for, marked as rung. Safe at any time, any number of times."""
    now = timezone.now()
    return rung(Analysis.objects.due(now, lease()), now)


def work(analysis_id: int) -> None:
    """Claim an analysis and do it; nothing happens when it is not ours to do.

    One whose telemetry is still being read waits: reading the last file rings for it.
    """
    if _waits(analysis_id):
        return
    row = Analysis.objects.claim(analysis_id, now=timezone.now(), lease=lease())
    if row is None:
        return
    row = Analysis.objects.select_related(
        "incident__source",
        "incident__workspace",
        "incident__attempt__task",
        "incident__attempt__run__environment",
        "incident__attempt__run__snapshot",
    ).get(pk=row.pk)
    carry_out(
        row,
        lambda: Analysis.objects.held(row),
        lambda: _perform(row),
        lambda made: _save(row, *made),
        Failing(
            lambda message: _fail(row, message),
            died="Its worker died each time it was tried. Narrow the window.",
            unreadable="{error}. Nothing was judged.",
            broken="An internal error stopped this analysis: {error}",
        ),
    )


def _waits(analysis_id: int) -> bool:
    rows = Analysis.objects.filter(pk=analysis_id, status=Analysis.Status.WAITING)
    row = rows.light().select_related("incident").first()
    unread = telemetry.unread(row).count() if row is not None else 0
    if unread:
        files = "a file" if unread == 1 else f"{unread} files"
        rows.update(progress={"stage": f"First {files} of telemetry must be read", "visits": 0})
    return bool(unread)


def _perform(row: Analysis) -> tuple[Found, dict[str, Any]]:
    incident = row.incident
    if incident.attempt is not None:
        _tell(row, "Reading the trajectory", 0)
        return decisive.found_in(incident.attempt, alert_of(row), row.test)
    _tell(row, "Reading telemetry", 0)
    begin, end = window_of(row)
    known, notes = telemetry.gathered(incident, begin, end)
    if incident.ends_at > timezone.now() + AHEAD:
        at = f"{incident.ends_at:%Y-%m-%d %H:%M} UTC"
        notes = (f"An alert is dated {at}, ahead of our clock: its sender's is wrong.", *notes)
    if row.window_from and row.window_to:
        known = trimmed(known, begin.timestamp(), end.timestamp())
    alert = alert_of(row)
    teller = _Teller(row)
    found = analyse(
        known,
        alert,
        reference=telemetry.reference(incident),
        memory=verdicts.remembered(row, alert),
        budget=serial.from_json(Budget, row.budget) if row.budget else None,
        asked=engines.investigator_of(row),
        told=teller.heard,
        should_stop=teller.should_stop,
    )
    looks = signature(found)
    said = lessons.considered(row, found, looks)
    found, lead = followed(found, said)
    try:
        found, words = _explained(row, found, teller)
    except ModelSilent as error:
        words, notes = [], (*notes, str(error))
    notes = (*notes, *found.notes)
    if not known.present():
        notes = (NO_TELEMETRY, *notes)
    drawn = panels(known, found) | {"notes": list(dict.fromkeys(notes)), **_bounds(known)}
    recalled = {"lessons": lessons.told(said), "led": lead.lesson.bullet if lead else ""}
    return found, drawn | recalled | {"looks": looks, "words": words}


def _explained(row: Analysis, found: Found, teller: _Teller) -> tuple[Found, list[dict[str, Any]]]:
    """The answer with what a model says of it; unchanged but for the call that was spent."""
    if teller.should_stop():
        return found, []
    _tell(row, "Writing the explanation", found.spent.visits)
    said = engines.explained(row, found)
    if said is None:
        return found, []
    spent = replace(found.spent, model_calls=found.spent.model_calls + 1)
    return replace(found, spent=spent), [serial.to_json(one) for one in said]


def window_of(row: Analysis) -> tuple[datetime, datetime]:
    """What is read: from before the window that was asked for, else before the first alert, on.

    What is usual is seen before a fault, so a window that begins with one has to reach back.
    """
    incident = row.incident
    begin = row.window_from or incident.begins_at
    return begin - BEFORE, row.window_to or incident.ends_at + AFTER


def alert_of(row: Analysis) -> Alert:
    """The incident's first alert that names a component, else its first, by the incident's name.

    What senders call their alerts is theirs: two systems may use one id, and one may be long.
    """
    alerts = list(row.incident.alerts.all())
    first: IncidentAlert = next((a for a in alerts if a.entry), alerts[0])
    window = None
    if row.window_from and row.window_to:
        window = (row.window_from.timestamp(), row.window_to.timestamp())
    found = replace(first.as_value(window, row.incident.system), alert_id=str(row.incident))
    return found if window is None else _moved(found, window)


def _moved(alert: Alert, window: tuple[float, float]) -> Alert:
    """The alert as one of the window that was asked for: what it says of another time is off."""
    begin, end = window
    onset = alert.onset
    if onset is not None and (onset[1] < begin or onset[0] > end):
        onset = None
    return replace(alert, onset=onset, at=alert.at if begin <= alert.at <= end else end)


def _bounds(known: Telemetry) -> dict[str, Any]:
    """From when to when the telemetry reaches, and how much of it there is."""
    columns = (known.metrics.ts, known.spans.start, known.logs.ts, known.edges.ts)
    timed = [times for c in columns if len(times := c[np.isfinite(c)])]
    ends = [(float(times.min()), float(times.max())) for times in timed]
    counts = {
        "metrics": len(known.metrics),
        "traces": len(known.spans),
        "logs": len(known.logs),
        "edges": len(known.edges),
    }
    return {
        "begin": min((low for low, _ in ends), default=None),
        "end": max((high for _, high in ends), default=None),
        "rows": counts,
    }


class _Teller:
    """Tells readers how far the reasoning is, and the reasoning whether to stop."""

    def __init__(self, row: Analysis, clock: Callable[[], float] = time.monotonic) -> None:
        self._row, self._clock = row, clock
        self._visits = 0
        self._told = self._asked = clock()
        self._is_stopped = False

    def heard(self, visit: Visit) -> None:
        self._visits += 1
        if self._clock() - self._told >= TELL_SECONDS:
            self._told = self._clock()
            _tell(self._row, "Reasoning", self._visits, visit)

    def should_stop(self) -> bool:
        """Whether the row was cancelled or taken over, looked up twice a second at most."""
        if not self._is_stopped and self._clock() - self._asked >= TELL_SECONDS:
            self._asked = self._clock()
            self._is_stopped = not Analysis.objects.held(self._row).exists()
        return self._is_stopped


def _tell(row: Analysis, stage: str, visits: int, visit: Visit | None = None) -> None:
    progress: dict[str, Any] = {"stage": stage, "visits": visits}
    if visit is not None:
        progress |= {"node": visit.node, "verdict": visit.verdict.value}
    Analysis.objects.held(row).update(progress=progress)


def _save(row: Analysis, found: Found, drawn: dict[str, Any]) -> None:
    """Store what was found and end the piece, if the claim that made it still stands."""
    with transaction.atomic():
        held = Analysis.objects.held(row).select_for_update(no_key=True).first()
        if held is None:
            logger.warning("analysis %s lost its claim before saving; it is dropped", row.pk)
            return
        is_aside = _is_aside(row, found, drawn)
        ended = row.end(
            Analysis.Status.DONE,
            at=timezone.now(),
            is_aside=is_aside,
            outcome=found.outcome.value,
            statement=found.statement,
            result=serial.to_json(found),
            panels=drawn,
            followed=drawn.get("led", "")[:200],
            alerts_seen=row.incident.alerts.count(),
            progress={"stage": "Done", "visits": found.spent.visits},
        )
        if ended:
            # Where none was found, what is ranked is only what to look at next.
            is_found = bool(found.causes) and found.outcome is Outcome.FOUND
            verdicts.store(row, found, led_by=drawn.get("led", ""), is_aside=is_aside)
            if not is_aside:
                summarise(row.incident, found, drawn)
            event_record(
                workspace=row.incident.workspace,
                actor=None,
                kind="incident.analysed",
                subject=row.incident,
                before={},
                after={
                    "outcome": found.outcome.value,
                    "cause": found.causes[0].node if is_found else "none",
                    **({"kept": "beside the answer"} if is_aside else {}),
                },
            )


def _is_aside(row: Analysis, found: Found, drawn: Mapping[str, Any]) -> bool:
    """Whether an earlier look stays the incident's answer.

    That a window which somebody chose is quiet says nothing against a cause found in another, and
    a look at no telemetry nothing at all. A look at the incident's own time answers it anew.
    """
    answer = row.incident.analyses.answers().light().first()
    if answer is None or found.outcome is Outcome.FOUND:
        return False
    saw_any = bool(found.nodes) and NO_TELEMETRY not in drawn.get("notes", ())
    is_elsewhere = row.window_from is not None and row.incident.attempt_id is None
    return not saw_any or (is_elsewhere and answer.outcome == Outcome.FOUND)


def summarise(incident: Incident, found: Found, drawn: Mapping[str, Any] | None = None) -> None:
    """Repeat on the incident what lists show and what similar ones are found by.

    A cause that a lesson put first has no score to be first by, and says nothing of how the
    incident looks.
    """
    told = drawn or {}
    top = found.causes[0] if found.causes and found.outcome is Outcome.FOUND else None
    incident.outcome = found.outcome.value
    incident.top_cause = top.node[:200] if top else ""
    incident.top_score = top.score if top and not told.get("led") else None
    incident.signature = told["looks"] if "looks" in told else signature(found)
    incident.save(update_fields=["outcome", "top_cause", "top_score", "signature"])


def _fail(row: Analysis, message: str) -> None:
    row.end(Analysis.Status.FAILED, at=timezone.now(), message=message)
