"""Hosts as causes: services on one machine degrade together, and the machine's metrics say why.

A host is named only where its own metrics left their usual range, at least two services on it lose
time that none of their callees accounts for, and no service on it uses up what the host lacks. What
the host accounts for is then charged to it, as a caller's wait is to its callee. Ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.metrics import (
    Role,
    Series,
    compared,
    host_role,
    parted_at,
    role,
    series,
)
from practice.domain.rootcause.naming import host_id, shown
from practice.domain.rootcause.ranking import LOST_TIME, OWN, SURELY, kept, lessened, worth
from practice.domain.rootcause.telemetry import Floats, Labels, Telemetry, distinct
from practice.domain.rootcause.types import EvidenceKind, MetricSummary

_FEWEST = 5
# What a host that lacks something does to everybody on it: their work takes longer.
_SUFFERED = LOST_TIME | {EvidenceKind.LATENCY}
# One service alone may be slow by its own doing.
_TOGETHER = 2
# What is left to a service, or to a host, when the other surely accounts for it.
_LEFT = 0.05

Placed = Mapping[str, Collection[str]]


def host_series(samples: Iterable[Series], runs_on: Mapping[str, str]) -> Iterator[Series]:
    """What is measured of hosts: by themselves, or told by a pod that runs there.

    ``service`` is the host's id. A sample without a service whose ``pod`` is a host is the host's.
    """
    known = set(runs_on.values())
    for one in samples if runs_on else ():
        alone = not one.service and one.pod in known
        host = one.pod if alone else runs_on.get(one.pod) or runs_on.get(one.service)
        if host and (alone or role(one.metric) is Role.HOST):
            yield replace(one, service=host_id(host), pod="")


def usual_of_hosts(telemetry: Telemetry, width: float) -> dict[tuple[str, str], Floats]:
    """(host's id, metric) → its fault-free samples; one pod's, where several tell the same."""
    found = host_series(series(telemetry.metrics, width), dict(telemetry.hosts))
    return {(one.service, one.metric): one.value for one in found}


def host_deviations(
    samples: Iterable[Series],
    runs_on: Mapping[str, str],
    usual: Mapping[tuple[str, str], Floats],
    begin: float,
) -> tuple[list[Finding], list[tuple[str, MetricSummary]]]:
    """The strongest deviation of each role of each host, and a summary of each of its metrics."""
    best: dict[tuple[str, Role], Finding] = {}
    summaries: dict[tuple[str, str], MetricSummary] = {}
    for one in host_series(samples, runs_on):
        before, after, at = parted_at(one, begin)
        normal = usual.get((one.service, one.metric), np.zeros(0))
        if len(before) + len(normal) < _FEWEST or not len(after):
            continue
        what = host_role(one.metric)
        finding, summary = compared(one, what, before, normal, after, at)
        summaries.setdefault((one.service, one.metric), summary)
        key = (one.service, what)
        if finding is not None and (key not in best or finding.own > best[key].own):
            best[key] = finding
    return list(best.values()), [(host, one) for (host, _), one in summaries.items()]


def placed(telemetry: Telemetry) -> dict[str, frozenset[str]]:
    """Service → ids of the hosts that it, or a pod of it, runs on."""
    runs_on = dict(telemetry.hosts)
    found: dict[str, set[str]] = defaultdict(set)
    tables = (
        (telemetry.metrics.service, telemetry.metrics.pod),
        (telemetry.spans.service, telemetry.spans.pod),
        (telemetry.logs.service, telemetry.logs.pod),
    )
    for service, pod in tables if runs_on else ():
        for name, instance in _pairs(service, pod):
            host = runs_on.get(instance) or runs_on.get(name)
            if name and host:
                found[name].add(host_id(host))
    return {name: frozenset(hosts) for name, hosts in found.items()}


def _pairs(service: Labels, pod: Labels) -> Iterator[tuple[str, str]]:
    width = max(len(pod.names), 1)
    for code in distinct(service.codes.astype(np.int64) * width + pod.codes).tolist():
        yield service.names[code // width], pod.names[code % width] if pod.names else ""


def charged(
    findings: Sequence[Finding],
    of_hosts: Sequence[Finding],
    where: Placed,
    above: Callable[[Sequence[str]], frozenset[str]],
    tolerance: float,
) -> list[Finding]:
    """The findings, with those of hosts that have a case, and less for whom they account for.

    ``above`` gives whoever leads to some services by calls; ``tolerance`` is how exact an onset
    is, in seconds.
    """
    found = list(findings)
    for host in sorted({one.service for one in of_hosts}):
        suffering = _suffering(findings)
        tenants = [name for name in suffering if host in where.get(name, ())]
        mine = [one for one in of_hosts if one.service == host]
        lacks = _its_own(mine, findings, where, [suffering[name] for name in tenants], tolerance)
        sure = max((one.own for one in lacks), default=0.0)
        if len(tenants) < _TOGETHER or worth(sure) < OWN:
            continue
        waiting = above(tenants)
        here = sum(worth(suffering[name].own) for name in tenants)
        elsewhere = sum(worth(suffering[n].own) for n in suffering if n not in waiting)
        share = here / (here + elsewhere)
        left = max(1.0 - share * sure / SURELY, _LEFT)
        found = [
            lessened(one, left) if one.service in tenants and one.kind in _SUFFERED else one
            for one in found
        ]
        found += [*lacks, _together(host, [suffering[name] for name in tenants], share)]
    return found


def _suffering(findings: Sequence[Finding]) -> dict[str, Finding]:
    """The strongest time that each service loses by itself."""
    found: dict[str, Finding] = {}
    for one in findings:
        known = found.get(one.service)
        if one.kind in _SUFFERED and worth(one.own) >= OWN:
            found[one.service] = one if known is None or one.own > known.own else known
    return found


def _its_own(
    mine: Sequence[Finding],
    findings: Sequence[Finding],
    where: Placed,
    suffering: Sequence[Finding],
    tolerance: float,
) -> list[Finding]:
    """What a host lacks and nobody on it uses up, and that did not begin after its victims'."""
    onsets = [one.onset for one in suffering if one.onset is not None]
    latest = min(onsets) + tolerance if onsets else np.inf
    found = []
    for one in mine:
        used = [
            other.total
            for other in findings
            if other.kind is EvidenceKind.RESOURCE and one.service in where.get(other.service, ())
        ]
        if one.onset is None or one.onset <= latest:
            left = kept(one, max(used, default=0.0), _LEFT)
            found.append(lessened(one, left))
    return found


def _together(host: str, suffering: Sequence[Finding], share: float) -> Finding:
    """What services on a host have in common: no more than the second of them shows."""
    order = sorted(suffering, key=lambda one: (-one.own, one.service))
    common = order[_TOGETHER - 1]
    names = ", ".join(one.service for one in order[:4])
    more = f" and {len(order) - 4} more" if len(order) > 4 else ""
    return replace(
        common,
        service=host,
        own=common.own * share,
        statement=f"{len(order)} services on {shown(host)} lose time together: {names}{more}",
        pod="",
        toward="",
        baseline=None,
        observed=None,
        unit="",
    )
