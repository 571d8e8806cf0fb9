"""Intervals and tests for shares of tasks. Pure; shares are fractions in 0..1."""

from __future__ import annotations

import math

#: Two-sided 95 %.
Z = 1.959963984540054


def wilson(successes: int, n: int, z: float = Z) -> tuple[float, float]:
    """Return the Wilson score interval (low, high) of a share; (0.0, 1.0) where ``n`` is 0.

    Raises:
        ValueError: ``successes`` is not within 0..``n``.
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} is no share.")
    if n == 0:
        return (0.0, 1.0)
    share = successes / n
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    middle = share + z * z / (2 * n)
    scale = 1 + z * z / n
    return (max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided p value of McNemar's test; 1.0 where nothing differs.

    ``only_first`` and ``only_second`` count the pairs that only one of the two got right.
    """
    n = only_first + only_second
    if n == 0:
        return 1.0
    tail = sum(math.comb(n, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / (1 << n))


def paired_difference(
    both: int, only_first: int, only_second: int, neither: int
) -> tuple[float, float, float]:
    """Return (difference, low, high): first minus second as a share of pairs, and its interval.

    The interval is 95 %, by Newcombe (1998), method 10: Wilson intervals of both shares, joined by
    their correlation. It stays honest for few pairs and for shares near 0 or 1. (0.0, -1.0, 1.0)
    without a pair.
    """
    n = both + only_first + only_second + neither
    if n == 0:
        return (0.0, -1.0, 1.0)
    first, second = both + only_first, both + only_second
    share, other = first / n, second / n
    low, high = wilson(first, n)
    other_low, other_high = wilson(second, n)
    rho = _correlation(both, only_first, only_second, neither)
    difference = share - other
    down, up = share - low, high - share
    other_down, other_up = other - other_low, other_high - other
    under = math.sqrt(max(0.0, down**2 - 2 * rho * down * other_up + other_up**2))
    over = math.sqrt(max(0.0, up**2 - 2 * rho * up * other_down + other_down**2))
    return (difference, max(-1.0, difference - under), min(1.0, difference + over))


def _correlation(both: int, only_first: int, only_second: int, neither: int) -> float:
    """The phi coefficient with Newcombe's correction for continuity; 0 where it has no meaning."""
    product = (
        (both + only_first)
        * (only_second + neither)
        * (both + only_second)
        * (only_first + neither)
    )
    if product == 0:
        return 0.0
    covered = float(both * neither - only_first * only_second)
    if covered > 0:
        covered = max(0.0, covered - (both + only_first + only_second + neither) / 2)
    return covered / math.sqrt(product)
