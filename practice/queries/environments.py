"""Environments with their figures, and what has been practised of each tool."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from memoryapp.models import Workspace
from memoryapp.queries.origins import Cited
from memoryapp.queries.use import pulls_by_tool
from practice.domain.orders import orders_in
from practice.domain.types import Effect, ToolCounts
from practice.models import Environment, EnvironmentTool, ToolTally
from practice.queries.drift import changed_tools
from practice.queries.memory import ToolPractice, tool_practice

#: how far back pulls count as live.
PULLS_DAYS = 30
NEVER = "Never practised. The proposer of the next run is told so."
CHANGED = "Changed since it was practised. {} Runs practise it first until a call has worked."


def environments(workspace: Workspace) -> QuerySet[Environment]:
    """The environments of a workspace with tools counted: on, and offered at the last check."""
    offered = Q(tools__is_present=True)
    usable = offered & Q(tools__is_enabled=True, tools__problem="")
    return (
        Environment.objects.filter(workspace=workspace)
        .annotate(
            tools_on=Count("tools", filter=usable, distinct=True),
            tools_total=Count("tools", filter=offered, distinct=True),
        )
        .order_by("name")
    )


@dataclass(frozen=True, slots=True)
class Covered:
    """How many of the tools an environment ever offered were practised."""

    environment: Environment
    practised: int
    tools: int


def covered(workspace: Workspace, most: int) -> list[Covered]:
    """The first ``most`` environments with tools by name, as their pages of coverage count them."""
    offers = EnvironmentTool.objects.filter(environment=OuterRef("pk"))
    shown = list(workspace.environments.filter(Exists(offers)).order_by("name")[:most])
    keys = [environment.pk for environment in shown]
    sums = {
        (environment, tool): practised
        for environment, tool, practised in ToolTally.objects.filter(environment__in=keys)
        .order_by()
        .values_list("environment", "tool")
        .annotate(Sum("practised"))
    }
    offered, seen = Counter[int](), Counter[int]()
    tools = EnvironmentTool.objects.filter(environment__in=keys)
    for key, name in tools.values_list("environment", "name"):
        offered[key] += 1
        seen[key] += bool(sums.get((key, name)))
    return [Covered(each, seen[each.pk], offered[each.pk]) for each in shown]


def why_off(tool: EnvironmentTool) -> str:
    """Why practice may not call a tool; empty when it may."""
    if not tool.is_present:
        return "The server no longer offers it."
    if tool.problem:
        return tool.problem
    if tool.is_enabled:
        return ""
    if orders_in(tool.as_spec()):
        return "Off: its description reads like instructions to a model."
    if tool.effect is Effect.DESTRUCTIVE:
        return "Off: it may delete or overwrite data."
    if tool.effect is Effect.UNKNOWN:
        return "Off: its server does not say what it may change."
    if tool.effect is Effect.WRITE and tool.environment.keeps_changes:
        return "Off: it changes data, and the service has no reset that would undo it."
    return "Off: somebody turned it off."


@dataclass(frozen=True, slots=True)
class ToolLine:
    """What is known of one tool. ``reason`` says why it is a gap.

    ``practised``, ``solved`` and ``failed`` are tasks, ``waiting`` and ``approved`` candidates that
    cite a call of it. ``pulls`` are those of releases with a bullet that rests on a call of it, in
    ``PULLS_DAYS`` days; ``verified_at`` is when a call of it last worked in practice.
    """

    tool: EnvironmentTool
    practised: int
    solved: int
    failed: int
    waiting: int
    approved: int
    pulls: int
    verified_at: datetime | None
    reason: str

    @property
    def is_gap(self) -> bool:
        return bool(self.reason)


def tool_lines(environment: Environment, cited: Cited) -> list[ToolLine]:
    """Every tool the environment ever offered, gaps first, then by name."""
    tools = list(environment.tools.all())
    practised = tool_practice(environment)
    pulls = pulls_by_tool(environment.workspace, environment.name, days=PULLS_DAYS)
    changed = dict(changed_tools(environment).values_list("tool", "note"))
    lines = []
    for tool in tools:
        seen = practised.get(tool.name) or ToolPractice(ToolCounts(tool.name))
        counts = seen.counts
        proposed = cited.by_tool.get(tool.name, Counter[str]())
        reason = why_off(tool) or ("" if counts.practised else NEVER)
        if not reason and tool.name in changed:
            reason = CHANGED.format(changed[tool.name])
        lines.append(
            ToolLine(
                tool=tool,
                practised=counts.practised,
                solved=counts.worked,
                failed=counts.practised - counts.worked,
                waiting=proposed["pending"],
                approved=proposed["approved"],
                pulls=pulls.get(tool.name, 0),
                verified_at=seen.worked_at,
                reason=reason,
            )
        )
    return sorted(lines, key=lambda line: (not line.is_gap, line.tool.name))
