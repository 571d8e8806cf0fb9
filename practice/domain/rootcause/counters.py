"""Which metrics only count, and the rates at which they do."""

from __future__ import annotations

import re

import numpy as np

from practice.domain.rootcause.telemetry import Floats

# Names of counters. One is told from a gauge of the same name by never falling but to start anew.
_COUNTER = re.compile(r"(total|count|counter|sum)s?$", re.I)
_RESET = 0.5
# What rises in most of so many steps and never falls is a counter, whatever it is called.
_STEPS, _MOSTLY = 20, 0.8
# But what is held: memory of a program that has just begun rises as well.
_LEVEL = re.compile(
    r"mem(ory)?(?-i:(?![a-z]))|heap|rss|swap|used|free|avail|queue|pct|percent", re.I
)
# So few samples may rise by chance.
_FEWEST = 5


def unlabelled(metric: str) -> str:
    """The name of a metric without the labels of its series in braces."""
    return metric.partition("{")[0]


def per_second(metric: str, ts: Floats, value: Floats) -> tuple[Floats, Floats, bool]:
    """Times and values of a metric, sorted, as rates where it is a counter, and whether it is."""
    if not _is_named(metric) and (is_level(metric) or not _rises(value)):
        return ts, value, False
    at, rates = _rates(ts, value)
    return at, rates, rates is not value


def _is_named(metric: str) -> bool:
    return bool(_COUNTER.search(unlabelled(metric)))


def is_level(metric: str) -> bool:
    """Whether a metric is, by its name, what is held and not what was counted."""
    return bool(_LEVEL.search(unlabelled(metric)))


def may_be_counter(metric: str, value: Floats) -> bool:
    """Whether nothing tells samples from those of a counter but that there are too few."""
    return _may_count(value) and not _is_named(metric) and not is_level(metric)


def _rises(value: Floats) -> bool:
    """Whether nothing but a counter goes on like this, from the first half on."""
    if len(value) <= _STEPS or not _may_count(value):
        return False
    rose = value[1:] > value[:-1]
    return min(float(rose.mean()), float(rose[: len(rose) // 2].mean())) >= _MOSTLY


def _may_count(value: Floats) -> bool:
    """Whether samples rise and never fall."""
    return bool(len(value) > _FEWEST and value[-1] > value[0] and (np.diff(value) >= 0).all())


def _counts(value: Floats) -> bool:
    """Whether samples, in order of time, fall by no more than programs that begin anew."""
    rise = value[1:] - value[:-1]
    reset = (rise < 0) & (value[1:] < _RESET * value[:-1])
    return not ((rise[~reset] < 0).any() or reset.sum() > max(1, len(value) // 10))


def _rates(ts: Floats, value: Floats) -> tuple[Floats, Floats]:
    """Increase per second of a counter; as it is, where the samples fall as a gauge's do.

    Series whose labels are lost lie at the same times, and what they count adds up.
    """
    times, place = np.unique(ts, return_inverse=True)
    if len(times) < len(ts):
        often = np.bincount(place)
        if often.min() == often.max():
            ts, value = times, np.asarray(np.bincount(place, weights=value), np.float64)
    if len(ts) < 2 or not _counts(value):
        return ts, value
    step, rise = np.diff(ts), np.diff(value)
    rise = np.where(rise < 0, value[1:], rise)
    good = step > 0
    return ts[1:][good], rise[good] / step[good]
