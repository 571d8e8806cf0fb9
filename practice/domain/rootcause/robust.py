"""Statistics a fault cannot inflate: what is usual is taken from the usual alone.

Weights are log-likelihood ratios in nats: how much better "this changed" explains what was seen
than "this is as usual". They need no unit, so metrics, spans and logs can be weighed together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from practice.domain.rootcause.telemetry import Floats

# MAD × this estimates the standard deviation of a normal distribution.
_NORMAL = 1.4826
# A relative change below this is not worth a word, however regular the metric usually is.
_NOTABLE = 0.05
_FENCE = 1.5
_MANY = 30
_SOME = 5
_REACHED = 0.97
_NOW_AND_THEN = 0.9
# Farther than this many times the usual range is just far.
_FARTHEST = 50.0
# One sample above the bar is a spike, not yet a state.
_SPIKE = 0.5
# Every metric is a chance to be surprised: so many nats are no news.
_CHANCES = 5.0


def quantile(ordered: Floats, share: float) -> float:
    """A quantile of sorted values, linear between neighbors; quicker than numpy for a few."""
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (place - low))


def median(values: Floats) -> float:
    """The middle of some values; quicker than numpy for a few."""
    return quantile(np.sort(values), 0.5)


def spread(values: Floats) -> float:
    """Robust standard deviation: the scaled MAD. 0.0 for fewer than two values."""
    return _spread(values, median(values)) if len(values) else 0.0


def _spread(values: Floats, middle: float) -> float:
    return _NORMAL * median(np.abs(values - middle)) if len(values) > 1 else 0.0


def scale(values: Floats) -> float:
    """The spread, but never less than a notable share of the median."""
    return scale_of(np.sort(values))


def scale_of(ordered: Floats) -> float:
    """The same of sorted values."""
    middle = quantile(ordered, 0.5) if len(ordered) else 0.0
    return max(_spread(ordered, middle), _NOTABLE * abs(middle), 1e-12)


def log_ratio(now: float, usual: float) -> float:
    """How many times more, as a logarithm; 0.0 where either is nothing, below it, or no number."""
    is_told = 0 < now < math.inf and 0 < usual < math.inf
    return math.log(now) - math.log(usual) if is_told else 0.0


def shares_ratio(k1: float, n1: float, k0: float, n0: float) -> float:
    """``rate_ratio`` of one pair of counts; quicker than numpy for one."""
    p1, p0 = (k1 + 0.5) / (n1 + 1.0), (k0 + 0.5) / (n0 + 1.0)
    p = (k1 + k0 + 0.5) / (n1 + n0 + 1.0)
    log, log1p = math.log, math.log1p
    gain = k1 * (log(p1) - log(p)) + (n1 - k1) * (log1p(-p1) - log1p(-p))
    gain += k0 * (log(p0) - log(p)) + (n0 - k0) * (log1p(-p0) - log1p(-p))
    return max(gain, 0.0)


def rate_ratio(k1: Floats, n1: Floats, k0: Floats, n0: Floats) -> Floats:
    """How much better two rates explain k1 of n1 and k0 of n0 than one rate does, in nats."""
    p1, p0 = (k1 + 0.5) / (n1 + 1), (k0 + 0.5) / (n0 + 1)
    p = (k1 + k0 + 0.5) / (n1 + n0 + 1)

    def fit(k: Floats, n: Floats, share: Floats) -> Floats:
        return k * np.log(share) + (n - k) * np.log1p(-share)

    gain = fit(k1, n1, p1) + fit(k0, n0, p0) - fit(k1, n1, p) - fit(k0, n0, p)
    return np.maximum(gain, 0.0)


@dataclass(frozen=True, slots=True)
class Excess:
    """The weightiest run of samples above what is usual: nats, first row, rows, and the bar.

    ``began`` is the row from which on all samples are above the bar until the run.
    """

    weight: float
    start: int
    length: int
    bar: float
    began: int = 0

    def typical(self, values: Floats) -> float:
        """The median of the run in ``values``; of all of them where there is no run."""
        run = values[self.start : self.start + self.length] if self.length else values
        return quantile(np.sort(run), 0.5)


def excess(
    values: Floats, before: Floats, reference: Floats, usual: Floats, *, longest: int = 4
) -> Excess:
    """How far ``values`` rise above what is usual, and for how long.

    ``usual`` has ``before`` and ``reference`` together, sorted.

    The bar is Tukey's fence over all usual samples, which a quarter of bad ones cannot move (an
    earlier fault may lie in ``before``), and no lower than the reference normally reaches. The
    empirical tail counts once, since neighboring samples are alike; each sample of the run adds
    the logarithm of its distance to the bar, up to ``longest`` samples.
    """
    low, high = quantile(usual, 0.25), quantile(usual, 0.75)
    bar = high + _FENCE * (high - low)
    best = Excess(0.0, 0, 0, bar)
    if not values.max(initial=-math.inf) > bar:
        return best
    middle, noise = quantile(usual, 0.5), scale_of(usual)
    bar = max(bar, middle + 2.0 * noise)
    if len(reference) >= _MANY:
        bar = max(bar, quantile(np.sort(reference), _REACHED))
    if len(before) >= _SOME:  # what was so before the window did not begin in it
        earlier = np.sort(before)
        bar = max(bar, quantile(earlier, 0.5) + 2.0 * scale_of(earlier))
    if high == low:  # nearly always one value: what the rest reaches now and then is usual too
        bar = max(bar, quantile(usual, _NOW_AND_THEN))
    reach = max(noise, bar - middle, _NOTABLE * float(np.abs(usual[[0, -1]]).max()))
    gain = 2.0 * np.log1p(np.clip((values - bar) / reach, 0.0, _FARTHEST))
    for first in np.flatnonzero(gain > 0):
        run = gain[first : first + longest]
        stop = np.flatnonzero(run <= 0)
        length = int(stop[0]) if len(stop) else len(run)
        least = float(values[first : first + length].min())
        tail = float(np.log((len(usual) + 1.0) / ((usual >= least).sum() + 1.0)))
        lasting = 1.0 if length > 1 else _SPIKE
        weight = lasting * (tail + float(run[:length].sum()) - _CHANCES)
        if weight > best.weight:
            best = Excess(weight, int(first), length, bar)
    below = np.flatnonzero(gain[: best.start] <= 0)
    return replace(best, began=int(below[-1]) + 1 if len(below) else 0)
