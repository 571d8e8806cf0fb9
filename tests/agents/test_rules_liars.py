"""Tools that lie about themselves: the rules engine works on, whatever a schema or answer says."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import SolverLimits
from practice.agents.rules import build_engine, checking, grounding, matching, schema, solver
from practice.clients.discovery import schema_problem
from practice.domain.coverage import tools_block
from practice.domain.types import Briefing, Label, Observation, TaskSpec, ToolSpec

HONEST = ToolSpec(
    "list_items",
    "List all items.",
    {"type": "object", "properties": {}},
    {"readOnlyHint": True},
)
SEEDS = 30
TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
NAMES = ("item_id", "count", "reason", "status", "start_date", "page", "password", "tags")
ODD: tuple[Any, ...] = (None, True, 0, -3, 1e300, "", "x", "IT-1", [], ["a", 1], {}, {"a": None})
LIMITS = (-10, 0, 9, 2.5, 1e300)
SAID = ("", "One of a, b.", "between 9 and 2", "e.g. 'x'", "from 1 to 2e400", "(a/b)", "DD/MM/YYYY")
HINTS: tuple[dict[str, bool], ...] = ({}, {"readOnlyHint": True}, {"destructiveHint": False})
ANSWERS = (
    *map(json.dumps, ODD),
    "[" * 5_000 + "]" * 5_000,
    '{"a":' * 900 + "1" + "}" * 900,
    '{"item_id": "\\ud800", "error": {"error": {"error": "\\udfff"}}}',
    '{"item_id": "IT-\\u0000", "status": ["\\ud800"]}',
    'Error: {"error": ' * 400,
    '{"items": [{"item_id": "IT-1"}, {"item_id": "IT-',
    '{"items": [{"item_id": "IT-1", "count": 1e400}, {"item_id": {"id": "IT-2"}}]}',
)


class Liar(random.Random):
    """Makes up schemas that are valid and say nothing true."""

    def schema(self, depth: int = 2) -> Any:
        if depth == 0 or self.random() < 0.15:
            return self.choice([True, False, {}])
        inner = {
            "type": self.choice([*TYPES, ["null", "integer"]]),
            "enum": self.some(ODD) or [None],
            "const": self.choice(ODD),
            "description": self.choice(SAID),
            "minimum": self.choice(LIMITS),
            "maximum": self.choice(LIMITS),
            "pattern": self.choice(["^a$", "(", "\\p{L}+", "[0-9"]),
            "examples": self.some(ODD),
            "example": self.choice(ODD),
            "default": self.choice(ODD),
            "items": self.schema(depth - 1),
            "anyOf": [self.schema(depth - 1)],
            "properties": {"id": self.schema(depth - 1)},
            "required": ["nope"],
            "$ref": self.choice(["#", "#/nowhere", "https://example.invalid/schema"]),
            "format": self.choice(["date", "date-time", "textarea", "odd"]),
        }
        return {key: inner[key] for key in self.sample(sorted(inner), self.randint(0, 4))}

    def some(self, of: tuple[Any, ...]) -> list[Any]:
        return self.sample(of, self.randint(0, 3))

    def tool(self, name: str) -> ToolSpec:
        properties = {key: self.schema() for key in self.sample(NAMES, self.randint(0, 4))}
        required = self.sample([*NAMES, "nope"], self.randint(0, 3))
        schema = {"type": "object", "properties": properties, "required": required}
        promised = self.choice(
            [
                None,
                {"type": "object", "properties": {"item_id": self.schema(), "items": [1]}},
                {"properties": [1], "items": 5},
            ]
        )
        return ToolSpec(name, "Works on an item.", schema, self.choice(HINTS), promised)


class World:
    def __init__(self, tools: tuple[ToolSpec, ...], answers: list[str], failing: bool) -> None:
        self._tools, self._answers, self._failing, self._made = tools, answers, failing, 0

    def tools(self) -> tuple[ToolSpec, ...]:
        return self._tools

    def call(self, tool: str, arguments: Any) -> Observation:
        json.dumps(arguments, ensure_ascii=False).encode()
        self._made += 1
        answer = self._answers[self._made % len(self._answers)]
        return Observation(answer, is_error=self._failing and self._made % 2 == 1)


def lived(tools: tuple[ToolSpec, ...], answers: list[str], *, failing: bool = False) -> int:
    """Do all that a round does; return how many tasks were proposed."""
    usable = tuple(tool for tool in tools if not schema_problem(tool.input_schema))
    engine = build_engine(3)
    tools_block(usable, token_budget=500)
    proposed = engine.proposer.propose(Briefing(tools=usable, count=8, seed=5)).candidates
    kept: list[Any] = [t.name for t in usable]
    for task in proposed[:3]:
        world = World(usable, answers, failing)
        trajectory = engine.solver.solve(task, Playbook(), world, SolverLimits(steps=6))
        engine.validator.validate(task, trajectory, usable)
        found = engine.summariser.summarise(task, trajectory, usable).facts
        reflection = engine.reflector.reflect(task, Label.FAILURE, Playbook(), trajectory, usable)
        curation = engine.curator.curate(task, Playbook(), trajectory, reflection)
        kept += [[f.text, dict(f.data)] for f in found]
        kept += [[d.content, d.rule] for d in curation.deltas]
        kept += [[s.tool, dict(s.arguments)] for s in trajectory.steps]
        kept += [task.instruction, dict(task.goal), trajectory.answer]
    # A database must be able to hold all of it.
    assert "\\u0000" not in json.dumps(kept)
    json.dumps(kept, ensure_ascii=False).encode()
    return len(proposed)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_it_lives_with_any_schema_and_any_answer(seed: int) -> None:
    liar = Liar(seed)
    named = liar.sample(["get_item", "create_item", "update_item", "find_items"], 3)

    proposed = lived(
        (HONEST, *map(liar.tool, named)),
        [liar.choice(ANSWERS), liar.choice(ANSWERS)],
        failing=liar.random() < 0.5,
    )

    assert proposed > 0


@pytest.mark.parametrize("named", [5, ["a"], {"a": 1}, "http://["])
def test_a_schema_of_no_dialect_is_a_problem(named: Any) -> None:
    assert "$schema: it names no dialect" in schema_problem({"$schema": named})


def test_it_reads_schemas_of_dialects_that_check_less() -> None:
    """Drafts 3 and 4 know no examples, so theirs may be anything."""
    odd = {"type": "array", "items": True, "anyOf": 5, "enum": 7, "examples": 3, "maximum": "9"}
    assert (schema.choices(odd), schema.examples(odd), schema.bounds(odd)) == ([], [], (None, None))
    assert schema.texts(odd, random.Random(0)) is None
    assert schema.bounds({"minimum": 1e400, "maximum": 10**400}) == (None, None)
    assert checking.coerce(float("inf"), {"type": "integer"}) == float("inf")
    assert checking.coerce("Nan", {"type": "number"}) == "Nan"


def test_a_number_no_float_holds_is_compared_with_none() -> None:
    far = 10**400
    shown = grounding.Shown("9 items")
    assert not matching._within(far, 1.0, 9.0)
    assert not solver._applies({"of": "count", "above": 3}, {"count": far})
    assert not grounding._number_comes_from(shown, {"default": 3}, far)
    assert not grounding._number_comes_from(shown, {"default": far}, 5)


def test_it_practises_the_others_where_one_tool_requires_what_it_does_not_describe() -> None:
    liar = ToolSpec(
        "count_items",
        "Count items.",
        {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["nope"]},
        {"readOnlyHint": True},
    )
    assert liar.required == ("nope",)
    assert liar.parameters["nope"] == {}
    assert liar.undescribed == ("nope",)
    assert lived((HONEST, liar), ['{"items": [{"item_id": "IT-1"}]}']) > 0


@pytest.mark.parametrize("answer", ["[" * 5_000 + "]" * 5_000, '{"item_id": "\\ud800"}'])
def test_it_answers_from_a_document_nobody_can_follow(answer: str) -> None:
    engine = build_engine(1)
    task = TaskSpec("List all items.", goal={"calls": [{"tool": "list_items", "arguments": {}}]})
    world = World((HONEST,), [answer], failing=False)

    trajectory = engine.solver.solve(task, Playbook(), world, SolverLimits())

    assert trajectory.steps
    trajectory.answer.encode()
