"""How an act on many rows is carried out: in short transactions, with a mark of how far it is.

A closed page or a lost connection stops it between two rows, and it can be continued later.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Manager, Model, QuerySet

from memoryapp.models import Event, Playbook
from memoryapp.models.bulk_jobs import BulkJob

Job = TypeVar("Job", bound=BulkJob)
Row = TypeVar("Row", bound=Model)
#: rows done in one transaction, which holds the job's lock.
ROWS = 20
MOST_CHOSEN = 2_000


def carried_on(
    job: Job, rows: QuerySet[Job], some: Callable[[Job], None], *, seconds: float
) -> Job:
    """Do the next rows of a job for about ``seconds``: ``some`` does a few and moves its mark on.

    ``some`` is given the job's row of ``rows``, locked, in a transaction of its own, and sets
    ``ended_at`` when nothing is left.
    """
    until = time.monotonic() + seconds
    while job.ended_at is None:
        with transaction.atomic():
            waiting = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
            locked = waiting.filter(pk=job.pk, ended_at=None).first()
            if locked is None:  # another window is at it, or it has just ended
                job.refresh_from_db()
                break
            some(locked)
        job.refresh_from_db()
        if time.monotonic() >= until:
            break
    return job


def as_they_are(rows: Sequence[Row]) -> list[Row]:
    """The same rows read anew under the locks of their playbooks, until the transaction ends.

    What is looked at before a row is changed is then what is changed. The locks are taken in one
    order, or two jobs over several playbooks could deadlock.
    """
    if not rows:
        return []
    keys = sorted({row.playbook_id for row in rows})  # type: ignore[attr-defined]
    locks = Playbook.objects.select_for_update(no_key=True).filter(pk__in=keys).order_by("pk")
    list(locks.values_list("pk"))
    fresh = type(rows[0])._default_manager.select_related("playbook__workspace")
    found = fresh.in_bulk([row.pk for row in rows])
    return [found[row.pk] for row in rows if row.pk in found]


def came_to(outcomes: Manager[Any] | QuerySet[Any]) -> dict[str, int]:
    """How many rows of a job were done, and how many were left as they were."""
    return {name: outcomes.filter(done=name == "done").count() for name in ("done", "left")}


def job_record(job: BulkJob, actor: Any, kind: str, **data: Any) -> None:
    """Write that a job was asked for or has ended, in the transaction that says so."""
    Event.objects.record(
        workspace=job.workspace, actor=actor, kind=kind, subject=job, **job.facts(), **data
    )
