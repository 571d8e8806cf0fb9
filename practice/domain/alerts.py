"""Alerts as they are sent: read, bounded and masked, and which of them belong together. Pure.

Alertmanager's webhook is version 4 of its own documentation
(prometheus.io/docs/alerting/latest/configuration/#webhook_config).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from memoryapp.domain.masking import redact
from practice.domain.reading import whole_text

MAX_BATCH = 500
#: Alerts that lie this close may have one cause: the window of memory (docs/incidents.md#alerts).
GAP_SECONDS = 600.0
#: Where monitoring systems name the component, the surest first.
ENTRY_LABELS = (
    "service",
    "service_name",
    "app_kubernetes_io_name",
    "app",
    "deployment",
    "statefulset",
    "workload",
    "container",
    "pod",
    "job",
    "instance",
)
_FAR_FUTURE = 4_102_444_800.0  # 2100-01-01: a time in milliseconds lies beyond it


class NotAnAlert(ValueError):
    """What was sent cannot be read; the message names the field and what it should be."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One alert as it is stored. Times are UTC epoch seconds."""

    external_id: str
    at: float
    entry: str = ""
    title: str = ""
    severity: str = ""
    signal: str = ""
    metric: str = ""
    trace_id: str = ""
    span_id: str = ""
    system: str = ""
    onset: tuple[float, float] | None = None
    resolved_at: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    #: whether ``system`` is a namespace: one of several that a system may be spread over.
    is_part: bool = False


#: left out in silence, a mistyped name would be an analysis that knows less than its sender.
FIELDS = (
    *("id", "at", "entry", "title", "signal", "metric", "severity", "system", "trace_id"),
    *("span_id", "onset_between", "labels"),
)


def read(given: Any) -> Sent:
    """One alert of our own form: ``at`` and what else is known.

    Raises:
        NotAnAlert: a field is missing, unknown or of another kind.
    """
    if not isinstance(given, Mapping):
        raise NotAnAlert("An alert is an object with at, entry and signal.")
    strange = next((str(name)[:100] for name in given if name not in FIELDS), None)
    if strange is not None:
        raise NotAnAlert(f"There is no field {strange}. An alert takes {', '.join(FIELDS)}.")
    if "at" not in given:
        raise NotAnAlert("at is missing: when the alert was raised, as ISO 8601 or epoch seconds.")
    at = moment(given["at"], "at")
    onset = given.get("onset_between")
    if onset is not None and (not isinstance(onset, Sequence) or len(onset) != 2):
        raise NotAnAlert("onset_between is a list of two times, or left out.")
    between = (moment(onset[0], "onset"), moment(onset[1], "onset")) if onset else None
    if between and between[0] > between[1]:
        raise NotAnAlert("onset_between begins after it ends: swap the two times.")
    signal = _text(given, "signal", 300)
    entry = _text(given, "entry", 200)
    return Sent(
        external_id=_text(given, "id", 200) or _name(entry, signal, at),
        at=at,
        entry=entry,
        title=_text(given, "title", 200),
        severity=_text(given, "severity", 40),
        signal=signal,
        metric=_text(given, "metric", 200),
        trace_id=_text(given, "trace_id", 64),
        span_id=_text(given, "span_id", 64),
        system=_text(given, "system", 100),
        onset=between,
        labels=_labels(given.get("labels") or {}),
    )


def read_alertmanager(given: Any) -> tuple[list[Sent], list[str]]:
    """The alerts of one webhook call, and one line for each that cannot be read.

    Raises:
        NotAnAlert: the body is not Alertmanager's.
    """
    alerts = given.get("alerts") if isinstance(given, Mapping) else None
    if not isinstance(alerts, Sequence) or isinstance(alerts, str):
        raise NotAnAlert("The body has no list alerts: point Alertmanager's webhook_config here.")
    found: list[Sent] = []
    refused: list[str] = []
    for place, one in enumerate(alerts):
        try:
            found.append(_from_alertmanager(one))
        except NotAnAlert as error:
            refused.append(f"Alert {place}: {error}")
    return found, refused


def _from_alertmanager(one: Any) -> Sent:
    if not isinstance(one, Mapping):
        raise NotAnAlert("it is not an object with labels and startsAt.")
    labels, notes = _labels(one.get("labels") or {}), _labels(one.get("annotations") or {})
    at = moment(one.get("startsAt"), "startsAt")
    ends = one.get("endsAt")
    name = labels.get("alertname", "")
    entry = next((labels[label] for label in ENTRY_LABELS if labels.get(label)), "")
    said = notes.get("summary") or notes.get("description") or name
    key = _storable(one.get("fingerprint") or _name(json.dumps(labels, sort_keys=True), "", 0.0))
    return Sent(
        external_id=f"{key}-{at:.0f}"[:200],
        at=at,
        entry=entry[:200],
        title=said[:200],
        severity=labels.get("severity", "")[:40],
        signal=said[:300],
        system=(labels.get("cluster") or labels.get("namespace") or "")[:100],
        resolved_at=moment(ends, "endsAt") if one.get("status") == "resolved" and ends else None,
        labels=labels,
        is_part=not labels.get("cluster") and bool(labels.get("namespace")),
    )


def moment(value: Any, name: str) -> float:
    """A time as epoch seconds, from epoch seconds or ISO 8601; no zone means UTC.

    Raises:
        NotAnAlert: neither, or a number that is no time in seconds.
    """
    if isinstance(value, bool):
        raise NotAnAlert(f"{name} is a time: ISO 8601 such as 2026-11-25T09:12:00Z.")
    if isinstance(value, int | float):
        # An integer of hundreds of digits is no number of seconds, and no float either.
        seconds = float(value) if abs(value) < _FAR_FUTURE else math.inf
    else:
        try:
            parsed = datetime.fromisoformat(str(value))
        except ValueError as error:
            raise NotAnAlert(
                f"{name} is a time: ISO 8601 such as 2026-11-25T09:12:00Z, or epoch seconds."
            ) from error
        seconds = (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds) or not 0 < seconds < _FAR_FUTURE:
        raise NotAnAlert(f"{name} is not a time in seconds: divide milliseconds by 1,000.")
    return seconds


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident that alerts may join. ``known`` are components its analysis has seen.

    ``is_unread``: none of its analyses has ended, so that nothing says yet what belongs to it.
    """

    entry: str
    system: str
    begins: float
    ends: float
    known: frozenset[str] = frozenset()
    is_unread: bool = False


def joins(alert: Sent, incident: Standing, gap: float = GAP_SECONDS) -> bool:
    """Whether an alert belongs to a standing incident rather than to one of its own.

    It does when both are of one system and their windows touch, and the alert comes from the
    incident's entry, from nowhere in particular, or from a component the investigation has in its
    graph: a storm over one call tree is one investigation (docs/incidents.md#alerts). An
    incident from nowhere in particular takes anything while nothing is known of it, and so does
    one whose first analysis is under way: a storm comes in before anything is known of it.

    One call tree may go through several namespaces. An alert of another one than the incident's
    belongs to it when its component is in the graph, or while no graph is there yet; not when it is
    the incident's own component, which is another copy of it there.
    """
    if not incident.begins - gap <= alert.at <= incident.ends + gap:
        return False
    if alert.system and incident.system and alert.system != incident.system:
        is_copy = not alert.entry or alert.entry == incident.entry
        is_called = alert.entry in incident.known or incident.is_unread
        return alert.is_part and not is_copy and is_called
    if not alert.entry or incident.is_unread or not (incident.entry or incident.known):
        return True
    return alert.entry == incident.entry or alert.entry in incident.known


def explained(causes: str, entries: Sequence[str], calls: Collection[tuple[str, str]]) -> int:
    """How many alerted components reach a cause over calls; a component reaches itself."""
    reaching, waiting = {causes}, [causes]
    callers: dict[str, list[str]] = {}
    for source, target in calls:
        callers.setdefault(target, []).append(source)
    while waiting:
        for caller in callers.get(waiting.pop(), ()):
            if caller not in reaching:
                reaching.add(caller)
                waiting.append(caller)
    return sum(not entry or entry in reaching for entry in entries)


def _text(given: Mapping[str, Any], name: str, cap: int) -> str:
    value = given.get(name, "")
    if value is None:
        return ""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise NotAnAlert(f"{name} is a text.")
    return redact(_storable(value).strip())[:cap]


def _labels(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise NotAnAlert("labels is an object of texts.")
    return {
        _storable(name)[:100]: redact(_storable(value))[:1_000]
        for name, value in list(given.items())[:60]
    }


def _storable(value: Any) -> str:
    """A value as a text without what no database holds: NUL and lone surrogates."""
    return whole_text(str(value).replace("\x00", ""))


def _name(entry: str, signal: str, at: float) -> str:
    return hashlib.sha256(f"{entry}|{signal}|{at:.0f}".encode()).hexdigest()[:24]
