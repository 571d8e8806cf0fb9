"""What its trials say about a lesson. Pure.

A lesson is kept after some wins in a row of a solver that has it (DAEDALUS, arXiv 2610.08048), each
from a reset environment. A win shows something only where the same task does worse without the
lesson, and a loss speaks against it only where the task is won without it: a task can be lost for a
reason the lesson says nothing about. Where its own mistake comes back it changed nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

_PARTICULAR = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`|\b[\w-]*\d[\w-]*\b")

#: A tool and its error without what is particular to one call.
Mistake = tuple[str, str]


class Ruling(StrEnum):
    """What becomes of a lesson. ``NEEDLESS`` and ``UNCLEAR`` go to review as untested."""

    KEPT = "kept"
    REFUTED = "refuted"
    NEEDLESS = "needless"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Trial:
    """One judged attempt at the task a lesson comes from, with it or without it."""

    won: bool
    mistakes: tuple[Mistake, ...] = ()
    reason: str = ""


def mistake(tool: str, error: str) -> Mistake:
    """Return which mistake a failed call made; another call that fails alike made the same."""
    return tool, " ".join(_PARTICULAR.sub("…", error.lower()).split())[:200]


def subject(cited: Sequence[Mistake]) -> Mistake | None:
    """Return the mistake a lesson is about, of those its steps made in their order.

    It is the first. A step that got past it is cited as well, to show that it did, and may itself
    fail because of something the lesson does not speak of.
    """
    return cited[0] if cited else None


def rule(
    needed: int, tried: Sequence[Trial], without: Trial, about: Mistake | None
) -> tuple[Ruling, str] | None:
    """Return what the trials say with the sentence for people; ``None`` where more are needed.

    Args:
        needed: wins in a row that keep a lesson.
        tried: trials with the lesson in their order; nothing follows a lost one.
        without: the same task without the lesson.
        about: the mistake the lesson is about.
    """
    if about is not None and tried and about in tried[-1].mistakes:
        return (
            Ruling.REFUTED,
            f"With it the same mistake was made again, a failed call of {about[0]}. "
            f"{tried[-1].reason}".rstrip(),
        )
    if tried and not tried[-1].won:
        return _lost(tried[-1], without)
    if len(tried) < needed:
        return None
    kept = f"{len(tried)} trials in a row succeeded with it"
    if not without.won:
        return Ruling.KEPT, f"{kept}; without it the task was lost: {without.reason}"
    most = max(len(trial.mistakes) for trial in tried)
    if most < len(without.mistakes):
        calls = "failed call" if most == 1 else "failed calls"
        fewer = f"{most} {calls} at most, {len(without.mistakes)} without it"
        return Ruling.KEPT, f"{kept}, with {fewer}."
    return (
        Ruling.NEEDLESS,
        f"{kept}, but its task is won without it as well, so nothing shows that it matters.",
    )


def _lost(trial: Trial, without: Trial) -> tuple[Ruling, str]:
    if without.won:
        return Ruling.REFUTED, f"Its task is won without it and was lost with it: {trial.reason}"
    return (
        Ruling.UNCLEAR,
        "Its task is lost with it and without it, and not by the mistake it is about: "
        f"{trial.reason}",
    )
