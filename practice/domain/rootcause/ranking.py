"""Weigh what was found: one strength per service, a calibrated score, and the order of causes."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.robust import log_ratio
from practice.domain.rootcause.types import Direction, EvidenceKind

# Below this a service does not deviate by itself.
OWN = 0.3
# What a cause the alert's calls never reach is worth: it could act by a way nobody recorded.
UNREACHED = 0.3
UNRECORDED = 0.7
# Spans measure a service's time request by request. Where they show nothing, a histogram that
# moved is the less sure word, and a busier processor has not slowed anybody down.
_UNCONFIRMED = {EvidenceKind.LATENCY: 0.3, EvidenceKind.RESOURCE: 0.4}
# What is left of a caller's latency when a callee's accounts for all of it.
_STILL_OWN = 0.2
# And of its failures or its own time, when a callee that tells nothing itself accounts for them.
_STILL_FAILING = 0.05
_HALVINGS = 30
# Nats at which a callee that is gone, or slow unseen, accounts for all that its callers show.
SURELY = 15.0
_SLOW = frozenset({EvidenceKind.LATENCY})
_FAILING = frozenset(
    {
        EvidenceKind.ERROR,
        EvidenceKind.OWN_ERROR,
        EvidenceKind.MISSING_CALL,
        EvidenceKind.MISSING_STEP,
    }
)
_SILENT = frozenset({EvidenceKind.SILENCE})
LOST_TIME = frozenset({EvidenceKind.SELF_TIME, EvidenceKind.NETWORK_GAP})
# Below this strength "no cause found" is the better answer: chance alone reaches it now and then.
FOUND = 0.6
# The score: how strength turns into odds, and what speaks for a cause nobody measured.
_SHARPNESS = 3.0
_UNSEEN = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """One service's case. ``strength`` is unit-free; ``best`` has the best finding per kind."""

    service: str
    strength: float
    best: tuple[Finding, ...]

    @property
    def top(self) -> Finding | None:
        return self.best[0] if self.best else None


def worth(nats: float) -> float:
    """Diminishing: a hundred nats are not ten times as convincing as ten, and two hardly count."""
    return math.log1p(nats / 3.0) * nats / (nats + 5.0) if nats > 0 else 0.0


def inherited(
    findings: Iterable[Finding],
    callees: Mapping[str, Sequence[str]],
    traced: Collection[str] = (),
    orphans: Collection[str] = (),
) -> list[Finding]:
    """The findings, charged to the callee where a callee shows as much.

    A caller waits for whom it calls, so its latency is its own only as far as no callee's
    deviates by as much. It fails when whom it calls fails: failures that are only counted, not
    seen request by request, are charged likewise, and all of them where the callee fell silent.
    Time in a callee that nobody traces, or that no longer answers, looks like the caller's own;
    ``traced`` are the services whose requests were recorded. Of ``orphans`` nobody recorded who
    calls them: whoever loses time that no call of its own accounts for may have lost it there.
    """
    known = list(findings)
    untraced = {
        name: tuple(callee for callee in called if callee not in traced)
        for name, called in callees.items()
    }
    failing, silent = (_loudest(known, kinds) for kinds in (_FAILING, _SILENT))
    # Who answers sooner makes nobody wait.
    quick = _loudest((one for one in known if one.direction is Direction.DOWN), _SLOW)
    slow = _loudest((one for one in known if one.direction is not Direction.DOWN), _SLOW)
    told = {one.service for one in known if one.kind in _FAILING and not one.by_rate}
    counted = {name: nats for name, nats in failing.items() if name not in told}
    beneath = {name: _beneath(name, callees) for name in callees} if silent else {}
    hidden = _hidden(known, traced, orphans)
    failed = _hidden_failures(known, traced, orphans)
    found = []
    for one in known:
        left = 1.0
        if one.kind in _SLOW:
            same = quick if one.direction is Direction.DOWN else slow
            beside = hidden.get(one.service, 0.0) if same is slow else 0.0
            left = kept(one, max(_below(one.service, same, callees), beside), _STILL_OWN)
        elif one.kind in _FAILING:
            below = failing if one.by_rate else counted
            beside = failed.get(one.service, 0.0)
            left = kept(one, max(_below(one.service, below, callees), beside), _STILL_FAILING)
            gone = _below(one.service, silent, beneath) / SURELY
            left = min(left, max(1.0 - gone, _STILL_FAILING))
            if one.by_rate:  # who waits too long gives up, and nobody saw for whom
                left = min(left, kept(one, _below(one.service, slow, callees), _STILL_OWN))
        elif one.kind in LOST_TIME:
            gone = _below(one.service, silent, beneath) / SURELY
            waits = _below(one.service, slow, untraced)
            if one.kind is EvidenceKind.SELF_TIME:
                waits = max(waits, hidden.get(one.service, 0.0))
            waits /= SURELY
            left = max(1.0 - max(gone, waits), _STILL_FAILING)
        found.append(lessened(one, left))
    return found


def lessened(one: Finding, left: float) -> Finding:
    """A finding of which ``left`` (0 to 1) is its service's own.

    By what it is worth as well as in nats: a twentieth of what is certain a hundred times over
    would still be certain, and outdo whoever accounts for the rest.
    """
    if left >= 1.0:
        return one
    return replace(one, own=min(one.own * left, _nats(left * worth(one.own))))


def _nats(of: float) -> float:
    """How many nats are worth so much; the inverse of ``worth``."""
    low, high = 0.0, 1.0
    while worth(high) < of:
        low, high = high, 2.0 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if worth(middle) < of else (low, middle)
    return high


def _hidden(
    findings: Sequence[Finding], traced: Collection[str], orphans: Collection[str]
) -> dict[str, float]:
    """How surely an orphan is slow whom a service that lost time may have waited for.

    Of two that lost the same time the inner, who usually takes less, has the greater relative
    change. An orphan that calls the service, and waits for it, has the smaller one.
    """
    slow = [
        one for one in findings
        if one.kind in _SLOW and one.direction is Direction.UP and one.service in orphans
    ]  # fmt: skip
    found: dict[str, float] = {}
    for one in findings if slow else ():
        if one.kind is not EvidenceKind.SELF_TIME or one.service not in traced:
            continue
        change = log_ratio(one.observed or 0.0, one.baseline or 0.0)
        sure = max((other.total for other in slow if other.change >= change), default=0.0)
        found[one.service] = max(found.get(one.service, 0.0), sure)
    return found


def _hidden_failures(
    findings: Sequence[Finding], traced: Collection[str], orphans: Collection[str]
) -> dict[str, float]:
    """How surely an orphan fails that a service whose requests fail may have called.

    Of one metric, whoever counts more failures is nearer to where they begin.
    """
    counted: dict[str, list[tuple[str, float, Finding]]] = defaultdict(list)
    for one in findings:
        if one.kind in _FAILING and one.by_rate and one.references and one.baseline is not None:
            rise = (one.observed or 0.0) - one.baseline
            counted[one.references[0]].append((one.service, rise, one))
    found: dict[str, float] = {}
    for rows in counted.values():
        for service in traced:
            mine = max((rise for name, rise, _ in rows if name == service), default=0.0)
            more = [one.total for name, rise, one in rows if name in orphans and rise > mine > 0]
            if more:
                found[service] = max(found.get(service, 0.0), *more)
    return found


def _beneath(service: str, callees: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All that a service's calls lead to: failures come up the whole way."""
    seen, waiting = {service: None}, [service]
    while waiting:
        for callee in callees.get(waiting.pop(), ()):
            if callee not in seen:
                seen[callee] = None
                waiting.append(callee)
    return tuple(seen)


def kept(one: Finding, below: float, least: float) -> float:
    """The part of a finding that is left to its service when ``below`` accounts for the rest.

    Compared by what they are worth: of two things that are certain neither outdoes the other.
    """
    return max(1.0 - worth(below) / worth(one.total), least) if one.total > 0 else 1.0


def _loudest(findings: Iterable[Finding], kinds: Collection[EvidenceKind]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in findings:
        if one.kind in kinds:
            found[one.service] = max(found.get(one.service, 0.0), one.total)
    return found


def _below(service: str, loud: Mapping[str, float], callees: Mapping[str, Sequence[str]]) -> float:
    return max((loud.get(c, 0.0) for c in callees.get(service, ()) if c != service), default=0.0)


def standings(findings: Iterable[Finding], traced: Collection[str]) -> dict[str, Standing]:
    """Strength of every service: the sum of the worth of its best finding of each kind.

    ``traced`` are the services whose requests in the window were recorded.
    """
    best: dict[str, dict[EvidenceKind, Finding]] = defaultdict(dict)
    for one in findings:
        known = best[one.service].get(one.kind)
        if known is None or one.own > known.own:
            best[one.service][one.kind] = one
    found = {}
    for service, by_kind in best.items():
        unconfirmed = service in traced and not LOST_TIME & set(by_kind)
        worths = {
            kind: worth(one.own) * (_UNCONFIRMED.get(kind, 1.0) if unconfirmed else 1.0)
            for kind, one in by_kind.items()
        }
        order = sorted(by_kind.values(), key=lambda one: (-worths[one.kind], one.kind))
        found[service] = Standing(service, sum(worths.values()), tuple(order))
    return found


def ordered(strengths: Mapping[str, float], place: Mapping[str, tuple[float, ...]]) -> list[str]:
    """Best first; equal ones by ``place``, and by a hash of the name where nothing else tells."""
    far = (math.inf,)
    return sorted(strengths, key=lambda n: (-strengths[n], place.get(n, far), _digest(n)))


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def scores(strengths: Sequence[float]) -> list[float]:
    """The chance of each to be the cause, given that one of them or something unseen is.

    Odds grow with a power of strength: how far one stands out from the others is judged by what
    the others show, which is the noise of this window. Whether there is a cause at all is decided
    apart, by ``FOUND``.
    """
    odds = [strength**_SHARPNESS for strength in strengths]
    whole = _UNSEEN**_SHARPNESS + sum(odds)
    return [one / whole for one in odds]
