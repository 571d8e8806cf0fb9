"""What was said to a model: by filter, of one attempt, and one call with what went before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from memoryapp.models import Workspace
from memoryapp.queries.asked import Asked, on_day
from practice.domain.prices import Total, total
from practice.models import Attempt, ModelCall

ANSWERED, FAILED = "answered", "failed"
STATUSES = ((ANSWERED, "Answered"), (FAILED, "Failed"))


@dataclass(frozen=True, slots=True)
class CallFilter(Asked):
    """What a list of calls was asked for. Every field is text from an address."""

    role: str = ""
    model: str = ""
    status: str = ""
    run: str = ""
    attempt: str = ""
    #: made on this day, as 2026-11-25 in the time zone of the product.
    day: str = ""

    def apply(self, workspace: Workspace) -> QuerySet[ModelCall]:
        """The calls of a workspace that match, newest first, without what was said."""
        found = ModelCall.objects.filter(workspace=workspace)
        if self.role:
            found = found.filter(role=self.role)
        if self.model:
            found = found.filter(model=self.model)
        if self.status in {ANSWERED, FAILED}:
            found = found.filter(_failed(self.status == FAILED))
        for name, lookup in (("run", "run__number"), ("attempt", "attempt_id")):
            asked = getattr(self, name)
            if asked:
                is_number = asked.isdecimal() and len(asked) <= 9
                found = found.filter(**{lookup: int(asked)}) if is_number else found.none()
        if self.day:
            found = on_day(found, "created_at", self.day)
        return without_text(found).order_by("-pk")


def _failed(wanted: bool) -> Q:
    return ~Q(error="") if wanted else Q(error="")


def without_text(found: QuerySet[ModelCall]) -> QuerySet[ModelCall]:
    """Leave the conversation in the database: a list does not show it."""
    return found.defer("request", "reply").select_related("run", "unit", "attempt", "trial")


def status_counts(found: QuerySet[ModelCall]) -> dict[str, int]:
    failed = found.filter(_failed(True)).count()
    return {ANSWERED: found.count() - failed, FAILED: failed}


@dataclass(frozen=True, slots=True)
class Spent:
    """Calls of one attempt or trial, oldest first, and what they come to."""

    calls: Sequence[ModelCall]
    total: Total
    tokens: int
    cached: int


def spent_on(attempt: Attempt) -> Spent:
    """Every call made about an attempt in its run: solving, judging, learning from it."""
    return spent(attempt.calls.filter(trial=None))


def spent(found: QuerySet[ModelCall]) -> Spent:
    calls = list(found.defer("request", "reply").order_by("pk"))
    return Spent(
        calls=calls,
        total=total(call.cost for call in calls),
        tokens=sum(call.input_tokens + call.output_tokens for call in calls),
        cached=sum(call.cached_tokens for call in calls),
    )


def conversation(call: ModelCall) -> list[Mapping[str, Any]]:
    """The messages that went out before what is new in ``call``, oldest first.

    A call stores what it added to the conversation; its beginning is in the calls before it.
    """
    parts: list[Mapping[str, Any]] = []
    if not _goes_on(call):
        return parts
    before = ModelCall.objects.filter(unit=call.unit_id, trial=call.trial_id, role=call.role)
    for earlier in before.filter(pk__lt=call.pk).exclude(reply=[]).order_by("-pk"):
        said = [part for part in earlier.request if part.get("role") != "earlier"]
        parts = [*said, *earlier.reply, *parts]
        if not _goes_on(earlier):
            break
    return parts


def _goes_on(call: ModelCall) -> bool:
    return any(part.get("role") == "earlier" for part in call.request)
