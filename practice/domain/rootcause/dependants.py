"""Services slow to be reached that show it nowhere but in who calls them, told by metrics alone.

A service measures the time between a request and its answer; what the network adds on the way, only
its callers see. One caller that is slow or fails, with no callee to account for it, may be ill
itself. Two that call the same service have that in common. ``waits.py`` does so by spans. Ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.ranking import OWN, lessened, worth
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Direction, EvidenceKind

_SYMPTOMS = frozenset({EvidenceKind.LATENCY, EvidenceKind.ERROR})
# What looks like a service's own doing, request by request, where its callee keeps no spans.
_SEEN = {
    EvidenceKind.SELF_TIME,
    EvidenceKind.OWN_ERROR,
    EvidenceKind.ERROR,
    EvidenceKind.MISSING_CALL,
}
# One caller alone may be slow by its own doing.
_TOGETHER = 2
# A callee that shows half as much accounts for its caller.
_ENOUGH = 0.5
# What is left to a caller when the callee accounts for all that it shows.
_LEFT = 0.05


def charged(
    findings: Sequence[Finding], callees: Mapping[str, Sequence[str]], traced: Collection[str]
) -> list[Finding]:
    """The findings, with that of the service whom most of its callers suffer from, and less theirs.

    ``traced`` are the services whose requests were recorded: their spans say more.
    """
    loudest: dict[str, Finding] = {}
    for one in findings:
        if _is_symptom(one) and worth(one.total) >= OWN:
            known = loudest.get(one.service)
            loudest[one.service] = one if known is None or one.total > known.total else known
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, called in callees.items():
        for callee in called:
            callers[callee].append(caller)
    at_a_loss = {
        name for name, one in loudest.items()
        if name not in traced and not any(
            worth(loudest[callee].total) >= _ENOUGH * worth(one.total)
            for callee in callees.get(name, ()) if callee in loudest
        )
    }  # fmt: skip
    suffering = {
        callee: sorted(at_a_loss & set(names), key=lambda name: (-loudest[name].total, name))
        for callee, names in sorted(callers.items())
        if callee not in loudest and 2 * len(loudest.keys() & set(names)) > len(names)
    }
    most = max((len(names) for names in suffering.values()), default=0)
    if most < _TOGETHER:
        return list(findings)
    common = [callee for callee, names in suffering.items() if len(names) == most]
    victims = {name for callee in common for name in suffering[callee]}
    found = [
        lessened(one, _LEFT) if one.service in victims and _is_symptom(one) else one
        for one in findings
    ]
    for callee in common:
        names = suffering[callee]
        found.append(_reached_badly(callee, names, loudest[names[_TOGETHER - 1]], len(common)))
    return found


def unrecorded(
    findings: Sequence[Finding], callees: Mapping[str, Sequence[str]], traced: Collection[str]
) -> list[Finding]:
    """As ``charged``, by spans: what the callers of a service that keeps none have in common.

    Time and failures in a callee without spans look like the caller's own.
    """
    loudest: dict[str, Finding] = {}
    troubled = set()
    for one in findings:
        if worth(one.total) < OWN:
            continue
        troubled.add(one.service)
        if _is_own_by_spans(one) and one.service in traced and worth(one.own) >= OWN:
            known = loudest.get(one.service)
            loudest[one.service] = one if known is None or one.own > known.own else known
    callers: dict[str, list[str]] = defaultdict(list)
    for caller, called in callees.items():
        for callee in called:
            if callee not in traced and callee not in troubled:
                callers[callee].append(caller)
    suffering = {
        callee: sorted(loudest.keys() & set(names), key=lambda name: (-loudest[name].own, name))
        for callee, names in sorted(callers.items())
        if 2 * len(loudest.keys() & set(names)) > len(names)
    }
    most = max((len(names) for names in suffering.values()), default=0)
    if most < _TOGETHER:
        return list(findings)
    common = [callee for callee, names in suffering.items() if len(names) == most]
    victims = {name for callee in common for name in suffering[callee]}
    found = [
        lessened(one, _LEFT)
        if one.service in victims and _is_own_by_spans(one) else one
        for one in findings
    ]  # fmt: skip
    for callee in common:
        names = suffering[callee]
        second = loudest[names[_TOGETHER - 1]]
        said = replace(_reached_badly(callee, names, second, len(common)), modality=second.modality)
        found.append(replace(said, by_rate=False))
    return found


def _is_own_by_spans(one: Finding) -> bool:
    return one.kind in _SEEN and not one.by_rate and one.modality is not Modality.METRICS


def _is_symptom(one: Finding) -> bool:
    return (
        one.kind in _SYMPTOMS and one.modality is Modality.METRICS and one.direction is Direction.UP
    )


def _reached_badly(callee: str, names: Sequence[str], second: Finding, rivals: int) -> Finding:
    """No surer than the second of its callers shows, and shared with who is called by as many."""
    listed = ", ".join(names[:4])
    return Finding(
        service=callee,
        kind=EvidenceKind.NETWORK_GAP,
        modality=Modality.METRICS,
        own=second.total / rivals,
        total=second.total / rivals,
        statement=(
            f"{len(names)} of its callers are slow or fail, and nothing else they call shows why: "
            f"{listed}"
        ),
        direction=Direction.UP,
        toward=names[0],
        onset=second.onset,
        by_rate=True,
    )
