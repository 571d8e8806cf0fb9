"""What lessons of earlier incidents say of this one: shown always, followed where it looks alike.

The engine's own memory reuses a verdict to save work, and its ranking is by evidence alone
(docs/rootcause.md): what a person taught cannot change that, least of all where the engine had been
wrong. So lessons are laid beside its answer. One leads the ranking only if all of this holds:

- the incident looks as the one did that it was learned in;
- the evidence finds a cause at all, and something is held against the component itself;
- the decision it was learned from stands;
- no person has said otherwise in an incident that it led.

That makes a wrong lesson recoverable: correct one incident it led, or take back the decision it
came from, and it leads no more. Scores stay what the evidence says. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from memoryapp.domain.shares import percent
from practice.domain.causal_layout import KIND_WORDS, short
from practice.domain.rootcause.ranking import OWN, worth
from practice.domain.rootcause.types import Analysis, Cause, Outcome

#: Shared words of two incidents by which one is shown beside the other, and by which it leads.
ALIKE, SAME = 0.25, 0.6
#: The name of a lesson among the entries of memory: its playbook's slug and its label.
_LESSON = re.compile(r"bullet:([-\w]+)/([^/]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Lesson:
    """A cause that a person named in ``incident``, which had the words ``looks``.

    ``bullet`` is its entry's id in memory. ``stands`` is whether the decision does, ``refused`` the
    incident in which a person said otherwise, empty while nobody has.
    """

    bullet: str
    node: str
    incident: str
    link: str
    looks: Collection[str] = ()
    stands: bool = True
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Considered:
    """A lesson beside an answer: how much alike the incidents look, and what follows from it."""

    lesson: Lesson
    alike: float
    leads: bool
    said: str


def lesson_name(playbook: str, label: str) -> str:
    """Return the name in memory of the lesson that a bullet is, by its playbook's slug."""
    return f"bullet:{playbook}/{label}"


def bullet_of(name: str) -> tuple[str, str] | None:
    """Return the playbook's slug and the label that a lesson's name says; ``None`` for others."""
    found = _LESSON.fullmatch(name)
    return (found[1], found[2]) if found else None


def signature(found: Analysis) -> list[str]:
    """Words that two incidents of one cause share: who deviates, and in which way."""
    words = {f"entry {found.alert.entry}"} if found.alert.entry else set()
    for cause in found.causes[:3]:
        words |= {f"cause {cause.node}", f"kind {cause.node} {KIND_WORDS[cause.kind]}"}
    strong = sorted(found.evidence, key=lambda item: -item.deviation)[:12]
    words |= {f"{item.kind.value} {item.node} {item.direction.value}" for item in strong}
    return sorted(words)


def likeness(mine: Collection[str], theirs: Collection[str]) -> float:
    """The share of words that two incidents have in common, 0 to 1.

    0 where nothing deviated in the first: that two came in by one entry is no likeness.
    """
    left, right = set(mine), set(theirs)
    if not right or not any(word.startswith("cause ") for word in left):
        return 0.0
    return len(left & right) / len(left | right)


def considered(
    found: Analysis, looks: Collection[str], lessons: Sequence[Lesson]
) -> tuple[Considered, ...]:
    """Every lesson of the system beside what was found, whose ``signature`` is ``looks``.

    The most alike come first.
    """
    asked = [(likeness(looks, lesson.looks), lesson) for lesson in lessons]
    asked.sort(key=lambda one: (-round(one[0], 4), one[1].bullet))
    said: list[Considered] = []
    for alike, lesson in asked:
        why = _why_not(found, lesson, alike)
        leads = not why and not any(one.leads for one in said)
        if not why and not leads:
            why = "another lesson is more alike"
        said.append(Considered(lesson, round(alike, 4), leads, why or _led(found, lesson)))
    return tuple(said)


def _why_not(found: Analysis, lesson: Lesson, alike: float) -> str:
    """Why a lesson does not lead; empty where it does."""
    if why := taken_back(lesson):
        return why
    if alike < SAME:
        return "this incident looks different"
    if found.outcome is not Outcome.FOUND:
        return "nothing here deviates enough to have a cause"
    cause = _cause(found, lesson)
    if cause is None:
        return f"nothing is known of {short(lesson.node)} in this window"
    if not _deviates(found, cause):
        return f"remembered, not found here: nothing is held against {short(lesson.node)}"
    return ""


def taken_back(lesson: Lesson | None) -> str:
    """Why a lesson may lead nothing any more; empty while it may. ``None`` is one that is gone."""
    if lesson is None:
        return "it was retired or reworded"
    if not lesson.stands:
        return f"the decision on {lesson.incident} does not stand any more"
    if lesson.refused:
        return f"a person said otherwise in {lesson.refused}"
    return ""


def _deviates(found: Analysis, cause: Cause) -> bool:
    """Whether a component deviates by more than chance, be it explained by what it calls.

    The engine may have explained too much: that is what a person had put right.
    """
    mine = [item.deviation for item in found.evidence if item.evidence_id in cause.evidence]
    return cause.strength > 0 and worth(max(mine, default=0.0)) >= OWN


def _led(found: Analysis, lesson: Lesson) -> str:
    first = found.causes[0]
    if short(first.node) == short(lesson.node):
        return "it names the cause that the evidence puts first too"
    return f"it leads; by the evidence of this window alone {short(first.node)} would"


def _cause(found: Analysis, lesson: Lesson) -> Cause | None:
    return next((one for one in found.causes if short(one.node) == short(lesson.node)), None)


def followed(found: Analysis, said: Sequence[Considered]) -> tuple[Analysis, Considered | None]:
    """The answer with a lesson's cause first, and that lesson, where it changes what leads."""
    lead = next((one for one in said if one.leads), None)
    cause = _cause(found, lead.lesson) if lead is not None else None
    if lead is None or cause is None or cause is found.causes[0]:
        return found, None
    order = (cause, *(one for one in found.causes if one is not cause))
    causes = tuple(replace(one, rank=rank) for rank, one in enumerate(order, start=1))
    statement = (
        f"{short(cause.node)}: as in {lead.lesson.incident}, which looked {percent(lead.alike)} "
        "like this one and whose cause a person named. By the evidence of this window alone "
        f"{short(found.causes[0].node)} would lead."
    )
    return replace(found, causes=causes, statement=statement), lead
