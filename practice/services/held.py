"""Locking a row for a change, where somebody else may be deleting it at that moment."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from memoryapp.domain.errors import UnableToFind

Row = TypeVar("Row", bound=Model)


def held(rows: QuerySet[Row], row: Model, pk: int | None = None) -> Row:
    """The row of ``rows`` with the key of ``row``, or with ``pk``, locked until the caller commits.

    ``row`` was read before the lock, and is what the refusal speaks of.

    Raises:
        UnableToFind: it was deleted since it was read.
    """
    locked = rows.select_for_update(no_key=True).filter(pk=row.pk if pk is None else pk).first()
    if locked is None:
        raise UnableToFind(f"{row} was deleted meanwhile.")
    return locked
