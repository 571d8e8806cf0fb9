"""Reading what a deployed agent sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from practice.domain.deployment import (
    ANSWER_CAP,
    MAX_STEPS,
    THOUGHT_CAP,
    NotATrajectory,
    read,
)
from practice.domain.reading import characters_cut
from practice.domain.remarks import Place, remark_on, tools_there
from practice.domain.types import OBSERVATION_CAP

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NOWHERE = Place("", frozenset())


def entry(**changed: Any) -> dict[str, Any]:
    step = {"tool": "get_order", "arguments": {"order_id": "A-1"}, "observation": {"total": 3}}
    return {"id": "t1", "instruction": "Look up order A-1.", "steps": [step]} | changed


def test_it_reads_steps_and_keeps_a_structured_observation_as_its_json() -> None:
    sent = read(entry(answer="It costs 3.", outcome="success", release="4"))
    assert sent.steps[0]["observation"] == '{"total": 3}'
    assert (sent.answer, sent.outcome, sent.release) == ("It costs 3.", "success", "4")


def test_it_masks_secrets_everywhere_before_anything_is_stored() -> None:
    canary = "sk-live-0123456789abcdef0123"
    step = {
        "tool": "login",
        "arguments": {"password": "hunter2hunter2", "nested": [canary]},
        "observation": f"welcome {canary}",
        "thought": canary,
    }
    sent = read(entry(instruction=f"Use {canary}.", answer=canary, steps=[step]))
    assert canary not in repr(sent)
    assert "hunter2" not in repr(sent)


def test_it_bounds_what_one_tool_said_and_drops_what_no_database_holds() -> None:
    step = {"tool": "cat", "observation": "\x00\ud800" + "a" * (OBSERVATION_CAP + 5)}
    observation = read(entry(steps=[step])).steps[0]["observation"]
    assert len(observation) <= OBSERVATION_CAP
    assert characters_cut(observation) == OBSERVATION_CAP + 6 - observation.index("\n[")
    assert "\x00" not in observation
    assert observation.encode()


@pytest.mark.parametrize(
    ("place", "cap"),
    [("observation", OBSERVATION_CAP), ("thought", THOUGHT_CAP), ("answer", ANSWER_CAP)],
)
def test_a_secret_across_the_cut_leaves_no_half_behind(place: str, cap: int) -> None:
    canary = "sk-live-0123456789abcdef0123"
    text = "a " * ((cap - 14) // 2) + canary + " b" * 100
    changed = {"answer": text} if place == "answer" else {}
    step = {"tool": "cat"} | ({} if changed else {place: text})
    sent = read(entry(steps=[step], **changed))
    assert canary[:12] not in repr(sent)


@pytest.mark.parametrize(
    ("lengths", "says"),
    [
        ([5], ""),
        ([5, OBSERVATION_CAP + 1], "Of the observation of step 2 the first 10,000 characters"),
        ([OBSERVATION_CAP + 1] * 2, "of steps 1, 2 the first"),
        ([OBSERVATION_CAP + 1] * 12, "8, 9, 10 and 2 more the first"),
    ],
)
def test_it_says_of_which_steps_not_all_is_kept(lengths: list[int], says: str) -> None:
    sent = read(entry(steps=[{"tool": "cat", "observation": "a" * n} for n in lengths]))
    said = remark_on(sent, NOW, NOWHERE)
    assert says in said if says else said == ""


def test_a_remark_fits_its_column() -> None:
    steps = [{"tool": "cat", "observation": "a" * (OBSERVATION_CAP + 1)}] * MAX_STEPS
    more = {"ended_at": "2199-11-25T10:00:02Z", "steps_left_out": 19_500}
    sent = read(entry(steps=steps, **more))
    assert "Of its 20,000 steps the first 500" in remark_on(sent, NOW, NOWHERE)
    for place in (NOWHERE, Place("Shop" * 20, frozenset({"get_order"}))):
        assert len(remark_on(sent, NOW, place)) <= 300


@pytest.mark.parametrize(
    ("called", "says"),
    [
        ("get_order", ""),
        ("get_order Bash", "Shop has no tool Bash, so nothing is learned"),
        ("Bash Bash Edit", "has no tool Bash, Edit, so"),
        ("a b c d e", "has no tool a, b, c and 2 more, so"),
    ],
)
def test_it_says_which_tools_are_not_there(called: str, says: str) -> None:
    sent = read(entry(steps=[{"tool": tool} for tool in called.split()]))
    said = remark_on(sent, NOW, Place("Shop", frozenset({"get_order"})))
    assert says in said if says else said == ""


def test_a_tool_that_failed_is_missed_by_nobody() -> None:
    sent = read(entry(steps=[{"tool": "Bash", "is_error": True}]))
    assert remark_on(sent, NOW, Place("Shop", frozenset({"get_order"}))) == ""


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("text", "is an object"),
        (entry(id=""), "id is your own name"),
        (entry(id="x" * 201), "1 to 200 characters"),
        (entry(instruction=" "), "instruction is the task"),
        (entry(steps=[]), "at least one tool call"),
        (entry(steps="get_order"), "at least one tool call"),
        (entry(steps=[{"tool": "a"}] * (MAX_STEPS + 1)), "at most 500"),
        (entry(steps=[{"tool": ""}]), "Step 1 does not name its tool"),
        (entry(steps=["get_order"]), "Step 1 is not an object"),
        (entry(steps=[{"tool": "a", "arguments": [1]}]), "arguments of step 1"),
        (entry(steps=[{"tool": "a", "is_error": "no"}]), "is_error of step 1"),
        (entry(steps=[{"tool": "a", "duration_ms": -1}]), "duration_ms of step 1"),
        (entry(outcome="great"), "success or failure"),
        (entry(answer=3), "answer is a text"),
    ],
)
def test_it_names_the_field_that_cannot_be_read(given: Any, says: str) -> None:
    with pytest.raises(NotATrajectory, match=says):
        read(given)


@pytest.mark.parametrize(
    ("tool", "there"),
    [
        ("mcp__shop__get_order", "get_order"),
        ("mcp__plugin_a__shop__get_order", "get_order"),
        ("mcp__shop__get__order", "get__order"),
        ("get_order", "get_order"),
        # What is there under its whole name is that.
        ("mcp__bank__pay", "mcp__bank__pay"),
        ("mcp__bank__get", "mcp__bank__get"),
        ("shop__get_order", "shop__get_order"),
        ("mcp__", "mcp__"),
        ("mcp__" + "__" * 90, "mcp__" + "__" * 90),
    ],
)
def test_a_tool_is_known_by_its_server_as_well(tool: str, there: str) -> None:
    tools = {"get_order", "get__order", "mcp__bank__pay", "pay"}
    assert tools_there([tool], tools) == {tool: there}


def test_nobody_guesses_whose_tool_it_is_where_two_servers_have_one_of_its_name() -> None:
    named = ["mcp__shop__search", "mcp__forge__search", "mcp__shop__pay", "mcp__shop__search"]
    assert tools_there(named, {"search", "pay"}) == {
        "mcp__shop__search": "mcp__shop__search",
        "mcp__forge__search": "mcp__forge__search",
        "mcp__shop__pay": "pay",
    }
    shop = Place("Shop", frozenset({"search", "pay"}))
    sent = read({"id": "t", "instruction": "Find it.", "steps": [{"tool": n} for n in named]})
    assert "has no tool mcp__shop__search, mcp__forge__search, so" in remark_on(sent, NOW, shop)


def test_nothing_is_missing_that_is_there_under_the_name_of_its_server() -> None:
    shop = Place("Shop", frozenset({"get_order"}))
    steps = [{"tool": "mcp__shop__get_order"}, {"tool": "mcp__shop__pay"}]
    sent = read({"id": "t", "instruction": "Pay.", "steps": steps})
    said = remark_on(sent, NOW, shop)
    assert said.startswith("Shop has no tool mcp__shop__pay, so")
    assert remark_on(replace(sent, steps=sent.steps[:1]), NOW, shop) == ""
