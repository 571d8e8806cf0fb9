"""What others made of something while somebody filled in a form about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from memoryapp.domain.seen import rewound
from memoryapp.models import Event, Workspace

#: rows of the audit log that are looked at.
MOST = 100


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """``now`` is what stands and ``was`` what was seen, by the names of the audit log.

    ``events`` made the one of the other, newest first. Where the log does not lead back, as from a
    digest that somebody made up, there are none and ``was`` is ``None``.
    """

    now: Mapping[str, Any]
    was: Mapping[str, Any] | None
    events: Sequence[Event]

    @property
    def stands(self) -> Event:
        """What stands, as a row of the log would say it that had made it."""
        return Event(data={"before": {}, "after": dict(self.now)})


def meanwhile(
    workspace: Workspace, subject: Model, now: Mapping[str, Any], seen: str, **data: str
) -> Meanwhile:
    """Ask the audit log what changed ``subject`` since somebody saw it.

    ``data`` narrows the rows where a subject has several things of one kind.
    """
    rows = Event.objects.filter(
        workspace=workspace,
        subject_type=subject._meta.model_name,
        subject_id=str(subject.pk),
        **{f"data__{name}": value for name, value in data.items()},
    )
    changes = [
        event
        for event in rows.select_related("actor")[:MOST]
        if now.keys() & {*event.data.get("before", {}), *event.data.get("after", {})}
    ]
    found = rewound(now, seen, (event.data.get("before", {}) for event in changes))
    if found is None:
        return Meanwhile(now, None, ())
    taken, was = found
    return Meanwhile(now, was, changes[:taken])
