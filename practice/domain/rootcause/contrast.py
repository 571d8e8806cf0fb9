"""What tells services that show the same metric apart: whose own doing is a deviation of it?

A metric alone does not say whom a service waited for. What most services show at once, what grows
with a service's own wait, and what somebody else shows more of, each speak less for a service.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.metrics import Role, role, unexplained
from practice.domain.rootcause.types import Direction, MetricSummary

# What is held while requests are under way grows with how long they take (Little's law).
_HELD = re.compile(r"socket|conn|thread|pool|descriptor|in_?flight|concurren|queue", re.I)
_STILL_HELD = 0.3
# What most services show at once is no sign of one of them; of so many at least.
_COMMON = {Role.RESOURCE, Role.NETWORK, Role.OTHER}
_MOST = 4


def apart(found: Sequence[Finding], measured: Sequence[tuple[str, MetricSummary]]) -> list[Finding]:
    """The findings, with less for what a service's own wait, or what befell most, accounts for."""
    services: dict[str, set[str]] = {}
    for service, summary in measured:
        services.setdefault(summary.metric, set()).add(service)
    slowed: dict[str, float] = {}
    loudest: dict[tuple[str, Direction], dict[str, float]] = {}
    for one in found:
        metric = one.references[0]
        if role(metric) is Role.LATENCY:
            slowed[one.service] = max(slowed.get(one.service, 0.0), one.change)
        mine = loudest.setdefault((metric, one.direction), {})
        mine[one.service] = max(mine.get(one.service, 0.0), one.total)
    common = {}
    for (metric, direction), by_service in loudest.items():
        silent = len(services[metric]) - len(by_service)
        if len(services[metric]) >= _MOST:
            both = [*by_service.values(), *[0.0] * silent]
            common[metric, direction] = float(np.median(both))
    kept = []
    for one in found:
        metric, left = one.references[0], 1.0
        if role(metric) in _COMMON:
            left = max(1.0 - common.get((metric, one.direction), 0.0) / one.total, 0.0)
        if _HELD.search(metric) and one.direction is Direction.UP:
            left *= max(unexplained(one.change, slowed.get(one.service, 0.0)), _STILL_HELD)
        kept.append(replace(one, own=one.own * left) if left < 1.0 else one)
    return kept


def strongest(findings: Sequence[Finding]) -> list[Finding]:
    """The strongest finding of each service and role, so that p90 and p95 do not count twice.

    Failures are counted by everybody they pass through: of one metric, whoever counts most is
    nearest to where they begin. A request's time holds that of the calls it makes, so of those who
    lose the same time the innermost, who usually takes least, has the greatest relative change.
    """
    most: dict[tuple[str, Direction], float] = {}
    for one in findings:
        same = (one.references[0], one.direction)
        most[same] = max(most.get(same, 0.0), _spread(one))
    best: dict[tuple[str, Role], Finding] = {}
    for one in findings:
        far = most[one.references[0], one.direction]
        if far > 0:
            one = replace(one, own=one.own * (_spread(one) / far) ** 0.5)
        key = (one.service, role(one.references[0]))
        if key not in best or one.own > best[key].own:
            best[key] = one
    return list(best.values())


def _spread(one: Finding) -> float:
    """What tells services that show the same apart, 0 where nothing does."""
    what = role(one.references[0])
    if what is Role.ERRORS:
        return abs((one.observed or 0.0) - (one.baseline or 0.0))
    return abs(one.change) if what is Role.LATENCY else 0.0
