"""A person's word on a verdict: kept beside it, never instead of it."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.text import cleaned
from memoryapp.services.events import event_record
from practice.models import Attempt, Overrule
from practice.queries.overrules import standing

REASON_CHARS = 1_000


def attempt_overrule(*, attempt: Attempt, label: str, by: Any, reason: str = "") -> Overrule:
    """Say what an attempt's label should be; the validator's own label supports it.

    What was learned from the attempt stays as it is: candidates and bullets have their own review.

    Raises:
        UnableToDecide: nobody judged the attempt, no such label, or this word stands already.
    """
    if label not in Attempt.Label.values:
        raise UnableToDecide(
            f"The label must be one of: {', '.join(Attempt.Label.values)}.", field="label"
        )
    with transaction.atomic():
        attempt = Attempt.objects.select_for_update(of=("self",), no_key=True).get(pk=attempt.pk)
        if not attempt.label:
            raise UnableToDecide("This attempt was not judged, so there is no verdict to overrule.")
        before = standing(attempt)
        if before is not None and before.label == label:
            raise UnableToDecide(f"A person has called this attempt {label} already.")
        overrule = Overrule.objects.create(
            attempt=attempt,
            label=label,
            was=attempt.label,
            reason=cleaned(reason)[:REASON_CHARS],
            by=by,
        )
        event_record(
            workspace=attempt.run.workspace,
            actor=by,
            kind="verdict.overruled" if label != attempt.label else "verdict.supported",
            subject=attempt,
            before={"label": before.label if before else attempt.label},
            after={"label": label},
            reason=overrule.reason,
        )
    return overrule


def overrule_undo(*, attempt: Attempt, by: Any) -> Overrule:
    """Take the newest word on an attempt back; an earlier one stands again.

    Raises:
        UnableToUndo: no word stands.
    """
    with transaction.atomic():
        attempt = Attempt.objects.select_for_update(of=("self",), no_key=True).get(pk=attempt.pk)
        overrule = standing(attempt)
        if overrule is None:
            raise UnableToUndo(
                "No person's verdict stands on this attempt, so there is nothing to undo."
            )
        overrule.undone_at = timezone.now()
        overrule.save(update_fields=["undone_at"])
        event_record(
            workspace=attempt.run.workspace,
            actor=by,
            kind="overrule.undone",
            subject=attempt,
            before={"label": overrule.label},
            after={"label": earlier.label if (earlier := standing(attempt)) else attempt.label},
        )
    return overrule
