"""One case of a replay: what was found beside what is true. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def beside_truth(found: Mapping[str, Any], truth: Mapping[str, str]) -> dict[str, Any]:
    """An ``evaluation.Replayed`` as JSON, with its label and where the label came in the ranking.

    ``rank`` counts from 1 and is ``None`` where what is true was not ranked, or is not known.
    """
    true, ranked = truth.get("service", ""), found["ranked"]
    return {
        **found,
        "truth": true,
        "true_agent": truth.get("agent", ""),
        "fault_type": truth.get("fault_type", ""),
        "rank": ranked.index(true) + 1 if true in ranked else None,
        "first": ranked[0] if ranked else "",
    }


def steps_beside_truth(answer: Mapping[str, Any], truth: Mapping[str, str]) -> list[dict[str, Any]]:
    """The steps of an answered trajectory, each with whether its label calls it decisive."""
    true = truth.get("service", "")
    return [
        {**step, "is_true": str(step["index"]) == true, "is_first": step["rank"] == 1}
        for step in answer.get("steps", ())
    ]
