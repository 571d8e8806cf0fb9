"""What the tasks of one round may name, and how the calls of one task agree about it."""

from __future__ import annotations

import random
from typing import Any

from practice.agents.rules.accord import align, mixed
from practice.agents.rules.things import Things
from practice.domain.types import Category, PracticeRecord
from tests.agents.rules_shop import TOOLS, WRITE, tool

READ, VERIFY, SET = TOOLS[1], TOOLS[2], TOOLS[4]
FROM_LIST = {"$from": "list_orders", "$field": "order_id"}


def record(name: str, order: str, category: Category = Category.TRIVIAL) -> PracticeRecord:
    return PracticeRecord(
        instruction=f"Work on {order}.",
        category=category,
        used_tools=(name,),
        intended_tools=(name,),
        calls=((name, category is Category.INFEASIBLE),),
        goal={"calls": [{"tool": name, "arguments": {"order_id": order}}]},
        reason="",
    )


def things(*history: PracticeRecord, blocked: frozenset[str] = frozenset()) -> Things:
    return Things(TOOLS, history, set(), blocked, random.Random(0))


def test_one_task_a_round_finds_out_whether_a_thing_may_be_changed() -> None:
    open_ = things()
    assert open_.usable(VERIFY.name, "order_id", "ORD-1")
    open_.stake(VERIFY, "order_id", "ORD-1")
    assert not open_.usable(VERIFY.name, "order_id", "ORD-1")
    assert not open_.usable(SET.name, "order_id", "ORD-1")
    assert open_.usable(SET.name, "order_id", "ORD-2")
    assert open_.usable(READ.name, "order_id", "ORD-1")


def test_what_worked_before_may_be_named_as_often_as_wanted() -> None:
    known = things(record(VERIFY.name, "ORD-1"))
    known.stake(VERIFY, "order_id", "ORD-1")
    assert known.usable(VERIFY.name, "order_id", "ORD-1")
    # Another change of the same thing is tried once.
    known.stake(SET, "order_id", "ORD-1")
    assert not known.usable(SET.name, "order_id", "ORD-1")
    assert known.usable(VERIFY.name, "order_id", "ORD-1")


def test_what_was_refused_is_left_alone_until_some_change_worked_on_it() -> None:
    refused = {f'["{VERIFY.name}", "order_id", "ORD-1"]'}
    new = Things(TOOLS, (), refused, frozenset(), random.Random(0))
    assert not new.usable(SET.name, "order_id", "ORD-1")
    assert new.usable(READ.name, "order_id", "ORD-1")
    tried = Things(TOOLS, (record(SET.name, "ORD-1"),), refused, frozenset(), random.Random(0))
    assert tried.usable(SET.name, "order_id", "ORD-1")
    assert not tried.usable(VERIFY.name, "order_id", "ORD-1")


def test_a_look_up_stakes_nothing() -> None:
    open_ = things()
    open_.stake(READ, "order_id", "ORD-1")
    assert open_.usable(VERIFY.name, "order_id", "ORD-1")


def test_a_tool_that_was_refused_is_doubtful_on_things_it_never_worked_on() -> None:
    history = (record(VERIFY.name, "ORD-1"), record(VERIFY.name, "ORD-2", Category.INFEASIBLE))
    known = things(*history, blocked=frozenset({VERIFY.name}))
    assert known.doubtful(VERIFY, {"order_id": "ORD-2"})
    assert not known.doubtful(VERIFY, {"order_id": "ORD-1"})
    assert not known.doubtful(SET, {"order_id": "ORD-2"})


ITEMS = tuple(
    tool(f"{verb}_item", f"{verb} an item.", WRITE, "order_id", "item_id", order_id="", item_id="")
    for verb in ("move", "drop")
)
FOR_ITEM = {"order_id": FROM_LIST, "item_id": "IT-1"}


def test_a_thing_and_what_it_belongs_to_are_named_in_the_same_way() -> None:
    assert mixed(ITEMS[0], FOR_ITEM, ITEMS)
    assert not mixed(ITEMS[0], FOR_ITEM | {"item_id": FROM_LIST}, ITEMS)
    assert not mixed(ITEMS[0], FOR_ITEM | {"order_id": "ORD-1"}, ITEMS)


def test_two_things_that_meet_in_one_call_only_may_each_be_any() -> None:
    assert not mixed(ITEMS[0], FOR_ITEM, ITEMS[:1])


def test_calls_of_one_task_speak_of_the_same_thing() -> None:
    made = {"tool": "add_item", "arguments": {"order_id": "ORD-7", "title": "Tea"}}
    arguments: dict[str, Any] = {
        "order_id": FROM_LIST,
        "item_id": {"$from": "add_item", "$field": "item_id"},
    }
    align(arguments, [made])
    assert arguments["order_id"] == "ORD-7"
