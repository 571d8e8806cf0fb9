"""Who or what may admit candidates to a playbook. A change is a new policy; the newest stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction

from memoryapp.domain import review
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned
from memoryapp.models import Event, Playbook, ReviewPolicy
from memoryapp.services.releases import LABEL_NAME
from memoryapp.services.seen import check_seen

MOST_REVIEWERS = 5
MOST_LABELS = 20


def policy_of(playbook: Playbook) -> review.Policy:
    """The policy that stands; where none was written, one person reviews everything."""
    row = playbook.standing_policy
    return row.as_value() if row else review.Policy()


def policy_change(
    *, playbook: Playbook, to: review.Policy, reason: str, by: Any, seen: str | None = None
) -> ReviewPolicy:
    """Write the next policy of a playbook. What was decided before stays decided.

    ``seen`` is the digest of the ``facts`` that were read.

    Raises:
        ChangedMeanwhile: another policy stands by now.
        UnableToChange: a figure out of its range, no reason, or nothing changed.
    """

    def next_one(was: review.Policy) -> review.Policy:
        check_seen(seen, was.facts(), to.facts())
        return to

    return _write(playbook, next_one, reason, by)


def gate_move(
    *, playbook: Playbook, admit_from: float | None, reason: str, by: Any, seen: str | None = None
) -> ReviewPolicy:
    """Move only the confidence from which nobody is asked; the rest stays as it is by then.

    ``seen`` is the digest of the ``gate`` that was read.

    Raises:
        ChangedMeanwhile: the gate stands elsewhere by now.
        UnableToChange: as ``policy_change``.
    """

    def next_one(was: review.Policy) -> review.Policy:
        to = replace(was, admit_from=admit_from)
        check_seen(seen, was.gate(), to.gate())
        return to

    return _write(playbook, next_one, reason, by)


def _write(
    playbook: Playbook, next_one: Callable[[review.Policy], review.Policy], reason: str, by: Any
) -> ReviewPolicy:
    """Write what ``next_one`` makes of the policy that stands, under the playbook's lock."""
    with transaction.atomic():
        playbook = (
            Playbook.objects.select_for_update(of=("self",), no_key=True)
            .select_related("workspace")
            .get(pk=playbook.pk)
        )
        newest = playbook.review_policies.first()
        was = newest.as_value() if newest else review.Policy()
        to = next_one(was)
        for field, problem in _problems(to):
            raise UnableToChange(problem, field=field)
        if not cleaned(reason):
            raise UnableToChange(
                "A policy needs a reason, so that the next reader can follow it.", field="reason"
            )
        if to == was:
            raise UnableToChange("The policy says this already, so there is nothing to save.")
        row = ReviewPolicy(
            playbook=playbook,
            number=newest.number + 1 if newest else 1,
            reason=cleaned(reason)[:300],
            created_by=by,
            **{**asdict(to), "protected_labels": list(to.protected_labels)},
        )
        row.save()
        before, after = was.facts(), to.facts()
        changed = [name for name in after if after[name] != before[name]]
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="policy.changed",
            subject=playbook,
            policy=row.number,
            reason=row.reason,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return row


def _problems(to: review.Policy) -> Sequence[tuple[str, str]]:
    """The fields that cannot be so, each with why."""
    asked = (
        (
            "reviewers",
            1 <= to.reviewers <= MOST_REVIEWERS,
            f"From 1 to {MOST_REVIEWERS} people can decide.",
        ),
        (
            "protected_reviewers",
            1 <= to.protected_reviewers <= MOST_REVIEWERS,
            f"From 1 to {MOST_REVIEWERS} people can decide under a protected label.",
        ),
        (
            "admit_from",
            to.admit_from is None or 0.5 <= to.admit_from <= 1,
            "The confidence to admit from lies between 50% and 100%; leave it empty to ask people.",
        ),
        ("audit_share", 0 <= to.audit_share <= 1, "The audited share lies between 0% and 100%."),
        ("blind_share", 0 <= to.blind_share <= 1, "The blind share lies between 0% and 100%."),
        (
            "protected_labels",
            len(to.protected_labels) <= MOST_LABELS and all(to.protected_labels),
            f"Up to {MOST_LABELS} labels can be protected.",
        ),
        (
            "protected_labels",
            # One that no label can be called would protect nothing, without a word.
            all(LABEL_NAME.fullmatch(name) for name in to.protected_labels),
            "A label is lower-case letters, digits and hyphens, at most 40. Name those to protect "
            "as agents pull them.",
        ),
    )
    return [(field, said) for field, holds, said in asked if not holds]
