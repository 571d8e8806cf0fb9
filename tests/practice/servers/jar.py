"""A pack for tests: a jar of marbles, with one tool that looks and one that adds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from practice.domain.types import Json, Observation, TaskSpec, ToolSpec

COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}


class Jar:
    """``build`` of a pack returns one of these."""

    tools = (
        ToolSpec("look", "Show how many marbles there are.", {"type": "object"}),
        ToolSpec("add", "Add marbles to the jar.", COUNT),
    )

    def __init__(self, scenario: int) -> None:
        self.scenario = scenario

    @contextmanager
    def open(self) -> Iterator[OpenJar]:
        yield OpenJar(self.scenario)


class OpenJar:
    def __init__(self, marbles: int) -> None:
        self.start = self.marbles = marbles

    def tools(self) -> tuple[ToolSpec, ...]:
        return Jar.tools

    def call(self, tool: str, arguments: Json) -> Observation:
        if tool == "add":
            self.marbles += arguments["count"]
        return Observation(text=f'{{"marbles": {self.marbles}}}')

    def truth(self, task: TaskSpec) -> bool | None:
        calls = task.goal.get("calls")
        if not calls:
            return None
        added = (call["arguments"]["count"] for call in calls if call["tool"] == "add")
        return bool(self.marbles == self.start + sum(added))


def build(scenario: int) -> Jar:
    return Jar(scenario)
