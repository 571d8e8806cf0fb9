"""The playbook as a value: bullets, the operations that change it, and what an operation does.

A playbook is what an agent is given before its first user task (Preping, arXiv 2605.13880, solver
memory). Everything here is pure: no database, no clock, no randomness.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

SECTIONS = ("strategies", "pitfalls", "apis", "code_snippets")
#: How a section may be named: labels of bullets are made of it, and addresses of those.
SECTION_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
#: How a bullet may be labelled: by its section and a number.
LABEL = re.compile(rf"{SECTION_NAME.pattern}-[0-9]{{1,8}}")
CHARS_PER_TOKEN = 4
#: characters of one bullet; a longer text is a document, and no page can show a list of those.
CONTENT_MOST = 20_000


class Op(StrEnum):
    """What a candidate asks to do to a playbook."""

    ADD = "ADD"
    UPDATE = "UPDATE"
    MERGE = "MERGE"
    RETIRE = "RETIRE"


class BulletStatus(StrEnum):
    """Where a bullet stands with the people who decide."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    STALE = "stale"
    RETIRED = "retired"


LIVE = frozenset({BulletStatus.APPROVED, BulletStatus.STALE})


@dataclass(frozen=True, slots=True)
class Bullet:
    """One remembered lesson.

    ``rule`` is the machine-readable form of ``content`` where the rules engine wrote it; an edit by
    a person drops it, because only the text is then known to be true.
    """

    label: str
    section: str
    content: str
    status: BulletStatus = BulletStatus.APPROVED
    id: str = ""
    helpful: int = 0
    harmful: int = 0
    rule: Mapping[str, Any] | None = None

    @property
    def tokens(self) -> int:
        """Estimated tokens of the text (four characters each, rounded up)."""
        return estimate_tokens(self.content)


@dataclass(frozen=True, slots=True)
class Delta:
    """One proposed operation.

    ``targets`` are bullet labels (UPDATE and RETIRE: one; MERGE: two or more, the first survives).
    ``evidence`` are step numbers (1-based) of the trajectory that taught the lesson.
    """

    op: Op
    section: str = ""
    content: str = ""
    targets: tuple[str, ...] = ()
    reason: str = ""
    evidence: tuple[int, ...] = ()
    rule: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Playbook:
    """Bullets in delivery order with the token budget they must fit (0 = unlimited)."""

    bullets: tuple[Bullet, ...] = ()
    token_budget: int = 0
    counters: Mapping[str, int] = field(default_factory=dict)

    @property
    def live(self) -> tuple[Bullet, ...]:
        """Bullets an agent is given."""
        return tuple(b for b in self.bullets if b.status in LIVE)

    @property
    def tokens(self) -> int:
        return sum(estimate_tokens(b.content) for b in self.live)

    def by_label(self, label: str) -> Bullet | None:
        return next((b for b in self.bullets if b.label == label), None)


class DeltaRefused(ValueError):
    """The operation cannot be applied to this playbook; the message says why.

    ``field`` is ``content`` where its text can be no bullet of any playbook.
    """

    def __init__(self, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class OverBudget(DeltaRefused):
    """The operation would push the playbook over its token budget."""


def estimate_tokens(text: str) -> int:
    """Return the estimated token count of ``text``."""
    return -(-len(text) // CHARS_PER_TOKEN)


def fingerprint(playbook: Playbook) -> str:
    """Return the SHA-256 (hex) of what an agent would be given: the live bullets' texts."""
    return fingerprint_of((b.section, b.label, b.content) for b in playbook.live)


def fingerprint_of(texts: Iterable[tuple[str, str, str]]) -> str:
    """Return the same of (section, label, content) of each bullet, in any order."""
    return hashlib.sha256(json.dumps(sorted(texts), ensure_ascii=False).encode()).hexdigest()


def next_label(playbook: Playbook, section: str) -> str:
    """Return a section's next label, e.g. ``pitfalls-004``; labels are never re-used."""
    used = [playbook.counters.get(section, 0)]
    for bullet in playbook.bullets:
        prefix, _, number = bullet.label.rpartition("-")
        if prefix == section and number.isdigit():
            used.append(int(number))
    return f"{section}-{max(used) + 1:03d}"


def apply(playbook: Playbook, delta: Delta) -> Playbook:
    """Return the playbook after ``delta``.

    Raises:
        DeltaRefused: unknown or inactive target, empty or overlong content, or a duplicate of a
            live bullet.
        OverBudget: the result would not fit ``token_budget``.
    """
    match delta.op:
        case Op.ADD:
            changed = _add(playbook, delta)
        case Op.UPDATE:
            changed = _update(playbook, delta)
        case Op.MERGE:
            changed = _merge(playbook, delta)
        case Op.RETIRE:
            changed = _retire(playbook, delta)
    budget = playbook.token_budget
    if budget and changed.tokens > budget and changed.tokens > playbook.tokens:
        raise OverBudget(_too_much("This change needs", changed.tokens, budget))
    return changed


def check_length(content: str) -> None:
    """Make sure that a text is short enough to be one bullet.

    Raises:
        DeltaRefused: it has more than ``CONTENT_MOST`` characters.
    """
    if len(content) > CONTENT_MOST:
        raise DeltaRefused(
            f"The text has {len(content):,} characters and a bullet at most {CONTENT_MOST:,}. "
            "Shorten it.",
            field="content",
        )


def check_fits(playbook: Playbook) -> None:
    """Make sure that what an agent is given fits the token budget.

    Raises:
        OverBudget: it does not; the budget was lowered after it was approved.
    """
    budget = playbook.token_budget
    if budget and playbook.tokens > budget:
        raise OverBudget(_too_much("The approved bullets need", playbook.tokens, budget))


def _too_much(who: str, tokens: int, budget: int) -> str:
    over = tokens - budget
    return (
        f"{who} {tokens} token{'' if tokens == 1 else 's'} and the budget is {budget}. "
        f"Retire bullets worth {over} token{'' if over == 1 else 's'} first."
    )


def _add(playbook: Playbook, delta: Delta) -> Playbook:
    content = _content(delta)
    if delta.section == "":
        raise DeltaRefused("A new bullet needs a section.")
    twin = next((b for b in playbook.live if b.content == content), None)
    if twin is not None:
        raise DeltaRefused(f"{twin.label} already says exactly this.")
    label = next_label(playbook, delta.section)
    bullet = Bullet(label=label, section=delta.section, content=content, rule=delta.rule)
    counters = {**playbook.counters, delta.section: int(label.rpartition("-")[2])}
    return replace(playbook, bullets=(*playbook.bullets, bullet), counters=counters)


def _update(playbook: Playbook, delta: Delta) -> Playbook:
    (target,) = _targets(playbook, delta, exactly=1)
    changed = replace(
        target, content=_content(delta), rule=delta.rule, status=BulletStatus.APPROVED
    )
    return _with(playbook, [changed])


def _merge(playbook: Playbook, delta: Delta) -> Playbook:
    first, *others = _targets(playbook, delta, at_least=2)
    survivor = replace(
        first,
        content=_content(delta),
        rule=delta.rule,
        helpful=first.helpful + sum(b.helpful for b in others),
        harmful=first.harmful + sum(b.harmful for b in others),
    )
    return _with(playbook, [survivor, *(replace(b, status=BulletStatus.RETIRED) for b in others)])


def _retire(playbook: Playbook, delta: Delta) -> Playbook:
    (target,) = _targets(playbook, delta, exactly=1)
    return _with(playbook, [replace(target, status=BulletStatus.RETIRED)])


def _content(delta: Delta) -> str:
    content = delta.content.strip()
    if not content:
        raise DeltaRefused(f"{delta.op} needs the text of the bullet.", field="content")
    check_length(content)
    return content


def _targets(
    playbook: Playbook, delta: Delta, *, exactly: int = 0, at_least: int = 0
) -> list[Bullet]:
    if exactly and len(delta.targets) != exactly:
        raise DeltaRefused(f"{delta.op} changes one bullet, not {len(delta.targets)}.")
    if len(set(delta.targets)) < at_least:
        raise DeltaRefused(f"{delta.op} needs at least {at_least} different bullets.")
    found = []
    for label in delta.targets:
        bullet = playbook.by_label(label)
        if bullet is None:
            raise DeltaRefused(f"There is no bullet {label} in this playbook.")
        if bullet.status not in LIVE:
            raise DeltaRefused(f"{label} is {bullet.status}; restore it before changing it.")
        found.append(bullet)
    return found


def _with(playbook: Playbook, changed: Iterable[Bullet]) -> Playbook:
    by_label = {b.label: b for b in changed}
    return replace(playbook, bullets=tuple(by_label.get(b.label, b) for b in playbook.bullets))
