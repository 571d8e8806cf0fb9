"""Metrics that left their usual range, by the role their name tells: resource, latency, errors …

Names of metrics are read, names of services never. A metric whose role its name does not tell is
still weighed, at less. Host-level metrics speak for every pod on the host, not for one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np

from practice.domain.rootcause.counters import may_be_counter, per_second, unlabelled
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.naming import shown
from practice.domain.rootcause.robust import excess, log_ratio, median, quantile, scale_of
from practice.domain.rootcause.telemetry import Floats, MetricTable, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind, MetricSummary

_FEWEST = 5
# Names of metrics come up again for each service and each alert; so many are known again.
_KNOWN = 4_096
# How many requests a time was taken of is no time.
_HOW_MANY = re.compile(r"[_.](count|calls)$", re.I)


class Role(StrEnum):
    """What a metric measures, as far as its name tells."""

    RESOURCE = "resource"
    NETWORK = "network"
    LATENCY = "latency"
    CALL_LATENCY = "call latency"
    ERRORS = "errors"
    SUCCESS = "success"
    WORKLOAD = "workload"
    HOST = "host"
    RESTARTS = "restarts"
    OTHER = "other"


_HOST_WORD = r"^(node|host|machine)([_.:/-]|(?=[A-Z]))|^(?-i:Node|Host)"
_OF_HOST = re.compile(_HOST_WORD, re.I)
_UNIT = r"(seconds|millis(econds)?|ms|micros(econds)?|us|nanos(econds)?|ns)"
_STATISTIC = r"([_.-](max|min|mean|avg|average|p?\d+))?$"
# A request, in words, and then a unit of time: how long one takes.
_TAKES = (
    r"(requests?|responses?|calls?|quer(y|ies)|rpc|http|handl(er|ing)|invocations?|commands?"
    rf"|operations?|transactions?)[_.-]{_UNIT}{_STATISTIC}"
)
_OUTWARD = r"(^|[_.:-])(client|outbound|egress|upstream|caller)(?=[_.:-])"
# Read in this order; the first that matches names the role.
_ROLES: tuple[tuple[Role, re.Pattern[str]], ...] = tuple(
    (role, re.compile(pattern, re.I))
    for role, pattern in (
        (Role.HOST, _HOST_WORD),
        (Role.RESTARTS, r"restart|oom|crash"),
        (Role.RESOURCE, r"throttl"),
        (Role.SUCCESS, r"success|availab"),
        (
            Role.ERRORS,
            r"err(or)?s?\b|error|fail|5xx|exception|timeout|drop|retrans",
        ),
        (
            Role.CALL_LATENCY,
            rf"{_OUTWARD}.*(p\d\d|_m?s(?![a-z])|lat|duration|time|_rt|[_.-]{_UNIT}{_STATISTIC})",
        ),
        (
            Role.LATENCY,
            rf"latency|duration|response_?time|(^|[_.-])p\d\d|_rt\b|elapsed|{_TAKES}",
        ),
        (Role.RESOURCE, r"socket|conn"),
        (Role.NETWORK, r"network|(^|[_.:-])(net|rx|tx)[_.-]|receive|transmit|packet|bandwidth"),
        (
            Role.RESOURCE,
            r"cpu|mem(ory)?(?-i:(?![a-z]))|heap|rss|disk|(^|[_.-])io|iops|fs(?-i:[A-Z_.-])"
            r"|file_?desc|thread|(^|[_.-])gc|pool|swap|load(\d+|_?av(era)?ge?)|(system|process)[_.:-]load",
        ),
        (Role.NETWORK, r"rx|tx|bytes|recv"),
        (Role.WORKLOAD, r"qps|rps|ops|request|throughput|load|rate|count|total|syscall|calls"),
    )
)
# How far a deviation in each role points at a cause in the service itself rather than in what it
# calls or what calls it. Ours: an order of roles, not a fit.
_POINTS = {
    Role.RESOURCE: 1.0,
    Role.RESTARTS: 1.0,
    Role.ERRORS: 0.7,
    Role.SUCCESS: 0.5,
    Role.LATENCY: 0.5,
    Role.OTHER: 0.4,
    Role.NETWORK: 0.3,
    Role.CALL_LATENCY: 0.2,
    Role.HOST: 0.15,
    Role.WORKLOAD: 0.15,
}
_KINDS = {
    Role.RESOURCE: EvidenceKind.RESOURCE,
    Role.RESTARTS: EvidenceKind.SILENCE,
    Role.ERRORS: EvidenceKind.ERROR,
    Role.SUCCESS: EvidenceKind.ERROR,
    Role.LATENCY: EvidenceKind.LATENCY,
    Role.CALL_LATENCY: EvidenceKind.LATENCY,
    Role.WORKLOAD: EvidenceKind.WORKLOAD,
}
# Falling is a sign of failure in these; in the others it is mostly less work to do. A time that
# nearly vanishes is work that is no longer done.
_FALLS = {Role.SUCCESS}
_FALLING = 0.3
_TIMES = {Role.LATENCY, Role.CALL_LATENCY}
# So little is left of its requests where a service counts none any more.
_NOTHING = 0.01
# What a service uses, and how soon it answers, follows how much it is asked for.
_FOLLOWS = {Role.RESOURCE, Role.NETWORK}
_REQUESTS = re.compile(r"workload|qps|rps|req|ops|throughput|(^|[_.:-])load$", re.I)
# What a service asks of others is not what it is asked for.
_ASKED_OF_OTHERS = re.compile(_OUTWARD, re.I)


@lru_cache(maxsize=_KNOWN)
def host_role(metric: str) -> Role:
    """What a metric of a host measures: its name without the word that says it is a host's."""
    name = unlabelled(metric)
    return role(_OF_HOST.sub("", name)) if _OF_HOST.match(name) else role(name)


@lru_cache(maxsize=_KNOWN)
def role(metric: str) -> Role:
    name = unlabelled(metric)
    found = next((role for role, pattern in _ROLES if pattern.search(name)), Role.OTHER)
    return Role.WORKLOAD if found in _TIMES and _HOW_MANY.search(name) else found


def is_time(metric: str) -> bool:
    """Whether a metric measures how long requests take."""
    return role(metric) in _TIMES


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one pod, sorted by time, samples that are no number left out."""

    service: str
    pod: str
    metric: str
    ts: Floats
    value: Floats


def series(table: MetricTable, bin_seconds: float = 0.0) -> Iterator[Series]:
    """The table by (service, pod, metric); finer samples than ``bin_seconds`` are averaged."""
    good = np.isfinite(table.value) & np.isfinite(table.ts)
    pods, metrics = max(len(table.pod.names), 1), max(len(table.metric.names), 1)
    key = (table.service.codes.astype(np.int64) * pods + table.pod.codes) * metrics
    key = (key + table.metric.codes)[good]
    ts, value = table.ts[good], table.value[good]
    if not len(key):
        return
    order = np.lexsort((ts, key))
    keys, first = np.unique(key[order], return_index=True)
    for code, rows in zip(keys, np.split(order, first[1:]), strict=True):
        service, pod = divmod(int(code) // metrics, pods)
        metric = table.metric.names[int(code) % metrics]
        at, values = ts[rows], value[rows]
        if role(metric) in _TIMES:  # nothing takes no time: nobody asked
            at, values = at[values != 0], values[values != 0]
            if not len(at):
                continue
        at, values, _ = per_second(metric, at, values)
        at, values = _binned(at, values, bin_seconds)
        yield Series(
            table.service.names[service],
            table.pod.names[pod],
            metric,
            at,
            values,
        )


def _binned(ts: Floats, value: Floats, width: float) -> tuple[Floats, Floats]:
    if width <= 0 or len(ts) < 3:
        return ts, value
    steps = ts[1:] - ts[:-1]
    if steps.min() >= width or median(steps) >= width:
        return ts, value
    bins, place = np.unique(np.floor(ts / width), return_inverse=True)
    total = np.bincount(place, weights=value)
    return (bins + 0.5) * width, total / np.bincount(place)


def usual_values(reference: MetricTable | None, width: float) -> dict[tuple[str, str], Floats]:
    """(service, metric) → its fault-free samples, over all pods: pods come and go."""
    found: dict[tuple[str, str], list[Floats]] = {}
    if reference is not None:
        for one in series(reference, width):
            if may_be_counter(one.metric, one.value):
                continue  # too few to tell a counter by: the window's may be read as rates
            found.setdefault((one.service, one.metric), []).append(one.value)
    return {key: np.concatenate(parts) for key, parts in found.items()}


def deviations(
    known: Sequence[Series],
    usual: Mapping[tuple[str, str], Floats],
    begin: float,
) -> tuple[list[Finding], list[tuple[str, MetricSummary]]]:
    """Findings of every metric that left its usual range after ``begin``, and its summary."""
    found: list[Finding] = []
    summaries: list[tuple[str, MetricSummary]] = []
    load = loads(known, begin)
    nothing = np.zeros(0)
    for one in known:
        before, after, at = parted_at(one, begin)
        normal = usual.get((one.service, one.metric), nothing)
        if len(before) + len(normal) < _FEWEST or not len(after) or not one.service:
            continue
        asked = load.get(one.service, 0.0)
        finding, summary = compared(one, role(one.metric), before, normal, after, at, asked)
        summaries.append((one.service, summary))
        if finding is not None:
            found.append(finding)
    return found, summaries


def parted_at(one: Series, begin: float) -> tuple[Floats, Floats, Floats]:
    """The values of a series before ``begin``, those since, and the times of these."""
    cut = int(np.searchsorted(one.ts, begin))
    return one.value[:cut], one.value[cut:], one.ts[cut:]


def loads(known: Sequence[Series], begin: float) -> dict[str, float]:
    """How much more (above 0) or less each service is asked for: log of now to before.

    Of several counts of requests the one that moved least is believed.
    """
    found: dict[str, float] = {}
    for (service, _), pods in _counted(known, begin).items():
        stayed = [both for both in pods if all(map(len, both))]
        if not stayed:
            continue
        usual, now = (
            sum(max(median(values), 0.0) for values in side) for side in zip(*stayed, strict=True)
        )
        change = log_ratio(now, usual)
        if service not in found or abs(change) < abs(found[service]):
            found[service] = change
    return found


def asked(known: Sequence[Series], begin: float) -> dict[str, float]:
    """The same by all requests that were counted, for those who were asked at all before.

    Of all pods, for a new release has others than the one before. Means, for where requests are
    few most counts are of none. That nobody asks any more is a hundredth of what is usual.
    """
    found: dict[str, float] = {}
    for (service, _), pods in _counted(known, begin).items():
        before, after = ([side for side in sides if len(side)] for sides in zip(*pods, strict=True))
        usual, now = (sum(max(float(values.mean()), 0.0) for values in s) for s in (before, after))
        if usual > 0 and after:
            change = math.log(max(now / usual, _NOTHING))
            if service not in found or abs(change) < abs(found[service]):
                found[service] = change
    return found


def _counted(
    known: Sequence[Series], begin: float
) -> dict[tuple[str, str], list[tuple[Floats, Floats]]]:
    """By service and metric what counts its requests: of each pod the samples before and since."""
    found: dict[tuple[str, str], list[tuple[Floats, Floats]]] = {}
    for one in known:
        is_count = role(one.metric) is Role.WORKLOAD and _REQUESTS.search(one.metric)
        if is_count and not _ASKED_OF_OTHERS.search(one.metric):
            before, after, _ = parted_at(one, begin)
            found.setdefault((one.service, one.metric), []).append((before, after))
    return found


def unexplained(change: float, load: float) -> float:
    """The part of a change that a like change of the load does not account for; both are logs."""
    return max(1.0 - load / change, 0.0) if change * load > 0 else 1.0


def compared(
    one: Series, what: Role, before: Floats, normal: Floats, after: Floats, at: Floats,
    load: float = 0.0,
) -> tuple[Finding | None, MetricSummary]:  # fmt: skip
    """How far a series left its usual range, weighed as a metric that measures ``what``.

    ``load`` is how much more the service is asked for, as a logarithm.
    """
    usual = np.sort(np.concatenate([before, normal]))
    rise = excess(after, before, normal, usual)
    fall = excess(-after, -before, -normal, -usual[::-1])
    middle, noise, now = quantile(usual, 0.5), scale_of(usual), median(after)
    grown, shrunk = (
        log_ratio(run.typical(after) if run.length else now, middle) for run in (rise, fall)
    )
    up = rise.weight * (_FALLING if what in _FALLS else 1.0)
    down = fall.weight * (1.0 if what in _FALLS else _FALLING)
    if what in _TIMES:
        down = fall.weight * _FALLING ** math.exp(min(shrunk, 0.0)) * unexplained(shrunk, load)
    elif what in _FOLLOWS:
        up, down = up * unexplained(grown, load), down * unexplained(shrunk, load)
    direction = Direction.UP if up >= down else Direction.DOWN
    weight, run = (up, rise) if up >= down else (down, fall)
    extreme = float(after.max() if direction is Direction.UP else after.min())
    summary = MetricSummary(
        metric=one.metric,
        pod=one.pod,
        baseline_median=middle,
        baseline_mad=noise,
        window_median=now,
        window_extreme=extreme,
        deviation=min(abs(extreme - middle) / noise, 1e6),
        direction=direction,
        onset=float(at[run.began]) if weight > 0 else None,
    )
    if weight <= 0:
        return None, summary
    return Finding(
        service=one.service,
        kind=_KINDS.get(what, EvidenceKind.METRIC),
        modality=Modality.METRICS,
        own=weight * _POINTS[what],
        total=weight,
        statement=(
            f"{one.metric} of {one.pod or shown(one.service)} went to {extreme:.4g}, "
            f"usually {middle:.4g} ± {noise:.2g}"
        ),
        direction=direction,
        pod=one.pod,
        baseline=middle,
        observed=extreme,
        onset=float(at[run.began]),
        references=(one.metric,),
        by_rate=True,
        change=grown if direction is Direction.UP else shrunk,
    ), summary
