"""What models cost: price tables, the cost of one call, and sums that admit what is unknown. Pure.

An unknown price is ``None`` and stays unknown: it is never guessed and never counted as zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

PER = Decimal(1_000_000)
ANY = "*"
#: Prices are stored with six decimals below ten to the sixth dollars.
HIGHEST = Decimal(100_000)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens. Without ``cached_input`` cached tokens cost what others do."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None

    def cost(self, *, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> Decimal:
        """Return US dollars. ``input_tokens`` includes ``cached_tokens``."""
        cached = self.input if self.cached_input is None else self.cached_input
        read = min(cached_tokens, input_tokens)
        fresh = input_tokens - read
        return (fresh * self.input + read * cached + output_tokens * self.output) / PER


def price_for(table: Mapping[str, Price], model: str) -> Price | None:
    """Return the model's price: its exact name first, then the longest prefix ending in ``*``."""
    if model in table:
        return table[model]
    prefixes = [name for name in table if name.endswith(ANY) and model.startswith(name[:-1])]
    return table[max(prefixes, key=len)] if prefixes else None


def name_problem(name: str) -> str:
    """Say why ``name`` cannot stand in a price table; empty if it can."""
    if not name:
        return "Name the model, or a beginning of its name and *."
    if name == ANY:
        return "A price for every model would be a guess. Write a beginning of the name before *."
    if ANY in name[:-1]:
        return "Only the end of a name can be *."
    return ""


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of money: ``known`` dollars, and how many calls had no price.

    ``is_unknown`` when nothing of it is known; ``is_least`` when the true sum is higher.
    """

    known: Decimal = Decimal(0)
    unpriced: int = 0

    @property
    def is_unknown(self) -> bool:
        return bool(self.unpriced) and not self.known

    @property
    def is_least(self) -> bool:
        return bool(self.unpriced) and bool(self.known)

    def __add__(self, other: Total) -> Total:
        return Total(self.known + other.known, self.unpriced + other.unpriced)


def total(costs: Iterable[Decimal | None]) -> Total:
    """Add up the costs of calls."""
    listed = list(costs)
    known = [cost for cost in listed if cost is not None]
    return Total(sum(known, Decimal(0)), len(listed) - len(known))
