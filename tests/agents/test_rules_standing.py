"""What has to be so of a thing, or of every thing of a kind, before a call works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from memoryapp.domain.playbook import Playbook, apply
from practice.agents.ports import SolverLimits
from practice.agents.rules.curator import RulesCurator
from practice.agents.rules.documents import records
from practice.agents.rules.lessons import lessons
from practice.agents.rules.linking import producers
from practice.agents.rules.reflector import RulesReflector
from practice.agents.rules.solver import RulesSolver
from practice.agents.rules.standing import asks_for_every, holds, state_asked
from practice.agents.rules.tables import rows
from practice.domain.types import Json, Label, Observation, Step, TaskSpec, Trajectory
from tests.agents.rules_books import book, names
from tests.agents.rules_books import solve as make_work
from tests.agents.rules_shop import READ, WRITE, tool

FAIR = (
    tool("list_fairs", "List all fairs.", READ),
    tool("list_stalls", "List the stalls of a fair.", READ, "fair_id", fair_id="The fair."),
    tool("plan_fair", "Register a new fair with one stall.", WRITE, "title", title="Its title."),
    tool(
        "check_stall",
        "Note that a stall was checked.",
        WRITE,
        "fair_id",
        "stall_id",
        fair_id="The fair.",
        stall_id="The stall.",
    ),
    tool("open_fair", "Open a fair to the public.", WRITE, "fair_id", fair_id="The fair."),
    tool(
        "light_stall",
        "Turn the lights of a stall on.",
        WRITE,
        "fair_id",
        "stall_id",
        fair_id="The fair.",
        stall_id="The stall.",
    ),
)
FIRST_CHECK_ALL = {
    "kind": "prerequisite",
    "key": "prerequisite:check_stall::every",
    "tools": ["open_fair"],
    "needs": "check_stall",
    "settings": {},
    "same": ["fair_id"],
    "error": "Not all stalls are checked.",
    "state": "check",
    "every": "stall_id",
}
FIRST_CHECK_IT = {
    "kind": "prerequisite",
    "key": "prerequisite:check_stall:",
    "tools": ["light_stall"],
    "needs": "check_stall",
    "settings": {},
    "same": ["fair_id", "stall_id"],
    "error": "Stall not checked yet.",
    "state": "check",
}
MADE = {
    "kind": "made",
    "key": "made:plan_fair:fair_id",
    "field": "fair_id",
    "producer": "plan_fair",
    "consumers": [["list_stalls", "fair_id"]],
}


@dataclass
class Fairs:
    """Fairs with stalls; the list of stalls is a table in text, as people are shown it."""

    fairs: dict[str, dict[str, bool]] = field(default_factory=dict)

    def tools(self) -> Any:
        return FAIR

    def call(self, tool: str, arguments: Json) -> Observation:
        if tool == "list_fairs":
            return Observation(json.dumps({"fairs": [{"fair_id": f} for f in self.fairs]}))
        if tool == "plan_fair":
            fair = f"F-{len(self.fairs) + 1}"
            self.fairs[fair] = {f"S-{fair}1": False}
            made = {"fair_id": fair, "stalls": [{"stall_id": f"S-{fair}1"}]}
            return Observation(json.dumps(made))
        stalls = self.fairs.get(str(arguments["fair_id"]))
        if stalls is None:
            return Observation("Fair not found.", is_error=True)
        if tool == "list_stalls":
            lines = [f"| {s} | {'✅ Checked' if ok else 'Pending'} |" for s, ok in stalls.items()]
            return Observation("\n".join(["| Stall ID | State |", "|---|---|", *lines]))
        if tool == "open_fair":
            ready = all(stalls.values())
            return Observation("Open." if ready else "Not all stalls are checked.", not ready)
        stall = str(arguments["stall_id"])
        if tool == "light_stall" and not stalls[stall]:
            return Observation("Stall not checked yet.", is_error=True)
        if tool == "check_stall" and stalls[stall]:
            return Observation("It is checked already.", is_error=True)
        stalls[stall] = True
        return Observation("Noted.")


def fairs(**stalls: bool) -> Fairs:
    return Fairs({"F-1": {name.replace("_", "-"): ok for name, ok in stalls.items()}})


def called(steps: Sequence[Step], tool: str) -> list[Any]:
    return [step.arguments.get("stall_id") for step in steps if step.tool == tool]


def learned(*calls: Json) -> tuple[Playbook, Trajectory]:
    goal = {"calls": [dict(call) for call in calls]}
    given = TaskSpec("Open the fair you plan.", "action", ("open_fair",), goal=goal)
    done = RulesSolver(1).solve(given, Playbook(), Fairs(), SolverLimits())
    found = RulesReflector().reflect(given, Label.SUCCESS, Playbook(), done, FAIR)
    playbook = Playbook()
    for delta in RulesCurator().curate(given, playbook, done, found).deltas:
        playbook = apply(playbook, delta)
    return playbook, done


def test_it_learns_that_every_one_has_to_be_so() -> None:
    planned = {"$from": "plan_fair", "$field": "fair_id"}
    playbook, _ = learned(
        {"tool": "plan_fair", "arguments": {"title": "Spring"}},
        {"tool": "open_fair", "arguments": {"fair_id": planned}},
    )
    assert (
        "Before `open_fair`, see which stalls there are of the same fair and call `check_stall` "
        'for every one that still needs it; otherwise the answer is "Not all stalls are checked".'
    ) in [bullet.content for bullet in playbook.live]


def test_it_does_it_for_every_one_that_still_needs_it() -> None:
    world = fairs(S_1=False, S_2=True, S_3=False)
    steps = make_work(world, book(FIRST_CHECK_ALL), "open_fair", fair_id="F-1")
    assert names(steps) == ["list_stalls", "check_stall", "check_stall", "open_fair"]
    assert called(steps, "check_stall") == ["S-1", "S-3"]
    assert not any(step.is_error for step in steps)


@pytest.mark.parametrize(("ready", "before"), [(False, ["check_stall"]), (True, [])])
def test_it_looks_whether_it_is_so_already(ready: bool, before: list[str]) -> None:
    show = tool("show_stall", "Show a stall.", READ, "stall_id", stall_id="The stall.")

    class Shown(Fairs):
        def tools(self) -> Any:
            return (*FAIR, show)

        def call(self, tool: str, arguments: Json) -> Observation:
            if tool == "show_stall":
                stall = {"stall_id": "S-1", "checked": self.fairs["F-1"]["S-1"]}
                return Observation(json.dumps({"stall": stall}))
            return super().call(tool, arguments)

    steps = make_work(
        Shown({"F-1": {"S-1": ready}}),
        book(FIRST_CHECK_IT),
        "light_stall",
        fair_id="F-1",
        stall_id="S-1",
    )
    assert names(steps) == ["show_stall", *before, "light_stall"]
    assert not any(step.is_error for step in steps)


def test_it_looks_in_the_list_of_what_it_belongs_to_where_nothing_shows_it_alone() -> None:
    asked = {"fair_id": "F-1", "stall_id": "S-1"}
    steps = make_work(fairs(S_1=True), book(FIRST_CHECK_IT), "light_stall", **asked)
    assert names(steps) == ["list_stalls", "light_stall"]


def test_it_makes_what_an_answer_says_is_not_there_where_it_knows_how() -> None:
    class Unlisted(Fairs):
        def tools(self) -> Any:
            return tuple(t for t in FAIR if t.name != "list_fairs")

    steps = make_work(Unlisted(), book(MADE), "list_stalls", fair_id="F-1")
    assert names(steps) == ["list_stalls", "plan_fair", "list_stalls"]
    assert not steps[-1].is_error
    assert names(make_work(Unlisted(), Playbook(), "list_stalls", fair_id="F-1")) == ["list_stalls"]


def test_it_takes_no_step_back_for_what_has_to_come_first() -> None:
    """Adding a stall brings the first answer back: that is no way to open a fair."""
    said = [
        ("open_fair", "Not all stalls are checked.", True),
        ("check_stall", "Noted.", False),
        ("open_fair", "The fair has no licence.", True),
        ("plan_fair", '{"fair_id": "F-1"}', False),
        ("open_fair", "Not all stalls are checked.", True),
    ]
    steps = tuple(
        Step(number, name, {"fair_id": "F-1"}, text, is_error=wrong)
        for number, (name, text, wrong) in enumerate(said, start=1)
    )
    found = lessons(TaskSpec("Open it.", "action"), Trajectory(steps), FAIR)
    first = [lesson["needs"] for lesson in found if lesson["kind"] == "prerequisite"]
    assert first == ["check_stall"]


def test_it_expects_an_identifier_of_a_tool_that_says_what_it_makes() -> None:
    (opening,) = (t for t in FAIR if t.name == "open_fair")
    made = {p.tool.name for p in producers(opening, "fair_id", FAIR)}
    assert made == {"list_fairs", "plan_fair"}


@pytest.mark.parametrize(
    ("said", "state", "every"),
    [
        ("Not all stalls are checked.", "check", True),
        ("All of the stalls must be checked first.", "check", True),
        ("Stall S-1 is not yet checked.", "check", False),
        ("Every fair has to be checked.", "check", False),
        ("Not all stalls are lit.", "", True),
        ("The stall does not exist.", "", False),
    ],
)
def test_it_reads_which_state_is_asked_of_what(said: str, state: str, every: bool) -> None:
    (check,) = (t for t in FAIR if t.name == "check_stall")
    assert state_asked(said, check) == state
    assert asks_for_every(said, "stall_id") is every


@pytest.mark.parametrize(
    ("record", "is_so"),
    [
        ({"checked": True}, True),
        ({"checked": False}, False),
        ({"state": "✅ Checked"}, True),
        ({"state": "not checked"}, False),
        ({"title": "Checked shirts"}, False),
        ({"remark": "Somebody says it was checked last year"}, False),
        ({"state": "pending"}, False),
    ],
)
def test_it_reads_from_a_record_whether_it_is_so(record: dict[str, Any], is_so: bool) -> None:
    assert holds(record, "check") is is_so


def test_it_reads_tables_that_are_drawn_in_text() -> None:
    table = "Stalls:\n| Stall ID | State |\n| --- | :---: |\n| S-1 | open |\n| S-2 |  |\n\nThat."
    assert rows(table) == [{"Stall ID": "S-1", "State": "open"}, {"Stall ID": "S-2", "State": ""}]
    assert rows("a | b\nno table") == rows("---\n---") == []
    (inside, *_) = records(json.dumps({"message": table}), "list_stalls")[1:]
    assert inside["Stall ID"] == "S-1"
