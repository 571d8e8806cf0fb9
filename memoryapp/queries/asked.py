"""What a query string asks of a list: fields of text, one of which may name a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.utils import timezone

Rows = TypeVar("Rows", bound=QuerySet[Any, Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter of fields that are texts. Empty ones ask for nothing."""

    @classmethod
    def from_query(cls, given: Mapping[str, Any]) -> Self:
        """Read the fields from a query string; unknown ones are ignored."""
        names = [field.name for field in fields(cls)]
        # PostgreSQL cannot hold a NUL, so no row can match one.
        return cls(**{n: str(given.get(n, "")).replace("\x00", "").strip() for n in names})

    def changed(self, **values: str) -> Self:
        return replace(self, **values)

    @property
    def said(self) -> list[tuple[str, str]]:
        """The fields that ask for something, with their values."""
        asked = [(field.name, getattr(self, field.name)) for field in fields(self)]
        return [(name, value) for name, value in asked if value]

    def as_query(self) -> str:
        """``?status=stale&q=refund``, or an empty text when nothing is asked for."""
        return f"?{urlencode(self.said)}" if self.said else ""


def day(text: str) -> datetime | None:
    """The beginning of a day such as ``2026-11-25``; ``None`` for anything else."""
    try:
        named = date.fromisoformat(text)
    except ValueError:
        return None
    if named == date.max:  # whoever asks goes on to the day after
        return None
    return timezone.make_aware(datetime.combine(named, time.min))


def on_day(found: Rows, moment: str, text: str) -> Rows:
    """The rows whose ``moment`` is on a day, in the time zone of the product; none for no day."""
    begin = day(text)
    if begin is None:
        return found.none()
    end = begin + timedelta(days=1)
    return found.filter(**{f"{moment}__gte": begin, f"{moment}__lt": end})
