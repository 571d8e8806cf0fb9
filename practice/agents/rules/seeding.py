"""What a seed task in free text is about: the tools it fits, and how well a draft meets it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from practice.agents.rules.words import parts
from practice.domain.types import TaskSpec, ToolSpec

#: tools that are tried for one seed task.
MOST = 3
NAME_WORTH = 3.0


def fitting(seed: str, tools: Sequence[ToolSpec], avoided: Set[str]) -> list[ToolSpec]:
    """Return up to three tools that share words with ``seed``, the best first.

    A tool needs to share a word of its name; words of its description decide between those.
    """
    said = _stems(seed)
    scored = []
    for place, tool in enumerate(tools):
        name = {_stem(word) for word in parts(tool.name)}
        overlap = len(name & said) / max(len(name), 1)
        if overlap and tool.name not in avoided:
            described = len(_stems(tool.description) & said)
            named = tool.name.lower() in seed.lower()
            scored.append((-(NAME_WORTH * (overlap + named)) - described / 10, place, tool))
    return [tool for _, _, tool in sorted(scored, key=lambda row: row[:2])[:MOST]]


def shared(seed: str, task: TaskSpec) -> float:
    """Return how much of ``seed`` a task takes up: what it mentions first, then common words."""
    text = seed.lower()
    mentioned = sum(entity.lower() in text for entity in task.entities)
    words = {_stem(word) for tool in task.intended_tools for word in parts(tool)}
    said = _stems(seed)
    return 10 * mentioned + len(words & said) + len(_stems(task.instruction) & said) / 100


def _stems(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"[a-z0-9]{3,}", text.lower())}


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e")
