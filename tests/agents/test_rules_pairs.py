"""A thing and what it belongs to stay together: a task and its request, a stall and its fair."""

from __future__ import annotations

import json

from practice.agents.rules.documents import leaves
from practice.agents.rules.proposer import RulesProposer
from practice.agents.rules.summariser import RulesSummariser
from practice.domain.types import Briefing, Fact, Step, TaskSpec, Trajectory
from tests.agents.rules_shop import READ, WRITE, tool

FAIR = (
    tool("list_fairs", "List all fairs.", READ),
    tool("list_stalls", "List the stalls of a fair.", READ, "fair_id", fair_id="The fair."),
    tool("add_stall", "Add a new stall to a fair.", WRITE, "fair_id", fair_id="The fair."),
    tool(
        "check_stall",
        "Check a stall of a fair.",
        WRITE,
        "fair_id",
        "stall_id",
        fair_id="The fair.",
        stall_id="The stall.",
    ),
)
FAIRS = Fact("", "", {"tool": "list_fairs", "records": [{"fair_id": f"F-{n}"} for n in (1, 2, 3)]})


def facts_of(fair: str, *stalls: str) -> tuple[Fact, ...]:
    shown = json.dumps({"stalls": [{"stall_id": stall} for stall in stalls]})
    step = Step(1, "list_stalls", {"fair_id": fair}, shown)
    found = RulesSummariser().summarise(TaskSpec("Look."), Trajectory((step,)), FAIR)
    return found.facts


def test_it_remembers_what_a_reader_was_asked_about_with_what_it_showed() -> None:
    (fact,) = facts_of("F-2", "S-1", "S-2")
    assert fact.data["records"] == [
        {"fair_id": "F-2", "stall_id": "S-1"},
        {"fair_id": "F-2", "stall_id": "S-2"},
    ]
    assert fact.data["field"] == "stall_id"


def test_it_names_a_thing_together_with_what_it_belongs_to() -> None:
    facts = (FAIRS, *facts_of("F-1", "S-1"), *facts_of("F-2", "S-2"))
    named = 0
    for seed in range(8):
        tasks = RulesProposer(seed).propose(Briefing(tools=FAIR, facts=facts, count=12, seed=seed))
        for call in (c for t in tasks.candidates for c in t.goal["calls"]):
            asked = call["arguments"]
            if call["tool"] == "check_stall" and asked["stall_id"] in ("S-1", "S-2"):
                named += 1
                assert asked["fair_id"] == f"F-{asked['stall_id'][-1]}"
    assert named


def test_it_asks_for_what_it_needs_about_the_thing_at_hand() -> None:
    linked = 0
    for seed in range(8):
        tasks = RulesProposer(seed).propose(
            Briefing(tools=FAIR, facts=(FAIRS,), count=12, seed=seed)
        )
        for task in tasks.candidates:
            calls = {call["tool"]: call["arguments"] for call in task.goal["calls"]}
            source = calls.get("check_stall", {}).get("stall_id")
            if isinstance(source, dict) and source["$from"] in calls:
                linked += 1
                assert calls[source["$from"]]["fair_id"] == calls["check_stall"]["fair_id"]
    assert linked


def test_it_tells_what_is_drawn_from_what_a_call_says_it_did() -> None:
    text = json.dumps({"made": "S-9", "message": "All:\n| Stall ID |\n|---|\n| S-1 |"})
    told = {leaf.value: leaf.drawn for leaf in leaves(text, "add_stall")}
    assert told["S-9"] is False
    assert told["S-1"] is True
