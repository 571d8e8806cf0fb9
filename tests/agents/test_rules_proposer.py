from __future__ import annotations

import json
import re
from dataclasses import replace

from practice.agents.rules import build_engine
from practice.agents.rules.proposer import RulesProposer
from practice.domain.types import Briefing, Category, Fact, PracticeRecord, Steering, TaskSpec
from tests.agents.rules_shop import READ, TOOLS, WRITE, tool

ORDERS = Fact(
    "`list_orders` shows order ID ORD-1.",
    data={
        "field": "order_id",
        "values": ["ORD-1", "ORD-2"],
        "tool": "list_orders",
        "records": [
            {"order_id": "ORD-1", "status": "open"},
            {"order_id": "ORD-2", "status": "shipped"},
        ],
    },
)
SEEN = PracticeRecord("List all orders.", Category.TRIVIAL, calls=(("list_orders", False),))


def propose(**changes: object) -> tuple[TaskSpec, ...]:
    briefing = replace(Briefing(tools=TOOLS, count=12, seed=3), **changes)  # type: ignore[arg-type]
    return RulesProposer(1).propose(briefing).candidates


def test_it_never_invents_an_identifier() -> None:
    for tasks, known in ((propose(), set()), (propose(facts=(ORDERS,)), {"ORD-1", "ORD-2"})):
        told = set(re.findall(r"ORD-\w+", json.dumps([[t.instruction, t.goal] for t in tasks])))
        assert told <= known


def test_it_never_invents_a_credential() -> None:
    sign_in = tool(
        "login",
        "Sign in.",
        {},
        "username",
        "password",
        username="Your name.",
        password="Your password.",
    )
    assert RulesProposer(1).propose(Briefing(tools=(sign_in,), count=5)).candidates == ()


def test_it_gets_an_unknown_identifier_from_a_tool_that_shows_one() -> None:
    chained = [t for t in propose() if "get_order" in t.intended_tools]
    assert chained
    assert all("list_orders" in t.intended_tools for t in chained)


def test_it_starts_with_tools_that_were_never_used() -> None:
    first = propose(history=(SEEN,), facts=(ORDERS,))[0]
    assert set(first.intended_tools) - {"list_orders"}
    assert "never used" in first.rationale


def test_it_asks_for_every_page_once() -> None:
    assert any(call.get("all_pages") for t in propose(facts=(ORDERS,)) for call in t.goal["calls"])


def test_it_marks_what_changes_something_as_an_action() -> None:
    for candidate in propose(facts=(ORDERS,)):
        changes = set(candidate.intended_tools) - {"list_orders", "get_order"}
        assert candidate.kind == ("action" if changes else "query")


def test_it_writes_different_readable_instructions() -> None:
    texts = [t.instruction for t in propose(facts=(ORDERS,))]
    assert len(set(texts)) == len(texts) >= 5
    assert all(text[0].isupper() and text[-1] in ".?" for text in texts)


def test_it_proposes_the_same_for_the_same_seed_and_other_tasks_for_another() -> None:
    assert propose(facts=(ORDERS,)) == propose(facts=(ORDERS,))
    assert propose(facts=(ORDERS,)) != propose(facts=(ORDERS,), seed=4)


def test_it_is_one_engine_named_rules() -> None:
    assert build_engine(1).name == "rules"


def test_it_writes_tasks_for_tools_in_focus_first() -> None:
    first = propose(facts=(ORDERS,), steering=Steering(focus=("get_order",)))[0]
    assert "get_order" in first.intended_tools


def test_it_writes_no_task_that_needs_a_tool_to_be_left_alone() -> None:
    for alone in ("list_orders", "get_order"):
        tasks = propose(facts=(ORDERS,), steering=Steering(avoid=(alone,)))
        assert tasks
        assert not any(alone in t.intended_tools for t in tasks)
        assert not any(call["tool"] == alone for t in tasks for call in t.goal["calls"])


def test_it_begins_from_seed_tasks_and_takes_what_they_name() -> None:
    seed = "Look at the order ORD-2 for me"

    first = propose(facts=(ORDERS,), steering=Steering(seed_tasks=(seed,)))[0]

    assert first.seed_task == seed
    assert "get_order" in first.intended_tools
    assert first.goal["calls"]


def test_it_leaves_a_seed_task_that_fits_no_tool_for_later() -> None:
    seeds = Steering(seed_tasks=("Water the plants",))
    assert propose(facts=(ORDERS,), steering=seeds) == propose(facts=(ORDERS,))


def test_it_writes_shorter_tasks_when_they_should_be_easier_and_longer_ones_when_harder() -> None:
    things, parts = ("ticket", "order", "customer"), ("notes", "tags", "owners", "dates")
    tools = tuple(
        tool(f"list_{thing}_{part}", f"List the {part} of all {thing}s.", {"readOnlyHint": True})
        for thing in things
        for part in parts
    )
    worked = tuple(
        PracticeRecord(t.name, Category.TRIVIAL, calls=((t.name, False),)) for t in tools
    )

    def calls(steering: Steering) -> set[int]:
        tasks = propose(tools=tools, history=worked, steering=steering)
        return {len(task.goal["calls"]) for task in tasks}

    assert calls(Steering(difficulty="easier")) == {1}
    assert calls(Steering()) == {1, 2}
    assert calls(Steering(difficulty="harder")) == {3}


def test_it_begins_easier_tasks_with_tools_that_have_worked_and_goes_on_exploring() -> None:
    first, second = propose(
        history=(SEEN,), facts=(ORDERS,), steering=Steering(difficulty="easier")
    )[:2]
    assert first.rationale.startswith("`list_orders` was practised")
    assert second.rationale.endswith("was never used.")


def test_it_writes_lists_of_texts_for_what_makes_a_thing_of_its_own() -> None:
    items = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "description": {"type": "string"}},
        "required": ["title", "description"],
    }
    plan = tool(
        "plan_work",
        "Register a new request and plan its tasks.",
        {},
        "originalRequest",
        "tasks",
        originalRequest={"type": "string"},
        tasks={"type": "array", "items": items},
    )
    (call,) = propose(tools=(plan,), count=1)[0].goal["calls"]
    assert isinstance(call["arguments"]["originalRequest"], str)
    (row,) = call["arguments"]["tasks"]
    assert {"title", "description"} <= set(row)


def test_it_leaves_a_list_of_things_it_would_have_to_invent() -> None:
    items = {
        "type": "object",
        "properties": {"order_id": {"type": "string"}},
        "required": ["order_id"],
    }
    ship = tool("ship_all", "Ship orders.", {}, "orders", orders={"type": "array", "items": items})
    assert propose(tools=(ship,), count=3) == ()


def test_it_practises_tools_named_after_method_and_path_on_known_things() -> None:
    name = {"type": "string"}
    items = Fact(
        "`get_items` shows item ID it-1.",
        data={
            "field": "item_id",
            "values": ["it-1", "it-2"],
            "tool": "get_items",
            "records": [{"item_id": "it-1"}, {"item_id": "it-2"}],
        },
    )
    tools = (
        tool("get_items", "GET /items.", READ),
        tool("get_items_id", "GET /items/{id}.", READ, "id", id=name),
        *(tool(f"{m}_items_id", f"{m} it.", WRITE, "id", id=name) for m in ("put", "patch")),
    )
    tasks = RulesProposer(1).propose(Briefing(tools=tools, facts=(items,), count=12)).candidates
    used = {call["tool"]: call["arguments"].get("id") for t in tasks for call in t.goal["calls"]}
    assert used.keys() == {t.name for t in tools}
    for changes in (used["put_items_id"], used["patch_items_id"]):
        assert changes in ("it-1", "it-2") or changes["$from"] == "get_items"
