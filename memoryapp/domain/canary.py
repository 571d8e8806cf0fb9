"""Whether a release on trial does worse than the one it would replace. Pure."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

from memoryapp.domain.statistics import wilson

#: Outcomes are looked at one by one as they come in, so each look must be strict: at 3 standard
#: errors, two releases that do equally well are told apart by chance in few of 100 whole trials.
Z = 3.0
#: with fewer outcomes than this on either side nothing is concluded.
LEAST = 10


@dataclass(frozen=True, slots=True)
class Tally:
    """Reported outcomes of one release since the trial began."""

    successes: int = 0
    failures: int = 0

    @property
    def n(self) -> int:
        return self.successes + self.failures

    @property
    def share(self) -> float:
        return self.successes / self.n if self.n else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson)."""
        return wilson(self.successes, self.n)


def difference(canary: Tally, stable: Tally, z: float = Z) -> tuple[float, float, float]:
    """Return (difference, low, high) of the shares of success, canary minus stable.

    Two independent shares (Newcombe 1998, method 10 without correlation); (0.0, -1.0, 1.0) while
    either has no outcome.
    """
    if not canary.n or not stable.n:
        return (0.0, -1.0, 1.0)
    low, high = wilson(canary.successes, canary.n, z)
    stable_low, stable_high = wilson(stable.successes, stable.n, z)
    middle = canary.share - stable.share
    under = math.hypot(canary.share - low, stable_high - stable.share)
    above = math.hypot(high - canary.share, stable.share - stable_low)
    return (middle, max(-1.0, middle - under), min(1.0, middle + above))


def regressed(canary: Tally, stable: Tally) -> bool:
    """Whether the canary succeeds credibly less often, on at least ``LEAST`` outcomes of each."""
    if canary.n < LEAST or stable.n < LEAST:
        return False
    return difference(canary, stable)[2] < 0


def is_on_trial(agent: str, *, trial: str, share: int) -> bool:
    """Whether an agent is one of the ``share`` percent. The same agent always gets the same."""
    digest = hashlib.sha256(f"{trial}\0{agent}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < share
