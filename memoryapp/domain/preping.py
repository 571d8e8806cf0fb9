"""The layout of ``playbook.json`` as Preping's released code writes and reads it. Pure.

An object of four sections, each a list of bullets with their counters under ``metadata``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

SECTIONS = ("strategies", "code_snippets", "pitfalls", "apis")
METADATA = (
    "created_at",
    "last_accessed",
    "usage_count",
    "helpful_count",
    "harmful_count",
    "source_task_id",
)
#: a bullet is tagged by its score: above the first helpful, below the second harmful.
HELPFUL_ABOVE, HARMFUL_BELOW = 0.3, -0.3


def score(helpful: int, harmful: int) -> float:
    """Return the artifact's effectiveness, -1 to 1; 0 where nobody voted."""
    votes = helpful + harmful
    return (helpful - harmful) / votes if votes else 0.0


def tag(helpful: int, harmful: int) -> str:
    """Return what a vote makes of a bullet: helpful, harmful or neutral."""
    value = score(helpful, harmful)
    if value > HELPFUL_ABOVE:
        return "helpful"
    return "harmful" if value < HARMFUL_BELOW else "neutral"


def document(bullets: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the file for bullets given flat, the names of ``METADATA`` beside the others.

    The artifact refuses other sections than its own, so bullets of those stand under strategies;
    their ids stay.
    """
    sections: dict[str, list[dict[str, Any]]] = {section: [] for section in SECTIONS}
    for bullet in bullets:
        section = bullet["section"] if bullet["section"] in SECTIONS else SECTIONS[0]
        row = {name: value for name, value in bullet.items() if name not in METADATA}
        metadata = {name: bullet[name] for name in METADATA}
        sections[section].append({**row, "section": section, "metadata": metadata})
    return sections
