"""The reflector without a model: what the steps prove, and how the playbook's bullets did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.rules.bullets import content
from practice.agents.rules.documents import failure
from practice.agents.rules.errors import Trouble, diagnose, message
from practice.agents.rules.lessons import lessons
from practice.agents.rules.schema import by_name
from practice.domain.types import Label, Reflection, Step, TaskSpec, ToolSpec, Trajectory

Tag = Literal["helpful", "harmful", "neutral"]


class RulesReflector:
    """Distils lessons; each carries the numbers of the steps that prove it."""

    def reflect(
        self,
        task: TaskSpec,
        label: Label,
        playbook: Playbook,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
    ) -> Reflection:
        """Return what happened, why, what is right, and a tag for every bullet that was in play."""
        found = lessons(task, trajectory, tools)
        failed = [s for s in trajectory.steps if failure(s)]
        cause, taught = _cause(failed, found)
        return Reflection(
            what_happened=_story(label, trajectory, failed),
            root_cause=message(failure(cause)) if cause else "",
            correct_approach=content(taught) if taught and cause else "",
            key_insight=content(found[0]) if found else "",
            tags=_tags(playbook, trajectory.steps, tools),
            lessons=found,
        )


def _cause(
    failed: Sequence[Step], found: Sequence[Mapping[str, Any]]
) -> tuple[Step | None, Mapping[str, Any] | None]:
    """Return a failed step and what it taught: both sentences are about the same thing."""
    for lesson in found:
        for step in failed:
            if step.number in lesson.get("steps", ()):
                return step, lesson
    return (failed[-1] if failed else None), None


def _story(label: Label, trajectory: Trajectory, failed: Sequence[Step]) -> str:
    count = len(trajectory.steps)
    calls = f"{count} call{'' if count == 1 else 's'}"
    errors = f"{len(failed)} of them failed" if failed else "none of them failed"
    return f"The attempt was a {label} after {calls}; {errors}."


def _tags(playbook: Playbook, steps: Sequence[Step], tools: Sequence[ToolSpec]) -> dict[str, Tag]:
    tags: dict[str, Tag] = {}
    for bullet in playbook.live:
        tag = _tag(bullet, steps, tools)
        if tag is not None:
            tags[bullet.label] = tag
    return tags


def _tag(bullet: Bullet, steps: Sequence[Step], tools: Sequence[ToolSpec]) -> Tag | None:
    rule: dict[str, Any] = dict(bullet.rule or {})
    match rule.get("kind"):
        case "prerequisite":
            return _tag_prerequisite(rule, steps)
        case "enum" | "format" | "limit" | "required":
            return _tag_argument(rule, steps, tools)
        case "pagination":
            own = [s for s in steps if s.tool == rule["tool"]]
            followed = any(rule["parameter"] in s.arguments and not failure(s) for s in own)
            return ("helpful" if followed else "neutral") if own else None
        case "source":
            uses = {tuple(c) for c in rule["consumers"]}
            own = [s for s in steps if any(s.tool == t and n in s.arguments for t, n in uses)]
            before = any(
                p.tool == rule["producer"] and p.number < s.number for s in own for p in steps
            )
            worked = any(not failure(s) for s in own)
            return ("helpful" if before and worked else "neutral") if own else None
        case _:
            return None


def _tag_prerequisite(rule: dict[str, Any], steps: Sequence[Step]) -> Tag | None:
    own = next((s for s in steps if s.tool in rule["tools"]), None)
    if own is None:
        return None
    before = [s for s in steps if s.tool == rule["needs"] and s.number < own.number]
    if not before:
        return "neutral"
    if all(failure(s) for s in before):
        return "harmful"
    return "neutral" if failure(own) else "helpful"


def _tag_argument(
    rule: dict[str, Any], steps: Sequence[Step], tools: Sequence[ToolSpec]
) -> Tag | None:
    about = (rule["tool"], *rule.get("tools", ()))
    own = [s for s in steps if s.tool in about and rule["parameter"] in s.arguments]
    if not own:
        return None
    first = own[0]
    reason = failure(first)
    if not reason:
        return "helpful"
    found = diagnose(reason, by_name(tools)[first.tool], first.arguments, tools)
    obeyed = rule["kind"] != "enum" or first.arguments[rule["parameter"]] in rule["values"]
    same = found.trouble is Trouble.ARGUMENT and found.parameter == rule["parameter"]
    return "harmful" if same and obeyed else "neutral"
