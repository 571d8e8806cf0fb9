"""Pages by position in an order of time, so that the last page costs what the first one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from django.utils.dateparse import parse_datetime

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class KeysetPage(Generic[Row]):
    """Rows of one page, and the addresses of the pages beside it as ``after`` and ``before``."""

    rows: Sequence[Row]
    previous: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """By the field ``moment``, ties by primary key: upwards where ``key_ascends``, newest first."""

    moment: str
    key_ascends: bool = False
    oldest_first: bool = False

    def fields(self, *, backwards: bool) -> tuple[str, str]:
        falling = self.oldest_first == backwards
        rising_key = self.key_ascends == falling
        return f"{'-' if falling else ''}{self.moment}", f"{'' if rising_key else '-'}pk"

    def beyond(self, moment: datetime, key: Any, *, backwards: bool) -> Q:
        """The rows further on. The first part lets an index begin at the right place."""
        falling = self.oldest_first == backwards
        side, key_side = (
            ("lt" if falling else "gt"),
            ("gt" if self.key_ascends == falling else "lt"),
        )
        return Q(**{f"{self.moment}__{side}e": moment}) & (
            Q(**{f"{self.moment}__{side}": moment}) | Q(**{f"pk__{key_side}": key})
        )

    def address(self, row: Any) -> str:
        return f"{getattr(row, self.moment).isoformat()}_{row.pk}"


def keyset_page(
    found: QuerySet[Row], order: Order, *, after: str = "", before: str = "", size: int
) -> KeysetPage[Row]:
    """The rows after or before one that was seen.

    ``after`` and ``before`` are as a ``KeysetPage`` gave them; anything else is the beginning.
    """
    backwards = bool(before)
    seen = _seen(found, before or after)
    if seen:
        found = found.filter(order.beyond(*seen, backwards=backwards))
    rows = list(found.order_by(*order.fields(backwards=backwards))[: size + 1])
    more = len(rows) > size
    rows = rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return KeysetPage(rows)
    has_previous, has_next = (more, True) if backwards else (bool(seen), more)
    return KeysetPage(
        rows,
        previous=order.address(rows[0]) if has_previous else "",
        next=order.address(rows[-1]) if has_next else "",
    )


def _seen(found: QuerySet[Any], address: str) -> tuple[datetime, Any] | None:
    moment, _, key = address.partition("_")
    try:
        parsed = parse_datetime(moment)
        return (parsed, found.model._meta.pk.to_python(key)) if parsed and parsed.tzinfo else None
    except (ValueError, OverflowError, ValidationError):
        return None
