"""Incidents: taking in alerts, and starting and cancelling analyses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from memoryapp.domain.errors import UnableToStart
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.domain.alerts import GAP_SECONDS, MAX_BATCH, Sent, Standing, joins
from practice.models import Analysis, Attempt, Incident, IncidentAlert, TelemetrySource
from practice.orchestrator.looks import begin
from practice.queries.incidents import components_seen
from practice.services.analysis_asked import budget_of, check_test, check_window
from practice.services.held import held
from practice.tasks import analyse_incident


@dataclass(slots=True)
class Receipt:
    """What became of a batch of alerts: incident numbers, counts, and what was refused and why."""

    opened: list[int] = field(default_factory=list)
    joined: list[int] = field(default_factory=list)
    known: int = 0
    refused: list[str] = field(default_factory=list)


def alerts_send(
    *,
    workspace: Workspace,
    alerts: Sequence[Sent],
    source: TelemetrySource | None,
    by: Any,
    refused: Sequence[str] = (),
) -> Receipt:
    """Store alerts: each joins a standing incident or opens one, whose analysis begins.

    A storm is one investigation: what belongs to a standing incident joins it. An alert that was
    sent before is counted once more and starts nothing; neither does one that has already ended.

    Raises:
        UnableToStart: no alert, or more than ``MAX_BATCH``.
        UnableToFind: the source was deleted meanwhile.
    """
    if not alerts and not refused:
        raise UnableToStart("No alert was sent.", field="alerts")
    if len(alerts) > MAX_BATCH:
        raise UnableToStart(
            f"Send at most {MAX_BATCH} alerts at a time, not {len(alerts)}.", field="alerts"
        )
    receipt, seen = Receipt(refused=list(refused)), dict[int, frozenset[str] | None]()
    with transaction.atomic():
        _hold(source)
        # The lock makes two deliveries of one storm wait for each other.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        for alert in sorted(alerts, key=lambda one: one.at):
            _take(workspace, alert, source, by, receipt, seen)
    return receipt


def _hold(source: TelemetrySource | None) -> None:
    """Keep a source from being deleted until the caller commits."""
    if source is not None:
        held(TelemetrySource.objects.only("pk"), source)


def _take(
    workspace: Workspace,
    alert: Sent,
    source: TelemetrySource | None,
    by: Any,
    receipt: Receipt,
    seen: dict[int, frozenset[str] | None],
) -> None:
    """``seen`` keeps, for the whole batch, what analyses of standing incidents have seen."""
    if _seen_again(workspace, alert, source):
        receipt.known += 1
        return
    if alert.resolved_at is not None:
        receipt.refused.append(
            f"{alert.title or alert.external_id} had already ended when it arrived and was never "
            "seen firing: no incident was opened."
        )
        return
    standing = _standing(workspace, alert, source, seen)
    if standing is not None:
        _attach(standing, alert)
        receipt.joined.append(standing.number)
        return
    incident = _open(workspace, alert, source, by)
    analysis_start(incident=incident, by=by)
    receipt.opened.append(incident.number)


def _seen_again(workspace: Workspace, alert: Sent, source: TelemetrySource | None) -> bool:
    """Count an alert that is known; the end of a firing one is written down."""
    rows = IncidentAlert.objects.filter(
        incident__workspace=workspace, incident__source=source, external_id=alert.external_id
    )
    changed: dict[str, Any] = {"count": F("count") + 1}
    if alert.resolved_at is not None:
        changed["resolved_at"] = _moment(alert.resolved_at)
    return bool(rows.update(**changed))


def _standing(
    workspace: Workspace,
    alert: Sent,
    source: TelemetrySource | None,
    seen: dict[int, frozenset[str] | None],
) -> Incident | None:
    """The newest incident nobody has decided on that the alert belongs to."""
    at, gap = _moment(alert.at), timedelta(seconds=GAP_SECONDS)
    found = Incident.objects.filter(
        workspace=workspace,
        kind=Incident.Kind.SERVICE,
        status=Incident.Status.OPEN,
        source=source,
        begins_at__lte=at + gap,
        ends_at__gte=at - gap,
    )
    near = list(found.order_by("-number"))
    if unread := [incident for incident in near if incident.pk not in seen]:
        seen.update(components_seen(unread))
    for incident in near:
        if joins(alert, _as_standing(incident, seen[incident.pk])):
            return incident
    return None


def _as_standing(incident: Incident, known: frozenset[str] | None) -> Standing:
    return Standing(
        entry=incident.entry,
        system=incident.system,
        begins=incident.begins_at.timestamp(),
        ends=incident.ends_at.timestamp(),
        known=known or frozenset(),
        # Without telemetry no analysis will say what belongs to it.
        is_unread=known is None and incident.source_id is not None,
    )


def _attach(incident: Incident, alert: Sent) -> None:
    _alert_row(incident, alert)
    at = _moment(alert.at)
    was = _window(incident)
    incident.begins_at, incident.ends_at = min(incident.begins_at, at), max(incident.ends_at, at)
    incident.entry = incident.entry or alert.entry
    incident.save(update_fields=["begins_at", "ends_at", "entry"])
    event_record(
        workspace=incident.workspace,
        actor=None,
        kind="incident.alert_joined",
        subject=incident,
        alert=alert.external_id,
        entry=alert.entry,
        before=was,
        after=_window(incident),
    )


def _window(incident: Incident) -> dict[str, str]:
    return {"from": incident.begins_at.isoformat(), "to": incident.ends_at.isoformat()}


def _open(workspace: Workspace, alert: Sent, source: TelemetrySource | None, by: Any) -> Incident:
    at = _moment(alert.at)
    title = alert.title or alert.signal or (f"Alert on {alert.entry}" if alert.entry else "Alert")
    incident = Incident.objects.create_numbered(
        workspace=workspace,
        source=source,
        title=title[:200],
        system=alert.system or (source.slug if source else ""),
        entry=alert.entry,
        severity=alert.severity,
        begins_at=at,
        ends_at=at,
        is_sample=bool(source and source.is_sample),
    )
    _alert_row(incident, alert)
    event_record(
        workspace=workspace,
        actor=by,
        kind="incident.opened",
        subject=incident,
        before={},
        after={"title": title[:200]},
    )
    return incident


def _alert_row(incident: Incident, alert: Sent) -> None:
    IncidentAlert.objects.create(
        incident=incident,
        external_id=alert.external_id,
        at=_moment(alert.at),
        resolved_at=_moment(alert.resolved_at) if alert.resolved_at is not None else None,
        entry=alert.entry,
        severity=alert.severity,
        signal=alert.signal,
        metric=alert.metric,
        trace_id=alert.trace_id,
        span_id=alert.span_id,
        onset_from=_moment(alert.onset[0]) if alert.onset else None,
        onset_to=_moment(alert.onset[1]) if alert.onset else None,
        labels=dict(alert.labels),
    )


def incident_create(
    *, workspace: Workspace, alert: Sent, source: TelemetrySource | None, by: Any
) -> Incident:
    """Open an incident by hand, whatever stands already, and begin its analysis.

    Raises:
        UnableToFind: the source was deleted meanwhile.
    """
    with transaction.atomic():
        _hold(source)
        incident = _open(workspace, alert, source, by)
        analysis_start(incident=incident, by=by)
    return incident


def attempt_analyse(*, attempt: Attempt, by: Any) -> Incident:
    """Ask which step decided a failed attempt; a second call finds the incident of the first.

    Raises:
        UnableToStart: it was not judged, it succeeded, or its steps were dropped.
    """
    if attempt.label not in {Attempt.Label.FAILURE, Attempt.Label.INFEASIBLE}:
        raise UnableToStart(
            f"{attempt} {'succeeded' if attempt.label else 'is not judged'}, "
            "so no step decided a failure."
        )
    with transaction.atomic():
        Attempt.objects.select_for_update(no_key=True).only("pk").get(pk=attempt.pk)
        standing = attempt.incidents.first()
        if standing is not None:
            return standing
        if attempt.steps_gone:
            raise UnableToStart(f"{attempt.steps_gone} Nothing is left to analyse.")
        at = attempt.ended_at or attempt.created_at
        reason = attempt.completion_reason or attempt.feasibility_reason
        incident = Incident.objects.create_numbered(
            workspace=attempt.run.workspace,
            kind=Incident.Kind.TRAJECTORY,
            attempt=attempt,
            title=attempt.task.instruction[:200],
            system=attempt.run.environment.slug,
            begins_at=at,
            ends_at=at,
        )
        incident.alerts.create(
            external_id=f"attempt-{attempt.pk}", at=at, signal=f"Rejected: {reason}"[:300]
        )
        event_record(
            workspace=incident.workspace,
            actor=by,
            kind="incident.opened",
            subject=incident,
            before={},
            after={"attempt": attempt.pk},
        )
        analysis_start(incident=incident, by=by)
    return incident


def analysis_start(
    *,
    incident: Incident,
    by: Any,
    window: tuple[datetime, datetime] | None = None,
    budget: Mapping[str, float] | None = None,
    uses_memory: bool = True,
    test: Mapping[str, Any] | None = None,
) -> Analysis:
    """Have the workers look at an incident; with a ``window`` at that time only.

    Of a trajectory, ``test`` (``{"step": 3, "arguments": {…}}``) has a step run again with other
    arguments.

    Raises:
        UnableToStart: it is being looked at already, its steps were dropped, or a window, a limit
            or a test makes no sense.
    """
    if incident.attempt is not None and incident.attempt.steps_gone:
        raise UnableToStart(f"{incident.attempt.steps_gone} What was found before stays.")
    if window is not None:
        check_window(*window)
    if test:
        check_test(incident, test)
    limits = budget_of(budget or {})
    with transaction.atomic():
        analysis = begin(
            incident=incident,
            by=by,
            window=window or (None, None),
            budget=limits,
            uses_memory=uses_memory,
            test=test,
            dispatched_at=timezone.now(),
        )
        if analysis is None:
            raise UnableToStart(
                f"{incident} is already being analysed. Wait for it, or cancel it first."
            )
        analyse_incident.delay_on_commit(analysis.pk)
    return analysis


def analysis_cancel(*, incident: Incident, by: Any) -> Analysis:
    """End the analysis that waits or works. What earlier ones found stays.

    Raises:
        UnableToStart: none waits or works.
    """
    with transaction.atomic():
        rows = incident.analyses.open()
        analysis = rows.select_for_update(no_key=True).first()
        if analysis is None:
            raise UnableToStart(f"No analysis of {incident} is under way.")
        was = analysis.status
        rows.filter(pk=analysis.pk).update(
            status=Analysis.Status.CANCELLED, ended_at=timezone.now(), message="Cancelled."
        )
        event_record(
            workspace=incident.workspace,
            actor=by,
            kind="incident.analysis_cancelled",
            subject=incident,
            number=analysis.number,
            before={"status": was},
            after={"status": Analysis.Status.CANCELLED.value},
        )
    analysis.refresh_from_db()
    return analysis


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
