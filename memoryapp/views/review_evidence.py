"""The evidence of a candidate or a bullet: the steps of trajectories it was seen in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from memoryapp.models import Evidence, Trail

#: Longer task texts are cut when evidence is stored.
TASK_CHARS = 200


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step of a trajectory as the page shows it. ``arguments`` may be a line of text."""

    number: int
    tool: str
    arguments: Mapping[str, Any] | str
    excerpt: str
    is_error: bool
    cited: bool
    started_ms: int
    duration_ms: int
    input_tokens: int
    output_tokens: int = 0
    cost: Decimal | None = None


def evidence_groups(
    evidence: Iterable[Evidence], steps_of_first: int = 0, trails: Iterable[Trail] = ()
) -> list[dict[str, Any]]:
    """Evidence by the trajectory it was seen in. ``steps_of_first`` is the first one's length.

    Where the whole trajectory was kept, its other steps stand between the cited ones as a line.
    ``noun`` and ``page`` say what one row and its page are: in an incident nobody took a step.
    """
    groups: dict[str, dict[str, Any]] = {}
    for row in evidence:
        url = row.link.partition("#")[0]
        group = groups.setdefault(
            url or row.group,
            {
                "name": _task(row.group),
                "url": url,
                "noun": "finding" if row.kind == "telemetry" else "step",
                "page": "incident" if row.kind == "telemetry" else "trajectory",
                "steps": [],
                "step_count": 0,
                "total_ms": 0,
                "tokens": 0,
                "cost": None,
                "lines": [],
            },
        )
        group["steps"].append(row)
    found = list(groups.values())
    if found:
        found[0]["step_count"] = steps_of_first
    kept = {trail.link: trail.steps for trail in trails}
    for group in found:
        group["steps"].sort(key=lambda row: row.number)
        group["lines"] = _lines(group["steps"], kept.get(group["url"], []))
        group["tokens"] = sum(line.input_tokens + line.output_tokens for line in group["lines"])
        known = [line.cost for line in group["lines"] if line.cost is not None]
        group["cost"] = sum(known, Decimal(0)) if known else None
        if group["url"] in kept:
            group["step_count"] = len(kept[group["url"]])
            group["total_ms"] = max(
                (line["started_ms"] + line["duration_ms"] for line in kept[group["url"]]), default=0
            )
    return found


def _lines(cited: Sequence[Evidence], trail: Sequence[Mapping[str, Any]]) -> list[ShownStep]:
    """Every step in order: the cited ones as evidence, each other one as a line."""
    at = {line["number"]: line for line in trail}
    shown = {
        step.number: ShownStep(
            number=step.number,
            tool=step.tool,
            arguments=step.arguments,
            excerpt=step.excerpt,
            is_error=step.is_error,
            cited=True,
            started_ms=at.get(step.number, {}).get("started_ms", 0),
            duration_ms=step.duration_ms,
            input_tokens=at.get(step.number, {}).get("tokens", 0),
            cost=_cost(at.get(step.number, {})),
        )
        for step in cited
    }
    for number, line in at.items():
        if number not in shown:
            shown[number] = ShownStep(
                number=number,
                tool=line["tool"],
                arguments=line["arguments"],
                excerpt=line["said"],
                is_error=line["is_error"],
                cited=False,
                started_ms=line["started_ms"],
                duration_ms=line["duration_ms"],
                input_tokens=line["tokens"],
                cost=_cost(line),
            )
    return [shown[number] for number in sorted(shown)]


def _cost(line: Mapping[str, Any]) -> Decimal | None:
    """US dollars of a line; ``None`` where nobody knows, as of every line of earlier versions."""
    return Decimal(line["cost"]) if "cost" in line else None


def _task(group: str) -> str:
    """The task as it was stored; a cut one says so."""
    return f"{group.rstrip()}…" if len(group) >= TASK_CHARS else group
