"""How far a validator's labels can be trusted: against ground truth, and against people. Pure.

The positive class is "admitted": the validator said success. All shares are fractions in 0..1, and
a share of nothing is ``None``, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memoryapp.domain.statistics import wilson


@dataclass(frozen=True, slots=True)
class Opinion:
    """One judged attempt: what the validator said, how sure it was (0..1), and what is true."""

    admitted: bool
    confidence: float
    valid: bool

    @property
    def right(self) -> bool:
        return self.admitted == self.valid


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of attempts: the first word says whether the validator was right."""

    true_admitted: int = 0
    false_admitted: int = 0
    false_rejected: int = 0
    true_rejected: int = 0

    @property
    def total(self) -> int:
        return self.true_admitted + self.false_admitted + self.false_rejected + self.true_rejected

    @property
    def precision(self) -> float | None:
        """Of what was admitted, the share that is valid."""
        return _share(self.true_admitted, self.true_admitted + self.false_admitted)

    @property
    def recall(self) -> float | None:
        """Of what is valid, the share that was admitted."""
        return _share(self.true_admitted, self.true_admitted + self.false_rejected)

    @property
    def accuracy(self) -> float | None:
        """Of all, the share that was judged rightly (0..1); ``None`` of none."""
        return _share(self.true_admitted + self.true_rejected, self.total)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; ``None`` where nothing is or was said valid."""
        found = 2 * self.true_admitted
        return _share(found, found + self.false_admitted + self.false_rejected)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: agreement beyond chance, at most 1.

        ``None`` without attempts, and where both sides gave one and the same label throughout:
        chance alone would then agree every time.
        """
        if not self.total:
            return None
        said = self.true_admitted + self.false_admitted
        true = self.true_admitted + self.false_rejected
        n = self.total
        chance = (said * true + (n - said) * (n - true)) / (n * n)
        if chance == 1:
            return None
        return ((self.true_admitted + self.true_rejected) / n - chance) / (1 - chance)


@dataclass(frozen=True, slots=True)
class Bin:
    """Opinions of about one confidence. ``low`` and ``high`` bound ``accuracy`` (Wilson, 95 %)."""

    start: float
    stop: float
    count: int
    confidence: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Admitted:
    """What a gate at one confidence would let through."""

    threshold: float
    admitted: int
    held_back: int
    precision: float | None
    recall: float | None
    low: float
    high: float


def confusion(opinions: Sequence[Opinion]) -> Confusion:
    """Count opinions against the truth."""
    return Confusion(
        true_admitted=sum(o.admitted and o.valid for o in opinions),
        false_admitted=sum(o.admitted and not o.valid for o in opinions),
        false_rejected=sum(not o.admitted and o.valid for o in opinions),
        true_rejected=sum(not o.admitted and not o.valid for o in opinions),
    )


def reliability(opinions: Sequence[Opinion], bins: int = 10) -> tuple[Bin, ...]:
    """Return the non-empty bins of equal width over confidence, lowest first.

    A bin holds its lower edge; the last one holds 1.0 as well.

    Raises:
        ValueError: ``bins`` is less than 1, or a confidence is not within 0..1.
    """
    if bins < 1:
        raise ValueError("Reliability needs at least one bin.")
    held: dict[int, list[Opinion]] = {}
    for opinion in opinions:
        if not 0 <= opinion.confidence <= 1:
            raise ValueError(f"A confidence of {opinion.confidence} is not within 0 to 1.")
        held.setdefault(min(int(opinion.confidence * bins), bins - 1), []).append(opinion)
    return tuple(_bin(place, bins, held[place]) for place in sorted(held))


def expected_calibration_error(opinions: Sequence[Opinion], bins: int = 10) -> float | None:
    """Return the mean distance of confidence from accuracy over bins, weighted by their counts.

    Guo et al. (2017), §2. ``None`` without opinions.
    """
    if not opinions:
        return None
    found = reliability(opinions, bins)
    return sum(b.count * abs(b.accuracy - b.confidence) for b in found) / len(opinions)


def admitted_at(opinions: Sequence[Opinion], threshold: float) -> Admitted:
    """Return what would be admitted if only labels at least this sure counted.

    ``held_back`` are attempts the validator admits and the threshold would not. ``low`` and
    ``high`` bound the precision (Wilson, 95 %).
    """
    passed = [o for o in opinions if o.admitted and o.confidence >= threshold]
    right = sum(o.valid for o in passed)
    low, high = wilson(right, len(passed))
    return Admitted(
        threshold=threshold,
        admitted=len(passed),
        held_back=sum(o.admitted for o in opinions) - len(passed),
        precision=_share(right, len(passed)),
        recall=_share(right, sum(o.valid for o in opinions)),
        low=low,
        high=high,
    )


def _bin(place: int, bins: int, held: Sequence[Opinion]) -> Bin:
    right = sum(o.right for o in held)
    low, high = wilson(right, len(held))
    return Bin(
        start=place / bins,
        stop=(place + 1) / bins,
        count=len(held),
        confidence=sum(o.confidence for o in held) / len(held),
        accuracy=right / len(held),
        low=low,
        high=high,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
