"""Bullets from a file. Importing is an operator's act, so they are approved, and kept as they were.

Only what nobody could have seen in the file is not: secrets are masked, hidden characters left out,
and words that read like orders to a model wait in review, where a person sees them one by one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.db import transaction

from memoryapp.domain import playbook as domain
from memoryapp.domain.errors import UnableToRead
from memoryapp.domain.masking import redact, redact_value
from memoryapp.domain.playbook import LABEL, SECTION_NAME, Delta, DeltaRefused, Op
from memoryapp.domain.provenance import Trust, weakest
from memoryapp.domain.reading import read
from memoryapp.domain.readings import Unreadable
from memoryapp.domain.text import cleaned, hidden_characters, looks_like_instruction
from memoryapp.models import Bullet, Event, Playbook
from memoryapp.services.candidates import Origin, candidate_submit
from memoryapp.services.seen import check_seen

FILE_NAMES = {
    "json": "native JSON",
    "ace": "ACE text",
    "preping": "playbook.json",
    "skill": "an Agent Skill",
}
FILE = "file"
#: What may become of a bullet of a file (``Outcome``).
VERDICTS = ("added", "review", "updated", "kept", "skipped", "refused")


@dataclass(frozen=True, slots=True)
class Incoming:
    """One bullet of a file. ``details`` is what the file says of it besides, kept with it."""

    place: str
    label: str
    section: str
    content: str
    helpful: int
    harmful: int
    details: Mapping[str, Any]
    #: what its reader has to say of it.
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Replaced:
    """A text that was here, and the one of the file in its place."""

    label: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one bullet, and why.

    Verdicts: added, review (a person decides), updated, kept (it was here already), skipped
    (another text has its label here) or refused. Of an updated one it says what was ``replaced``.
    """

    place: str
    verdict: str
    message: str
    replaced: Replaced | None = None


@dataclass(frozen=True, slots=True)
class _Into:
    """Where bullets go. ``known``: labels of those that came from a file, by their id there."""

    playbook: Playbook
    by: Any
    source: str
    on_conflict: Conflict
    known: dict[str, str]
    is_dry_run: bool


class Conflict(StrEnum):
    """What to do with a bullet whose label stands for another text here."""

    REFUSE = "refuse"
    SKIP = "skip"
    OVERWRITE = "overwrite"
    NEW = "new"


def texts_replaced(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What stood where an import puts its own, by label; ``domain.seen.shown`` is ``seen``."""
    return {row.replaced.label: row.replaced.was for row in reversed(outcomes) if row.replaced}


def playbook_import(
    *,
    playbook: Playbook,
    form: str,
    text: str,
    by: Any,
    on_conflict: Conflict = Conflict.SKIP,
    dry_run: bool = False,
    seen: str | None = None,
) -> list[Outcome]:
    """Import a file in one of ``domain.reading.READERS``. Importing it twice adds nothing twice.

    ``seen`` is the digest of ``texts_replaced`` of a dry run.

    Raises:
        ChangedMeanwhile: it would replace other texts by now.
        UnableToRead: the text is not the form it is said to be.
    """
    try:
        reading = read(form, text)
    except Unreadable as error:
        raise UnableToRead(f"{error} Nothing was imported.") from error
    incoming = [
        Incoming(
            place=row.place,
            label=row.label,
            section=row.section,
            content=row.content,
            helpful=row.helpful,
            harmful=row.harmful,
            details=row.details,
            remark=row.remark,
        )
        for row in reading.bullets
    ]
    outcomes = bullets_import(
        playbook=playbook,
        incoming=incoming,
        by=by,
        source=FILE_NAMES[form],
        dry_run=dry_run,
        on_conflict=on_conflict,
        seen=seen,
    )
    return outcomes + [Outcome(row.place, "refused", row.message) for row in reading.problems]


def bullets_import(
    *,
    playbook: Playbook,
    incoming: Sequence[Incoming],
    by: Any,
    source: str,
    dry_run: bool,
    on_conflict: Conflict = Conflict.REFUSE,
    seen: str | None = None,
) -> list[Outcome]:
    """Add the bullets of a file under their own labels. Importing it twice adds nothing twice.

    ``details`` of each holds at least its ``id``. A dry run decides all of it and stores nothing.
    Bullets are refused one by one: a label that means something else here, the same words under
    another label, or no room in the token budget. One that reads like an order becomes a candidate.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        before = value = playbook.as_value()
        into = _Into(playbook, by, source, on_conflict, _known(playbook), dry_run)
        outcomes = []
        for given in incoming:
            row = _masked(given)
            value, outcome = _import(into, value, row)
            outcome = replace(outcome, message=f"{outcome.message}{_left_out(given)}")
            outcomes.append(outcome)
        if not dry_run:
            stands = {row.replaced.label: row.replaced.now for row in outcomes if row.replaced}
            check_seen(seen, texts_replaced(outcomes), stands)
        added, updated = (
            sum(outcome.verdict == verdict for outcome in outcomes)
            for verdict in ("added", "updated")
        )
        if (added or updated) and not dry_run:
            playbook.counters = dict(value.counters)
            playbook.save(update_fields=["counters", "updated_at"])
            Event.objects.record_in(
                playbook,
                actor=by,
                kind="playbook.imported",
                subject=playbook,
                source=source,
                added=added,
                updated=updated,
                before={"bullets": len(before.live), "tokens": before.tokens},
                after={"bullets": len(value.live), "tokens": value.tokens},
            )
        if dry_run:  # what would wait in Review
            transaction.set_rollback(True)
    return outcomes


def _import(into: _Into, value: domain.Playbook, row: Incoming) -> tuple[domain.Playbook, Outcome]:
    content, on_conflict = row.content, into.on_conflict
    label = into.known.get(row.label, row.label)
    if not LABEL.fullmatch(label):
        label = domain.next_label(value, row.section)
    same = value.by_label(label)
    if same is not None and same.content == content:
        said = f"{label} is here already.{_other_votes(same, row)}"
        return value, Outcome(row.place, "kept", said)
    if not SECTION_NAME.fullmatch(row.section):
        return value, Outcome(row.place, "refused", "Its section is not a valid name.")
    try:
        domain.check_length(content)
    except DeltaRefused as refusal:
        return value, Outcome(row.place, "refused", str(refusal))
    if orders := looks_like_instruction(content):
        return value, _ask_a_person(into, row, orders[0])
    if same is not None and on_conflict is Conflict.OVERWRITE:
        return _overwrite(into, value, same, content, row.place)
    if same is not None and on_conflict is Conflict.NEW:
        twin = next((b for b in value.live if b.content == content), None)
        if twin is not None:
            return value, Outcome(row.place, "kept", f"{twin.label} already says exactly this.")
        label = domain.next_label(value, row.section)
    elif same is not None:
        verdict = "skipped" if on_conflict is Conflict.SKIP else "refused"
        return value, Outcome(row.place, verdict, f"{label} says something else here.")
    try:
        domain.apply(value, Delta(op=Op.ADD, section=row.section, content=content))
    except DeltaRefused as refusal:
        return value, Outcome(row.place, "refused", str(refusal))
    if not into.is_dry_run:
        _store(into, label, row)
    into.known.setdefault(str(row.details["id"]), label)
    said = f"{label} is added."
    if same is not None:
        said = f"{label} is added; {row.label} says something else here."
    elif label != row.label:
        said = f"{label} is added; its id {row.label[:80]!r} could not be its label and is kept."
    return _grown(value, label, row, content), Outcome(row.place, "added", said)


def _known(playbook: Playbook) -> dict[str, str]:
    """Labels of the bullets that came from a file, by the id they have there. The oldest counts."""
    came = playbook.bullets.filter(imported__has_key="id").order_by("-created_at", "-pk")
    return dict(came.values_list("imported__id", "label"))


def _other_votes(same: domain.Bullet, row: Incoming) -> str:
    """Say that votes the file counts otherwise are left as they are here."""
    told = (row.helpful, row.harmful)
    if told in ((0, 0), (same.helpful, same.harmful)):
        return ""
    return (
        f" Its votes stay {same.helpful} helpful and {same.harmful} harmful; the file's {told[0]} "
        f"and {told[1]} were not taken."
    )


def _overwrite(
    into: _Into, value: domain.Playbook, same: domain.Bullet, content: str, place: str
) -> tuple[domain.Playbook, Outcome]:
    """Give the bullet that is here the text of the file, as one more revision."""
    if same.status not in domain.LIVE:
        said = f"{same.label} is {same.status} here. Restore it first."
        return value, Outcome(place, "refused", said)
    try:
        changed = domain.apply(value, Delta(op=Op.UPDATE, content=content, targets=(same.label,)))
    except DeltaRefused as refusal:
        return value, Outcome(place, "refused", str(refusal))
    if not into.is_dry_run:
        bullet = into.playbook.bullets.get(label=same.label)
        bullet.trust = weakest(Trust.OUTSIDE, [bullet.trust], [content])
        _revise(into, bullet, content, bullet.section)
    said = f"{same.label} takes the text of the file."
    replaced = Replaced(same.label, same.content, content)
    return changed, Outcome(place, "updated", said, replaced)


def _masked(row: Incoming) -> Incoming:
    """The bullet as it may be stored, in its text and in what the file says of it besides."""
    content = cleaned(row.content)
    said = {**row.details, "content": content} if "content" in row.details else row.details
    return replace(row, label=redact(row.label), content=content, details=redact_value(said))


def _left_out(given: Incoming) -> str:
    """Say what of a bullet is not stored as the file has it."""
    said = f" {given.remark}" if given.remark else ""
    texts = [given.label, given.content, *(v for v in given.details.values() if isinstance(v, str))]
    if any(redact(text) != text for text in texts):
        said += " What looks like a secret in it was masked."
    if hidden := len(hidden_characters(given.content)):
        said += f" {hidden} hidden character{'s were' if hidden > 1 else ' was'} left out."
    return said


def _ask_a_person(into: _Into, row: Incoming, order: str) -> Outcome:
    playbook, source = into.playbook, into.source
    waiting = playbook.candidates.pending().filter(op=Op.ADD.value, content=row.content)
    if waiting.exists():
        return Outcome(row.place, "kept", "It waits in Review already.")
    candidate = candidate_submit(
        playbook_id=playbook.pk,
        delta=Delta(
            op=Op.ADD,
            section=row.section,
            content=row.content,
            reason=f"{source} has it as {row.label[:80]}. It reads like instructions to a model: "
            f"“{order}”.",
        ),
        origin=Origin(kind=FILE, link="", name=source),
        sources=[],
        scores={},
    )
    if candidate is None:
        return Outcome(row.place, "refused", "A person rejected these very words before.")
    said = f"It reads like instructions to a model (“{order}”), so it waits in Review for a person."
    return Outcome(row.place, "review", said)


def _grown(value: domain.Playbook, label: str, row: Incoming, content: str) -> domain.Playbook:
    """The playbook with the bullet; the number of its label is never given again."""
    prefix, _, number = label.rpartition("-")
    counters = {**value.counters, prefix: max(value.counters.get(prefix, 0), int(number))}
    bullet = domain.Bullet(
        label=label,
        section=row.section,
        content=content,
        helpful=row.helpful,
        harmful=row.harmful,
    )
    return replace(value, bullets=(*value.bullets, bullet), counters=counters)


def _store(into: _Into, label: str, row: Incoming) -> None:
    bullet = Bullet(
        playbook=into.playbook,
        label=label,
        practice_helpful=row.helpful,
        practice_harmful=row.harmful,
        origin_kind=FILE,
        imported=dict(row.details),
        trust=weakest(Trust.OUTSIDE, [], [row.content]),
    )
    _revise(into, bullet, row.content, row.section)


def _revise(into: _Into, bullet: Bullet, content: str, section: str) -> None:
    bullet.revise(
        content=content,
        section=section,
        status=Bullet.Status.APPROVED,
        rule=None,
        author=into.by,
        reason=f"Imported from {into.source}"[:300],
    )
