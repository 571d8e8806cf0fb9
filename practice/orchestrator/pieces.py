"""One claimed piece of work on what was sent in: ring for it, do it, save it or say why not.

A worker may die between any two lines. What it held is claimed again after the lease, and what a
late twin made is not saved.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import DatabaseError, OperationalError, transaction
from django.db.models import QuerySet

from memoryapp.queries import database
from practice.clients.telemetry import UnreadableTelemetry
from practice.models.work import MAX_TRIES, Work
from practice.orchestrator.leases import DatabaseAway, Stopped, heartbeat

logger = logging.getLogger(__name__)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Failing:
    """How a piece ends that could not be done: what is called with the message, and what it says.

    ``died`` is for one whose workers died; the others are filled with the ``error``.
    """

    end: Callable[[str], object]
    died: str
    unreadable: str = "{error}."
    broken: str = "An internal error stopped the reading: {error}"


def rung(due: QuerySet[Any], now: datetime) -> list[int]:
    """Mark pieces that are ``due`` as rung for, and say which; two sweeps at once share them."""
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True, no_key=True)
        found = list(rows.values_list("pk", flat=True))
        due.model._default_manager.filter(pk__in=found).update(dispatched_at=now)
    return found


def carry_out(
    row: Work,
    held: Callable[[], QuerySet[Any]],
    perform: Callable[[], Made],
    save: Callable[[Made], object],
    failing: Failing,
) -> bool:
    """Do a claimed piece and save what came of it, or say on its row why not.

    ``held`` finds the row while our claim on it stands. What the database gave up on is put back
    for the next sweep. False when the piece was stopped, or another worker took it.
    """
    if row.tries > MAX_TRIES:
        failing.end(row.message or failing.died)
        return True
    try:
        with heartbeat(held):
            made = perform()
    except Stopped:
        return False
    except UnreadableTelemetry as error:
        failing.end(failing.unreadable.format(error=error))
    except OperationalError as error:
        _put_back(row, error)
    except Exception as error:
        logger.exception("%s %s could not be done", row._meta.verbose_name, row.pk)
        failing.end(failing.broken.format(error=f"{type(error).__name__}: {error}"))
    else:
        _save(row, lambda: save(made), failing)
    return True


def _save(row: Work, save: Callable[[], object], failing: Failing) -> None:
    """Save, or say why nothing was kept: what the database refuses it would refuse again."""
    try:
        save()
    except OperationalError as error:
        _put_back(row, error)
    except (DatabaseError, UnicodeError) as error:
        logger.exception("%s %s could not be saved", row._meta.verbose_name, row.pk)
        first = (str(error).strip().splitlines() or ["no message"])[0]
        failing.end(f"What was found could not be saved: {type(error).__name__}: {first}")


def _put_back(row: Work, error: OperationalError) -> None:
    """Have the next sweep ring anew for a piece that the database gave up on."""
    database.connect_anew()
    row.put_back(str(DatabaseAway(error)))
