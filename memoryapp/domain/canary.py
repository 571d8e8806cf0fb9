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


def regressed(canary: Tally, stable: Tally) -> bool:
    """Whether the canary succeeds credibly less often.

    Upper bound of the difference of two independent shares below zero (Newcombe 1998, method 10
    without correlation).
    """
    if canary.n < LEAST or stable.n < LEAST:
        return False
    _, canary_high = wilson(canary.successes, canary.n, Z)
    stable_low, _ = wilson(stable.successes, stable.n, Z)
    above = math.hypot(canary_high - canary.share, stable.share - stable_low)
    return canary.share - stable.share + above < 0


def is_on_trial(agent: str, *, trial: str, share: int) -> bool:
    """Whether an agent is one of the ``share`` percent. The same agent always gets the same."""
    digest = hashlib.sha256(f"{trial}\0{agent}".encode()).digest()
    return int.from_bytes(digest[:8]) % 100 < share
