"""The curator without a model: lessons become reviewable operations on the playbook.

A lesson whose ``key`` the playbook already holds is an UPDATE when it adds something (another tool
that needs the same step first, another allowed value), or when a call that did as the bullet says
was refused for it, and nothing otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryapp.domain.playbook import Bullet, Delta, Op, Playbook
from practice.agents.ports import Curation
from practice.agents.rules.bullets import SECTIONS, content
from practice.agents.rules.knowledge import bullet_for
from practice.domain.types import Reflection, Step, TaskSpec, Trajectory

#: what grows when a lesson is learned again, by kind.
_GROWS = {
    "prerequisite": "tools",
    "format": "tools",
    "unit": "tools",
    "enum": "values",
    "source": "consumers",
    "made": "consumers",
    "location": "consumers",
    "shape": "extra",
}
MAX_GROWN = 12
MAX_DELTAS = 10


class RulesCurator:
    """Proposes at most ten operations per trajectory; a person decides later."""

    def curate(
        self,
        task: TaskSpec,
        playbook: Playbook,
        trajectory: Trajectory,
        reflection: Reflection,
    ) -> Curation:
        """Return ADD and UPDATE operations for lessons the playbook does not hold yet."""
        deltas = [
            delta
            for lesson in reflection.lessons
            if (delta := _delta(dict(lesson), playbook, task, trajectory)) is not None
        ]
        return Curation(deltas=tuple(deltas[:MAX_DELTAS]))


def _delta(
    lesson: dict[str, Any], playbook: Playbook, task: TaskSpec, trajectory: Trajectory
) -> Delta | None:
    steps = tuple(lesson.pop("steps", ()))
    if not steps:
        return None
    held = bullet_for(playbook, lesson["key"])
    reason = f"Shown by {_steps(steps)} of “{task.instruction}”"
    if held is None:
        return Delta(
            op=Op.ADD,
            section=SECTIONS[lesson["kind"]],
            content=content(lesson),
            reason=reason,
            evidence=steps,
            rule=lesson,
        )
    refused = next((step for step in trajectory.steps if step.number == steps[0]), None)
    if refused and _is_refuted(held, lesson, refused):
        richer: dict[str, Any] | None = lesson
        reason = f"A call that did as it says was refused. {reason}"
    else:
        richer = _richer(held, lesson)
    if richer is None:
        return None
    return Delta(
        op=Op.UPDATE,
        section=held.section,
        content=content(richer),
        targets=(held.label,),
        reason=reason,
        evidence=steps,
        rule=richer,
    )


def _is_refuted(held: Bullet, lesson: Mapping[str, Any], refused: Step) -> bool:
    """Whether a call was refused for a value that the held rule allows.

    What the server now says of that value is then the whole of it, and adds nothing to the rule.
    """
    rule, value = dict(held.rule or {}), refused.arguments.get(str(lesson.get("parameter")))
    match lesson["kind"]:
        case "enum":
            return value in rule.get("values", ()) and value not in lesson["values"]
        case "limit":
            return _within(value, rule) and not _within(value, lesson)
        case _:
            return False


def _within(value: Any, limits: Mapping[str, Any]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    low, high = limits.get("low"), limits.get("high")
    return (low is None or value >= low) and (high is None or value <= high)


def _richer(held: Bullet, lesson: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the held rule with what the lesson adds, or ``None`` where it adds nothing."""
    rule = dict(held.rule or {})
    grows = _GROWS.get(str(lesson["kind"]))
    if grows is None:
        return None
    known = list(rule.get(grows, ()))
    added = [item for item in lesson[grows] if item not in known]
    if not added or len(known) + len(added) > MAX_GROWN:
        return None
    return {**rule, grows: [*known, *added]}


def _steps(numbers: tuple[int, ...]) -> str:
    told = ", ".join(str(n) for n in numbers)
    return f"step{'s' if len(numbers) > 1 else ''} {told}"
