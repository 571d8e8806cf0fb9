"""Failed agent trajectories of a labelled set: one case, and what was found in it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from memoryapp.domain.text import cleaned
from practice.domain.rootcause.trajectories import Action, TrajectoryAnalysis

#: So many steps, and so many characters of each, are kept to be read beside what was found.
_SHOWN_STEPS, _SHOWN_CHARACTERS = 300, 600
_CODE = re.compile(r"```.*?(?:```|\Z)", re.S)


@dataclass(frozen=True, slots=True)
class TrajectoryCase:
    """A failed trajectory as it is analysed. ``task`` is what was asked of the agents."""

    case_id: str
    actions: tuple[Action, ...]
    task: str = ""


def varied_trajectory(case: TrajectoryCase, variant: str) -> TrajectoryCase:
    """A case under a variant. Every step keeps its place, so that labels still point at it."""
    match variant:
        case "no-task":
            return replace(case, task="")
        case "no-reports":
            unseen = (replace(a, text="") if a.observation else a for a in case.actions)
            return replace(case, actions=tuple(unseen))
        case "no-code":
            said = (replace(a, text=_CODE.sub("", a.text)) for a in case.actions)
            return replace(case, actions=tuple(said))
        case _:
            return case


def told_of_steps(case: TrajectoryCase, answer: TrajectoryAnalysis) -> list[dict[str, Any]]:
    """The steps of a case in their order, each with its rank and the case against it, as JSON."""
    causes = {cause.index: cause for cause in reversed(answer.causes)}
    return [
        {
            "index": action.index,
            "agent": action.actor,
            # Twice as much is cleaned as is kept: no part of a secret is left at the end.
            "text": cleaned(action.text[: 2 * _SHOWN_CHARACTERS])[:_SHOWN_CHARACTERS],
            "is_cut": len(action.text) > _SHOWN_CHARACTERS,
            "rank": causes[action.index].rank,
            "statement": causes[action.index].statement,
        }
        for action in case.actions[:_SHOWN_STEPS]
    ]
