from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from memoryapp.domain.playbook import Delta, Op, Playbook, apply
from practice.agents.rules.bullets import content
from practice.agents.rules.curator import RulesCurator
from practice.agents.rules.lessons import lessons
from practice.agents.rules.reflector import RulesReflector
from practice.agents.rules.summariser import RulesSummariser
from practice.domain.types import Label, Reflection, Step, TaskSpec, ToolSpec, Trajectory
from tests.agents.rules_shop import REFUND, TOOLS, solve, task


def learn(given: TaskSpec, playbook: Playbook | None = None) -> tuple[Trajectory, Reflection]:
    book = playbook or Playbook()
    trajectory = solve(given, book)
    return trajectory, RulesReflector().reflect(given, Label.SUCCESS, book, trajectory, TOOLS)


def curated(given: TaskSpec, playbook: Playbook | None = None) -> Playbook:
    book = playbook or Playbook()
    trajectory, reflection = learn(given, book)
    for delta in RulesCurator().curate(given, book, trajectory, reflection).deltas:
        book = apply(book, delta)
    return book


def texts(book: Playbook) -> list[str]:
    return [bullet.content for bullet in book.live]


def test_it_learns_what_has_to_come_first() -> None:
    assert texts(curated(REFUND)) == [
        "Call `verify_customer` for the same order before `create_refund`; otherwise it answers "
        "NOT_VERIFIED."
    ]


def test_it_learns_which_values_are_allowed() -> None:
    given = task({"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "Open"}})
    assert (
        "Set `status` of `set_status` to `open`, `packed` or `shipped`; `Open` is rejected."
        in texts(curated(given))
    )


def test_it_learns_how_pages_are_followed() -> None:
    given = task({"tool": "list_orders", "arguments": {}, "all_pages": True})
    (text,) = texts(curated(given))
    assert text.startswith("`list_orders` returns 2 records at a time: pass its `next_cursor`")


def test_it_learns_what_a_summary_lacks_and_not_what_a_name_already_says() -> None:
    first = {"$from": "list_orders", "$field": "order_id"}
    book = curated(task({"tool": "get_order", "arguments": {"order_id": first}}, text="Show one."))
    assert texts(book) == [
        "`list_orders` returns summaries; call `get_order` with the ID when you need `total`, "
        "`items` and `city`."
    ]


BOOK = {"id": "BK-7", "title": "Emma", "locked": False}


def library(observation: dict[str, Any]) -> list[Mapping[str, Any]]:
    """What is learned where a listing and a look-up of one thing both answer with plain names."""
    asked = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    tools = [
        ToolSpec("listBooks", "List all books.", {"type": "object", "properties": {}}),
        ToolSpec("getBook", "Get one book.", asked),
    ]
    steps = (
        Step(1, "listBooks", {}, json.dumps([BOOK])),
        Step(2, "getBook", {"id": "BK-7"}, json.dumps(observation)),
    )
    given = TaskSpec("Show a book.", "query", intended_tools=("listBooks", "getBook"))
    return list(lessons(given, Trajectory(steps=steps), tools))


def test_it_calls_no_list_a_summary_that_says_everything() -> None:
    assert [x["kind"] for x in library(BOOK) if x["kind"] == "shape"] == []
    (shape,) = [x for x in library({**BOOK, "shelf": "A1", "owner": "x"}) if x["kind"] == "shape"]
    assert shape["extra"] == ["shelf", "owner"]


def test_it_names_a_field_as_the_answer_names_it() -> None:
    for lesson in library(BOOK):
        assert "book_id" not in content(lesson)


def test_it_learns_a_refusal_with_the_state_the_error_names() -> None:
    calls: tuple[dict[str, object], ...] = (
        {"tool": "get_order", "arguments": {"order_id": "ORD-2"}},
        {"tool": "set_status", "arguments": {"order_id": "ORD-2", "status": "open"}},
    )
    given = task(*calls, text="Set ORD-2 to open, or tell me why not.", report_refusal=True)
    assert any("refuses when the" in t and "`shipped`" in t for t in texts(curated(given)))


def test_it_proves_every_lesson_by_steps_of_the_trajectory() -> None:
    trajectory, reflection = learn(REFUND)
    numbers = {step.number for step in trajectory.steps}
    assert reflection.lessons
    assert all(lesson["steps"] and set(lesson["steps"]) <= numbers for lesson in reflection.lessons)


def test_it_proposes_nothing_the_playbook_already_holds() -> None:
    book = curated(REFUND)
    trajectory, reflection = learn(REFUND)
    assert RulesCurator().curate(REFUND, book, trajectory, reflection).deltas == ()


def test_it_updates_a_bullet_that_becomes_richer() -> None:
    given = task({"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "Open"}})
    book = curated(given)
    trajectory, reflection = learn(given)
    richer = {**reflection.lessons[0], "values": ["open", "packed", "shipped", "lost"]}
    told = Reflection(what_happened="", lessons=(richer,))
    (delta,) = RulesCurator().curate(given, book, trajectory, told).deltas
    assert delta.op is Op.UPDATE
    assert "`lost`" in delta.content


@pytest.mark.parametrize(
    ("held", "lesson", "sent", "said"),
    [
        (
            {"kind": "enum", "values": ["slow", "fast"]},
            {"kind": "enum", "values": ["economy", "express"], "rejected": "slow"},
            "slow",
            "Set `speed` of `ship` to `economy` or `express`; `slow` is rejected.",
        ),
        (
            {"kind": "enum", "values": ["slow", "fast"]},
            {"kind": "enum", "values": ["slow", "express"], "rejected": "Fast"},
            "Fast",
            "`slow`, `fast` or `express`",
        ),
        (
            {"kind": "limit", "low": None, "high": 14.0, "error": "At most 14."},
            {"kind": "limit", "low": None, "high": 7.0, "error": "At most 7."},
            10,
            "7 or below",
        ),
        (
            {"kind": "limit", "low": None, "high": 14.0, "error": "At most 14."},
            {"kind": "limit", "low": None, "high": 20.0, "error": "At most 20."},
            30,
            "",
        ),
    ],
    ids=["values refused", "other value refused", "limit refused", "limit broken"],
)
def test_what_was_refused_although_a_bullet_allows_it_takes_the_bullets_place(
    held: dict[str, Any], lesson: dict[str, Any], sent: Any, said: str
) -> None:
    shared = {"tool": "ship", "parameter": "speed", "key": f"{held['kind']}:ship:speed"}
    rule = {**held, **shared}
    add = Delta(op=Op.ADD, section="pitfalls", content=content(rule), rule=rule)
    step = Step(1, "ship", {"speed": sent}, "Refused.", is_error=True)
    told = Reflection(what_happened="", lessons=({**lesson, **shared, "steps": [1]},))

    made = RulesCurator().curate(task(), apply(Playbook(), add), Trajectory(steps=(step,)), told)

    assert [(delta.op, said in delta.content) for delta in made.deltas] == (
        [(Op.UPDATE, True)] if said else []
    )


def test_it_tags_a_bullet_that_saved_an_error_as_helpful() -> None:
    book = curated(REFUND)
    _, reflection = learn(REFUND, book)
    assert reflection.tags == {"strategies-001": "helpful"}


def test_it_summarises_only_what_was_there_before_a_change() -> None:
    given = task(
        {"tool": "list_orders", "arguments": {}},
        {"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "open"}},
        {"tool": "get_order", "arguments": {"order_id": "ORD-1"}},
    )
    facts = RulesSummariser().summarise(given, solve(given), TOOLS).facts
    assert {fact.data["tool"] for fact in facts} == {"list_orders"}
    assert facts[0].data["values"] == ["ORD-1", "ORD-2"]
    assert facts[0].source_task == given.instruction


def test_it_takes_another_thing_for_no_other_spelling() -> None:
    missing = Step(1, "get_order", {"order_id": "ORD-9"}, "Order ORD-9 not found.", is_error=True)
    other = Step(2, "get_order", {"order_id": "ORD-1"}, '{"order_id": "ORD-1"}')
    loose = Step(1, "get_order", {"order_id": "ord1"}, "Order ord1 not found.", is_error=True)

    def kinds(*steps: Step) -> set[str]:
        found = lessons(TaskSpec("Look at an order."), Trajectory(steps, "Done."), TOOLS)
        return {str(lesson["kind"]) for lesson in found}

    assert "spelling" not in kinds(missing, other)
    assert "spelling" in kinds(loose, other)


def test_it_gives_a_cause_and_a_way_that_are_about_the_same_failed_call() -> None:
    given = task(
        {"tool": "create_refund", "arguments": {"order_id": "ORD-1", "reason": "Broken"}},
        {"tool": "set_status", "arguments": {"order_id": "ORD-1", "status": "Open"}},
    )
    _, said = learn(given)
    assert said.root_cause == "NOT_VERIFIED: Use verify_customer first."
    assert said.correct_approach.startswith("Call `verify_customer` for the same order")
