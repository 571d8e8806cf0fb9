"""What people do to order a playbook: sections, places, tags, merges, budgets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from memoryapp.domain import playbook as domain
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.playbook import Delta, Op, OverBudget
from memoryapp.domain.ranking import room_report
from memoryapp.domain.text import cleaned, one_line
from memoryapp.models import Bullet, Event, Playbook
from memoryapp.services.applying import supersede_waiting, tried, votes_move
from memoryapp.services.events import bullet_said
from memoryapp.services.locking import bullet_locked
from memoryapp.services.names import check_name, check_section
from memoryapp.services.seen import check_seen

TAG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
MOST_TAGS = 12
UP, DOWN = "up", "down"
#: what ``playbook_change`` changes.
CHANGEABLE = ("name", "description", "token_budget")


def settings_of(playbook: Playbook) -> dict[str, Any]:
    """What somebody is shown who changes a playbook; ``domain.seen.shown`` of it is ``seen``."""
    return {field: getattr(playbook, field) for field in CHANGEABLE}


def section_of(bullet: Bullet) -> dict[str, Any]:
    """The section of a bullet; ``domain.seen.shown`` of it is ``seen``."""
    return {"section": bullet.section}


def bullet_move(
    *, bullet: Bullet, section: str, by: Any, reason: str = "", seen: str | None = None
) -> Bullet:
    """Put a bullet into another section, at its end. Its label stays: agents cite by it.

    ``seen`` is the digest of ``section_of`` that was read.

    Raises:
        ChangedMeanwhile: it was moved since.
        UnableToChange: no section's name, there already, or retired.
    """
    check_section(section)
    with transaction.atomic():
        _, bullet = bullet_locked(bullet)
        before = section_of(bullet)
        check_seen(seen, before, {"section": section})
        if bullet.section == section:
            raise UnableToChange(f"{bullet.label} is in {section} already.")
        _refuse_retired(bullet)
        was = bullet.section
        bullet.position = None
        bullet.revise(
            content=bullet.content,
            section=section,
            status=bullet.status,
            rule=bullet.rule,
            author=by,
            reason=(cleaned(reason) or f"Moved from {was}")[:300],
        )
        _record(bullet, by, "bullet.moved", before=before, after=section_of(bullet))
    return bullet


def bullet_place(*, bullet: Bullet, direction: str, by: Any) -> Bullet:
    """Move a bullet one place up or down among the live ones of its section.

    Raises:
        UnableToChange: it is the first or the last already, or retired.
    """
    if direction not in {UP, DOWN}:
        raise UnableToChange("A bullet moves up or down.", field="direction")
    with transaction.atomic():
        playbook, bullet = bullet_locked(bullet)
        _refuse_retired(bullet)
        rows = list(playbook.bullets.filter(section=bullet.section).live().in_delivery_order())
        at = next(place for place, row in enumerate(rows) if row.pk == bullet.pk)
        to = at - 1 if direction == UP else at + 1
        if not 0 <= to < len(rows):
            end = "first" if direction == UP else "last"
            raise UnableToChange(f"{bullet.label} is the {end} of its section already.")
        rows.insert(to, rows.pop(at))
        changed = []
        for place, row in enumerate(rows, start=1):
            if row.position != place:
                row.position = place
                changed.append(row)
        # One statement; ``updated_at`` stays, because no text changed.
        Bullet.objects.bulk_update(changed, ["position"])
        bullet.position = to + 1
        _record(
            bullet,
            by,
            "bullet.placed",
            before={"place": at + 1},
            after={"place": to + 1},
            of=len(rows),
        )
    return bullet


def tags_of(bullet: Bullet) -> dict[str, Any]:
    """The tags of a bullet; ``domain.seen.shown`` of it is ``seen``."""
    return {"tags": list(bullet.tags)}


def bullet_tag(*, bullet: Bullet, tags: Sequence[str], by: Any, seen: str | None = None) -> Bullet:
    """Replace a bullet's tags. Tags are for people: agents never see them.

    ``seen`` is the digest of ``tags_of`` that was read.

    Raises:
        ChangedMeanwhile: others were saved since.
        UnableToChange: no tag's name, too many, or the same as before.
    """
    wanted = sorted({tag.strip().lower() for tag in tags if tag.strip()})
    wrong = next((tag for tag in wanted if not TAG.fullmatch(tag)), None)
    if wrong is not None:
        raise UnableToChange(
            f"“{wrong[:60]}” is not a tag. Use lower-case letters, digits and hyphens, at most 40.",
            field="tags",
        )
    if len(wanted) > MOST_TAGS:
        raise UnableToChange(f"A bullet carries at most {MOST_TAGS} tags.", field="tags")
    with transaction.atomic():
        _, bullet = bullet_locked(bullet)
        was = tags_of(bullet)
        check_seen(seen, was, {"tags": wanted})
        if bullet.tags == wanted:
            raise UnableToChange("It already has exactly these tags.")
        bullet.tags = wanted
        bullet.save(update_fields=["tags", "updated_at"])
        _record(bullet, by, "bullet.tagged", before=was, after=tags_of(bullet))
    return bullet


def bullets_merge(
    *, playbook: Playbook, labels: Sequence[str], content: str, seen: str, reason: str, by: Any
) -> Bullet:
    """Make several bullets one: the first survives with ``content``, the others are retired.

    ``seen`` is ``merge_digest`` of what the person looked at. Votes of all are added up, practice
    and deployment apart; trials are kept only where the text that was tried stays.

    Raises:
        UnableToChange: fewer than two, changed meanwhile, retired, empty, or over the budget.
    """
    content, reason = cleaned(content), cleaned(reason)
    delta = Delta(op=Op.MERGE, content=content, targets=tuple(labels), reason=reason)
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        rows = bullets_named(playbook, labels)
        if merge_digest(rows) != seen:
            raise UnableToChange(
                "One of these bullets was changed while you were reading. Nothing was merged; "
                "compare them again below."
            )
        tried(playbook.as_value(), delta, UnableToChange)
        first, *others = rows
        was = {row.label: bullet_said(row) for row in rows}
        # What is said now may be any one's text.
        first.trust = min(row.trust for row in rows)
        first.tags = sorted({tag for row in rows for tag in row.tags})[:MOST_TAGS]
        why = reason or f"Merged with {', '.join(row.label for row in others)}"
        _revise(first, by, why, content=content, status=Bullet.Status.APPROVED)
        for other in others:
            _revise(other, by, f"Merged into {first.label}", status=Bullet.Status.RETIRED)
        votes_move(first, others)
        supersede_waiting(others)
        _record(
            first,
            by,
            "bullet.merged",
            merged=[row.label for row in others],
            reason=reason,
            before=was,
            after={row.label: bullet_said(row) for row in rows},
        )
    return first


def playbook_change(
    *,
    playbook: Playbook,
    by: Any,
    name: str | None = None,
    description: str | None = None,
    token_budget: int | None = None,
    seen: str | None = None,
) -> Playbook:
    """Rename a playbook, describe it anew or change its token budget. Its address stays.

    What is ``None`` stays as it is. ``seen`` is the digest of ``settings_of`` that was read.

    Raises:
        ChangedMeanwhile: it was changed since that.
        UnableToChange: no name, nothing changed, or a budget below what is approved.
    """
    asked = {
        "name": None if name is None else one_line(name),
        "description": None if description is None else cleaned(description)[:300],
        "token_budget": token_budget,
    }
    wanted = {field: value for field, value in asked.items() if value is not None}
    with transaction.atomic():
        playbook = settings_lock(playbook=playbook)
        was = settings_of(playbook)
        check_seen(seen, was, was | wanted)
        if wanted.get("name") == "":
            raise UnableToChange("A playbook needs a name.", field="name")
        changed = [field for field in wanted if wanted[field] != was[field]]
        if "name" in changed:
            check_name(str(wanted["name"]), UnableToChange)
        if not changed:
            raise UnableToChange("Nothing changed, so there is nothing to save.")
        for field in changed:
            setattr(playbook, field, wanted[field])
        if "token_budget" in changed:
            _check_fits(playbook.as_value())
        playbook.save(update_fields=[*changed, "updated_at"])
        Event.objects.record_in(
            playbook,
            actor=by,
            kind="playbook.changed",
            subject=playbook,
            before={field: was[field] for field in changed},
            after={field: wanted[field] for field in changed},
        )
    return playbook


def settings_lock(*, playbook: Playbook, seen: str | None = None) -> Playbook:
    """The playbook as it is, locked for whoever changes its settings.

    Raises:
        ChangedMeanwhile: its settings are not those that were seen.
    """
    playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
    check_seen(seen, settings_of(playbook))
    return playbook


def _check_fits(value: domain.Playbook) -> None:
    try:
        domain.check_fits(value)
    except OverBudget as refusal:
        raise UnableToChange(f"{refusal} {room_report(value)}") from refusal


def bullets_named(playbook: Playbook, labels: Sequence[str]) -> list[Bullet]:
    """The bullets of these labels in the order they were named; unknown ones are left out."""
    found = {row.label: row for row in playbook.bullets.filter(label__in=labels)}
    return [found[label] for label in dict.fromkeys(labels) if label in found]


def merge_digest(rows: Sequence[Bullet]) -> str:
    """What a person looked at: which bullets, each at which revision."""
    return " ".join(f"{row.label}:{row.revision_count}:{row.status}" for row in rows)


def merge_preview(*, playbook: Playbook, labels: Sequence[str], content: str) -> tuple[int, int]:
    """Tokens of the playbook before and after a merge.

    Raises:
        UnableToChange: as ``bullets_merge``.
    """
    value = playbook.as_value()
    merge = Delta(op=Op.MERGE, content=content, targets=tuple(labels))
    return value.tokens, tried(value, merge, UnableToChange).tokens


def _refuse_retired(bullet: Bullet) -> None:
    if bullet.status == Bullet.Status.RETIRED:
        raise UnableToChange(f"{bullet.label} is retired; restore it before moving it.")


def _revise(bullet: Bullet, by: Any, reason: str, *, status: str, content: str = "") -> None:
    text = content or bullet.content
    bullet.revise(
        content=text,
        section=bullet.section,
        status=status,
        # An edit by a person drops the rule: only the text is then known to be true.
        rule=bullet.rule if text == bullet.content else None,
        author=by,
        reason=reason[:300],
    )


def _record(bullet: Bullet, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record_in(
        bullet.playbook,
        actor=by,
        kind=kind,
        subject=bullet,
        **data,
    )
