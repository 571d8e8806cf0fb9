"""How a generated system's metrics are taken: units, windows, scrapes and holes.

Every habit is one that collectors have: rates over a window (Prometheus), samples held until the
next scrape, quantiles out of the buckets of a histogram, latency as the caller's proxy sees it,
a service's pods added up, idle services that report nothing or zero.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np

from benchmarks.rca_requests import Fault, Record
from benchmarks.rca_systems import System
from practice.domain.rootcause.telemetry import Floats, Labels, MetricTable

_BUCKETS = np.array([0, 1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000]) / 1e3


@dataclass(frozen=True, slots=True)
class Meters:
    """Seconds, unless the name says otherwise. ``latency_unit`` and ``cpu_unit`` are per one."""

    latency_unit: float
    cpu_unit: float
    percentiles: tuple[int, ...]
    seen_by_callers: bool
    window: float
    scrape: float
    has_buckets: bool
    idle: float
    missing: float
    hole: float
    has_pods: bool
    collects_garbage: bool
    flushes_every: float
    noise: float


def meters(known: System, r: random.Random) -> Meters:
    says_ms = "_ms" in known.dialect["latency"]
    says_s = "seconds" in known.dialect["latency"] or "(s)" in known.dialect["latency"]
    unit = 1e3 if says_ms else 1.0 if says_s else r.choice((1.0, 1e3, 1e6))
    window = r.choice((0.0, 0.0, 30.0, 60.0, 120.0))
    return Meters(
        latency_unit=unit,
        cpu_unit=r.choice((1.0, 100.0, 1e3)),
        percentiles=r.choice(((50, 90), (50, 95), (90, 95, 99), (99,))),
        seen_by_callers=r.random() < 0.4,
        window=window,
        scrape=max(known.interval, r.choice((5.0, 15.0))) if window else known.interval,
        has_buckets=r.random() < 0.5,
        idle=r.choice((np.nan, 0.0)),
        missing=r.choice((0.0, 0.0, 0.02, 0.1)),
        hole=r.choice((0.0, 0.0, 45.0)),
        has_pods=r.random() < 0.6,
        collects_garbage=r.random() < 0.4,
        flushes_every=r.choice((0.0, 90.0, 240.0)),
        noise=r.choice((0.02, 0.05, 0.15)),
    )


@dataclass(frozen=True, slots=True)
class _Span:
    """The scrapes of one stretch of time: when, and from when on each looks back."""

    at: Floats
    since: Floats


def metric_table(
    known: System, habits: Meters, record: Record, begin: float, end: float, fault: Fault | None,
    r: random.Random,
) -> MetricTable:  # fmt: skip
    noise = np.random.default_rng(r.randrange(1 << 30))
    scrapes = np.arange(begin + habits.scrape, end + habits.scrape, habits.scrape)
    looks = _Span(scrapes, scrapes - max(habits.window, habits.scrape))
    samples = np.arange(begin + known.interval, end + known.interval, known.interval)
    held = np.clip(np.searchsorted(scrapes, samples, side="right") - 1, 0, len(scrapes) - 1)
    served = np.array(record.served, dtype=float).reshape(-1, 6)
    called = np.array(record.called, dtype=float).reshape(-1, 6)
    silent = int(noise.integers(len(known.services))) if habits.hole else -1
    columns: list[tuple[str, str, str, Floats]] = []
    for s, service in enumerate(known.services):
        pods = range(len(service.pods)) if habits.has_pods else (-1,)
        for pod in pods:
            mine = served[(served[:, 0] == s) & ((pod < 0) | (served[:, 5] == pod))]
            out = called[called[:, 0] == s]
            asked = called[(called[:, 1] == s) & ((pod < 0) | (called[:, 5] == pod))]
            on = np.zeros(len(scrapes), dtype=bool)
            if fault is not None and fault.service == s and (min(pod, fault.pod) < 0
                                                             or pod == fault.pod):  # fmt: skip
                on = scrapes >= fault.begin
            whole = len(service.pods) if pod < 0 else 1
            values = _of_pod(known, habits, mine, asked, out, looks, on, fault, noise, whole)
            for name, value in values.items():
                own = value * noise.lognormal(0, habits.noise, len(value))
                if name.endswith("total"):
                    own = np.cumsum(np.nan_to_num(own)) + noise.integers(0, 10**6)
                own = own[held]
                own[noise.random(len(own)) < habits.missing] = np.nan
                if s == silent:
                    late = begin + 0.8 * (end - begin)
                    own[(samples >= late) & (samples < late + habits.hole)] = np.nan
                columns.append((service.name, service.pods[pod] if pod >= 0 else "", name, own))
    size = len(samples)
    codes = np.repeat(np.arange(len(columns)), size)
    values = np.concatenate([values for *_, values in columns])
    good = np.isfinite(values)
    names = [Labels.of(column) for column in list(zip(*columns, strict=True))[:3]]
    picked = [Labels(label.codes[codes[good]], label.names) for label in names]
    return MetricTable(np.tile(samples, len(columns))[good], *picked, values[good])


def _of_pod(
    known: System, habits: Meters, mine: Floats, asked: Floats, out: Floats, looks: _Span,
    on: Floats, fault: Fault | None, noise: np.random.Generator, pods: int,
) -> dict[str, Floats]:  # fmt: skip
    """Metric name → value per scrape, for one pod, or for all of a service's together."""
    d, size = known.dialect, len(looks.at)
    width = looks.at - looks.since
    count = _sum(mine[:, 1], np.ones(len(mine)), looks)
    bad = _sum(mine[:, 1], mine[:, 3], looks)
    busy = _sum(mine[:, 1], mine[:, 4], looks) / width
    kind = fault.kind if fault is not None and on.any() else ""
    power = fault.strength if fault is not None else 0.0
    since = np.cumsum(on) * habits.scrape
    lately = np.minimum(since / max(habits.window, habits.scrape), 1.0)
    wander = np.cumsum(noise.normal(0, 0.02 * np.sqrt(habits.scrape / 30), size))
    spikes = (noise.random(size) < 0.01) * noise.uniform(0.5, 2.0, size)
    cpu = pods * (0.05 + 0.5 * busy / pods) * np.exp(wander * 0.3) * (1 + spikes)
    mem = pods * 150e6 * (1 + 0.05 * wander)
    disk = pods * 1e4 * noise.lognormal(0, 0.4, size)
    net = (count / width + 0.1) * 900 * noise.lognormal(0, 0.1, size)
    waiting = _sum(mine[:, 1], mine[:, 2], looks) / width
    sockets = np.round(pods * 12 + 4 * count / width + 3 * waiting + noise.normal(0, 1, size))
    up = np.zeros(size)
    ticks = looks.at - looks.at[0]
    if habits.collects_garbage:
        period = noise.uniform(60, 600)
        mem = mem * (1 + 0.3 * ((ticks / period + noise.random()) % 1))
    if habits.flushes_every:
        disk = disk * (1 + 6.0 * ((ticks + noise.uniform(0, 90)) % habits.flushes_every < 20))
    if kind in ("cpu", "host_cpu"):
        cpu = cpu + lately * 0.4 * power * noise.uniform(0.8, 1.2, size)
    if kind == "memory":
        mem = mem + on * 150e6 * power * np.minimum(since / 120, 1.0)
        cpu = cpu + lately * 0.04 * power
    if kind == "disk":
        disk = disk + lately * 3e5 * power
        cpu = cpu + lately * 0.06 * power
    if kind == "socket":
        sockets = sockets + on * np.round(150 * power * np.minimum(since / 60, 1.0))
    if kind == "kill":
        up, dead = on * 1.0, on & (noise.random(size) < 0.9)
        parts = (cpu, mem, net, disk, sockets)
        cpu, mem, net, disk, sockets = (np.where(dead, np.nan, v) for v in parts)
    if kind in ("network_delay", "network_loss"):
        net = net * (1 - 0.3 * lately)
    total = {name: habits.scrape / width for name in d.values() if name.endswith("total")}
    found = {
        d["cpu"]: cpu * (habits.scrape if d["cpu"].endswith("total") else habits.cpu_unit),
        d["mem"]: mem, d["disk"]: disk, d["rx"]: net, d["tx"]: net * 1.4,
        d["load"]: count * total.get(d["load"], 1 / width),
        d["errors"]: bad * total.get(d["errors"], 1 / width), d["sockets"]: sockets,
    }  # fmt: skip
    if d["restarts"]:
        found[d["restarts"]] = up if d["restarts"].endswith("total") else np.minimum(up, 1)
    if d["host_cpu"]:
        busy_host = 30 * power * on * (kind == "host_cpu")
        found[d["host_cpu"]] = 30 + 3 * noise.normal(0, 1, size) + busy_host
    seen = asked[:, 2:4] if habits.seen_by_callers and len(asked) else mine[:, 1:3]
    found |= _latencies(d["latency"], seen, looks, habits)
    if d["client"] and len(out):
        found |= _latencies(d["client"], out[:, 2:4], looks, habits)
    found.pop("", None)
    return found


def _sum(at: Floats, weights: Floats, looks: _Span) -> Floats:
    order = np.argsort(at)
    running = np.concatenate([[0.0], np.cumsum(weights[order])])
    ends = np.searchsorted(at[order], looks.at)
    found: Floats = running[ends] - running[np.searchsorted(at[order], looks.since)]
    return found


def _latencies(
    form: str, rows: Floats, looks: _Span, habits: Meters
) -> dict[str, Floats]:  # fmt: skip
    """Quantiles of the (time, duration) ``rows`` that each scrape looks back on."""
    order = np.argsort(rows[:, 0])
    at, values = rows[order, 0], rows[order, 1]
    first, last = np.searchsorted(at, looks.since), np.searchsorted(at, looks.at)
    shares = np.array(habits.percentiles) / 100
    found = np.full((len(looks.at), len(shares)), habits.idle)
    for n, (a, b) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        if b > a:
            part = np.sort(values[a:b])
            found[n] = _in_buckets(part, shares) if habits.has_buckets else part[
                np.minimum((shares * len(part)).astype(int), len(part) - 1)
            ]  # fmt: skip
    return {
        form.format(q=q): habits.latency_unit * found[:, n]
        for n, q in enumerate(habits.percentiles)
    }


def _in_buckets(ordered: Floats, shares: Floats) -> Floats:
    """Quantiles as told from a histogram: straight lines inside its buckets."""
    below = np.searchsorted(ordered, _BUCKETS, side="right").astype(float)
    below[-1] = len(ordered)
    found: Floats = np.interp(shares * len(ordered), below, _BUCKETS)
    return found
