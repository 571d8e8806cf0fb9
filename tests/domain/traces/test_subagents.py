"""Subagents of Claude Code, however their work was written down, in any order of files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from practice.domain.deployment import MAX_STEPS, Sent, read
from practice.domain.remarks import Place, remark_on
from practice.domain.traces import claude_code, subagents
from practice.domain.traces.exports import read_export
from tests.domain.traces.sessions import agent, call, person, result, session, text, written

Row = Mapping[str, Any]
Told = tuple[str, int | None]


def tree(sent: Sent) -> list[Told]:
    return [(step["tool"], step.get("parent")) for step in sent.steps]


def said_of(sent: Sent) -> str:
    return remark_on(sent, datetime(2026, 12, 1, tzinfo=UTC), Place("", frozenset()))


def task(number: int, prompt: str = "Find the test.", tool: str = "Task") -> dict[str, Any]:
    return {**call(number, tool), "input": {"prompt": prompt, "subagent_type": "Explore"}}


def done(number: int, name: str, **more: Any) -> dict[str, Any]:
    """The line that answers a call which started an agent."""
    told = {"status": "completed", "agentId": name, "totalTokens": 66_000, **more}
    return person([result(number, "It is test_a.py.")], toolUseResult=told)


def of(name: str, *rows: Row) -> list[dict[str, Any]]:
    """A file of a subagent: each line says whose it is."""
    return [{**row, "isSidechain": True, "agentId": name} for row in rows]


SEARCH = (
    person("Find the test.", uuid="a1"),
    agent(call(7, "Grep")),
    person([result(7, "test_a.py")]),
    agent(call(8, "Read")),
    person([result(8, "def test_a")]),
    agent(text("It is test_a.py.")),
)
MAIN = (
    person("Fix it."),
    agent(task(1)),
    done(1, "ad2d877"),
    agent(call(2, "Edit")),
    person([result(2)]),
    person("Now the docs.", uuid="v"),
    agent(call(3, "Write")),
    person([result(3)]),
)
FIXED = [("Task", None), ("Grep", 1), ("Read", 1), ("Edit", None)]


@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_of_its_own_stands_inside_of_the_call_that_started_it(is_first: bool) -> None:
    files = [of("ad2d877", *SEARCH), [*MAIN]]
    first, second = files if is_first else reversed(files)
    fix, docs = session("claude-code", *first, *second)
    assert (fix.instruction, tree(fix), said_of(fix)) == ("Fix it.", FIXED, "")
    assert [step["observation"] for step in fix.steps][:2] == ["It is test_a.py.", "test_a.py"]
    assert (docs.instruction, tree(docs)) == ("Now the docs.", [("Write", None)])


def test_without_its_file_the_session_says_that_it_is_not_here() -> None:
    fix, docs = session("claude-code", *MAIN)
    assert tree(fix) == [("Task", None), ("Edit", None)]
    assert said_of(fix) == "What its subagent did is not here: its file was not sent with it."
    assert said_of(docs) == ""


def test_a_file_that_is_sent_alone_is_a_trajectory_of_its_own_that_says_so() -> None:
    (own,) = session("claude-code", *of("ad2d877", *SEARCH))
    assert (own.external_id, own.instruction, own.answer) == (
        "s:a1",
        "Find the test.",
        "It is test_a.py.",
    )
    assert tree(own) == [("Grep", None), ("Read", None)]
    assert said_of(own) == "A subagent did it for the session s."


def progress(number: int, row: Row) -> dict[str, Any]:
    inner = {name: row[name] for name in ("type", "message")}
    told = {"type": "agent_progress", "agentId": "ad2d877", "message": {**inner, "uuid": "p"}}
    return {
        "type": "progress",
        "sessionId": "s",
        "uuid": "q",
        "data": told,
        "parentToolUseID": f"c{number}",
    }


def test_progress_in_the_session_is_what_its_agent_did() -> None:
    rows = [*MAIN[:2], *(progress(1, row) for row in SEARCH), *MAIN[2:]]
    fix, _ = session("claude-code", *rows)
    assert (tree(fix), said_of(fix)) == (FIXED, "")
    hook = {"type": "progress", "data": {"type": "hook_progress"}, "parentToolUseID": "c1"}
    shapes: tuple[Any, ...] = (None, [], {"type": "agent_progress"})
    odd = [{**hook, "data": data} for data in shapes]
    assert tree(session("claude-code", *rows, hook, *odd)[0]) == FIXED


def lasting(row: Row) -> dict[str, Any]:
    """A line whose calls have ids that no other call has, as they are today."""

    def named(part: dict[str, Any]) -> dict[str, Any]:
        known = {"id", "tool_use_id"} & part.keys()
        return {**part, **{name: f"toolu_01{part[name] * 10}" for name in known}}

    message = row["message"]
    return {**row, "message": {**message, "content": [named(p) for p in message["content"]]}}


def test_progress_and_the_file_of_the_same_agent_are_one() -> None:
    search = [lasting(row) for row in SEARCH]
    rows = [*MAIN[:2], *(progress(1, row) for row in search), *MAIN[2:]]
    found = session("claude-code", *rows, *of("ad2d877", *search))
    assert [tree(one) for one in found] == [FIXED, [("Write", None)]]


def chained(name: str, *rows: Row) -> list[dict[str, Any]]:
    """Lines of a subagent as older versions write them into the session, under no name."""
    ids = [f"{name}{number}" for number in range(len(rows))]
    return [
        {**row, "isSidechain": True, "uuid": own, "parentUuid": above}
        for row, own, above in zip(rows, ids, [None, *ids], strict=False)
    ]


def test_lines_without_a_name_belong_to_the_call_that_asked_the_same() -> None:
    """Two that ran at once, their lines in turn."""
    other = (person("Read the docs."), agent(call(9, "WebFetch")), person([result(9)]))
    one, two = chained("x", *SEARCH[:3]), chained("y", *other)
    mixed = [row for pair in zip(one, two, strict=True) for row in pair]
    (fix,) = session(
        "claude-code",
        person("Fix it."),
        agent(task(1, "Read the docs."), task(2)),
        *mixed,
        person([result(1)]),
        person([result(2)]),
    )
    assert tree(fix) == [("Task", None), ("WebFetch", 1), ("Task", None), ("Grep", 3)]


def test_lines_that_were_asked_otherwise_belong_to_the_call_that_waits() -> None:
    (fix,) = session(
        "claude-code",
        person("Fix it."),
        agent(task(1, "Warm up.")),
        person([result(1)]),
        agent(task(2, "Find it, please.")),
        *chained("x", *SEARCH[:3]),
        person([result(2)]),
    )
    assert tree(fix) == [("Task", None), ("Task", None), ("Grep", 2)]


def test_lines_of_the_printed_stream_name_the_call_itself() -> None:
    inner = [{**row, "parent_tool_use_id": "c1", "session_id": "s"} for row in SEARCH[:3]]
    whole = {"type": "result", "subtype": "success", "total_cost_usd": 0.25, "session_id": "s"}
    again = {**whole, "total_cost_usd": 0.5}
    (fix,) = session("claude-code", *MAIN[:2], *inner, person([result(1)]), whole, again)
    assert (tree(fix), fix.cost) == ([("Task", None), ("Grep", 1)], Decimal("0.25"))
    (odd,) = session("claude-code", *MAIN[:2], {**whole, "total_cost_usd": "free"})
    assert odd.cost is None


def test_an_agent_that_was_started_by_another_stands_inside_of_that_one() -> None:
    outer = (person("Plan it."), agent(task(5, tool="Agent")), done(5, "inner"))
    files = [*of("inner", *SEARCH[:3]), *of("outer", *outer)]
    (fix,) = session(
        "claude-code", person("Fix it."), agent(task(1, "Plan it.")), done(1, "outer"), *files
    )
    assert tree(fix) == [("Task", None), ("Agent", 1), ("Grep", 2)]
    (alone,) = session("claude-code", *files)
    assert tree(alone) == [("Agent", None), ("Grep", 1)]


def test_an_agent_that_is_gone_on_with_answers_both_calls() -> None:
    again = (person("And the other one.", uuid="a2"), agent(call(9, "Glob")), person([result(9)]))
    (fix,) = session(
        "claude-code",
        person("Fix it."),
        agent(task(1)),
        done(1, "ad2d877"),
        agent(task(2, "And the other one.")),
        done(2, "ad2d877"),
        *of("ad2d877", *SEARCH[:3], *again),
    )
    assert tree(fix) == [("Task", None), ("Grep", 1), ("Task", None), ("Glob", 3)]


def test_agents_that_start_each_other_are_read_once() -> None:
    one = of("one", person("Ask two."), agent(task(5)), done(5, "two"))
    two = of("two", person("Ask one."), agent(task(6)), done(6, "one"))
    (fix,) = session("claude-code", person("Fix it."), agent(task(1)), done(1, "one"), *one, *two)
    assert tree(fix) == [("Task", None), ("Task", 1), ("Task", 2)]
    assert len(session("claude-code", *one, *two)) == 1


def test_a_chain_of_agents_ends_somewhere() -> None:
    depth = 40
    rows = [
        row
        for n in range(depth)
        for row in of(f"n{n}", person(f"Ask {n}."), agent(task(n)), done(n, f"n{n + 1}"))
    ]
    found = session("claude-code", person("Fix it."), agent(task(99)), done(99, "n0"), *rows)
    assert len(found[0].steps) == 1 + subagents.DEEPEST
    assert sum(len(one.steps) for one in found) == 1 + depth, "the rest stands by itself"


@pytest.mark.parametrize("name", ["acompact-006389", "aprompt_suggestion-a12dbf"])
def test_agents_of_the_program_itself_did_nothing(name: str) -> None:
    fix, _ = session("claude-code", *MAIN, *of(name, *SEARCH))
    assert tree(fix) == [("Task", None), ("Edit", None)]


def test_its_own_steps_come_before_those_of_its_agents_where_all_are_too_many() -> None:
    own = [agent(call(number)) for number in range(10, 10 + MAX_STEPS - 3)]
    many = [agent(call(number)) for number in range(1_000, 1_010)]
    (fix,) = session(
        "claude-code",
        *MAIN[:3],
        *own,
        *of("ad2d877", SEARCH[0], *many),
    )
    assert (len(fix.steps), fix.left_out) == (MAX_STEPS, 8)
    assert sum("parent" in step for step in fix.steps) == 2


def test_no_more_of_agents_is_held_than_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subagents, "MOST_HELD", 1)
    fix, _ = session("claude-code", *MAIN, *of("ad2d877", *SEARCH))
    assert (tree(fix)[1], fix.left_out) == (("Grep", 1), 1)


def test_what_agents_took_is_part_of_what_it_cost_and_their_clock_is_the_question_s() -> None:
    def at(second: int, row: Row) -> dict[str, Any]:
        return {**row, "timestamp": f"2026-11-25T10:00:{second:02d}.000Z"}

    def paid(name: str, row: dict[str, Any]) -> dict[str, Any]:
        usage = {"input_tokens": 90, "output_tokens": 8}
        return {**row, "costUSD": 0.5, "message": {**row["message"], "id": name, "usage": usage}}

    search = [at(3, SEARCH[0]), at(4, paid("m2", agent(call(7, "Grep")))), at(6, SEARCH[2])]
    end = at(7, paid("m3", agent(text("It is test_a.py."))))
    (fix,) = session(
        "claude-code",
        at(0, person("Fix it.")),
        at(2, paid("m1", agent(task(1)))),
        at(8, done(1, "ad2d877")),
        *of("ad2d877", *search, end),
    )
    times = [(s["started_ms"], s["duration_ms"], s["input_tokens"], s["cost"]) for s in fix.steps]
    assert times == [(2000, 6000, 90, "0.500000"), (4000, 2000, 90, "0.500000")]
    assert fix.cost == Decimal("1.5"), "its answer took something as well"


def test_a_session_is_the_same_with_what_its_agents_did_and_without() -> None:
    bare, _ = session("claude-code", *MAIN)
    whole, _ = session("claude-code", *MAIN, *of("ad2d877", *SEARCH))
    assert bare.external_id == whole.external_id
    assert bare.goes_like(whole.steps)
    assert whole.goes_like(bare.steps)


def test_a_branch_leaves_what_agents_did_to_the_session_it_repeats() -> None:
    mark = {"sessionId": "origin", "messageUuid": "u"}
    rows = [{**row, "sessionId": "branch", "forkedFrom": mark} for row in MAIN[:5]]
    more = [{**row, "sessionId": "branch"} for row in MAIN[5:]]
    own, told = read_export("claude-code", written(*rows, *more, *of("ad2d877", *SEARCH)))
    assert read(own).instruction == "Now the docs."
    assert str(told).startswith("Its first question is of the session origin")


FLOODS = {
    "agents": [row for n in range(8_000) for row in of(f"n{n}", person(f"Ask {n}."))],
    "questions to one": of("x", *(person(f"Ask {n}.") for n in range(8_000))),
    "answers": [done(1, f"n{n}") for n in range(8_000)],
    "lines of no call": [
        {**agent(text("x")), "isSidechain": True, "agentId": f"n{n}", "parentToolUseID": f"t{n}"}
        for n in range(8_000)
    ],
    "conversations": [
        {**person(f"Ask {n}."), "isSidechain": True, "uuid": f"w{n}"} for n in range(8_000)
    ],
    "questions": [row for n in range(4_000) for row in (person(f"Ask {n}."), agent(call(n)))],
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_lines_takes_the_time_of_its_lines(name: str) -> None:
    starts = [agent(*(task(n, f"Do {n}.") for n in range(MAX_STEPS))), done(2, "gone")]
    rows = [person("Fix it."), *starts, *FLOODS[name]]
    body = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    began = time.process_time()
    kept = sum(1 for _ in read_export("claude-code", iter([body])))
    assert time.process_time() - began < 10
    assert kept == (4_001 if name == "questions" else 1)


def test_what_is_held_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [row for n in range(5) for row in of(f"n{n}", person(f"Ask {n}."), agent(call(n)))]
    monkeypatch.setattr(subagents, "MOST_ASKED", 2)
    assert len(session("claude-code", *asked)) == 2
    monkeypatch.setattr(claude_code, "MOST_HELD", 1)
    found = session("claude-code", *MAIN, person("More."), agent(call(4)), *asked[:2])
    assert [len(one.steps) for one in found] == [2, 1, 1, 1]
    monkeypatch.setattr(subagents, "MOST_GUESSES", 0)
    (fix,) = session("claude-code", *MAIN[:2], person("Find the test.", isSidechain=True))
    assert tree(fix) == [("Task", None)]


@pytest.mark.parametrize(
    "odd",
    [
        {"toolUseResult": "Error: x"},
        {"toolUseResult": {"agentId": None}},
        {"toolUseResult": {"agentId": ["x"]}},
        {"isSidechain": True, "agentId": 7},
        {"isSidechain": True, "agentId": {}, "parentUuid": ["u"], "uuid": {}},
        {"isSidechain": True, "parentUuid": "u", "uuid": "u"},
        {"parentToolUseID": 5, "isSidechain": True},
        {"parent_tool_use_id": {}},
    ],
)
def test_odd_marks_of_agents_lose_nothing_of_the_session(odd: dict[str, Any]) -> None:
    stray = {**person([result(1)]), **odd}
    found = session("claude-code", person("Fix it."), agent(call(1)), stray, agent(call(2)))
    assert [tree(one) for one in found] == [[("Bash", None)] * 2]


def test_what_is_no_words_is_named() -> None:
    image = {"type": "image", "source": {"type": "base64", "data": "QUJD"}}
    (sent,) = session(
        "claude-code",
        person([image]),
        agent(call(1), call(2)),
        person([result(1, [text("A page:"), image]), result(2, [image])]),
    )
    assert sent.instruction == "[image]"
    assert [step["observation"] for step in sent.steps] == ["A page:\n[image]", "[image]"]


def test_tools_that_the_provider_runs_are_steps() -> None:
    search = {"type": "server_tool_use", "id": "srv1", "name": "web_search", "input": {"q": "x"}}
    found = [{"type": "web_search_result", "title": "X", "url": "https://x.example"}]
    answers = {"type": "web_search_tool_result", "tool_use_id": "srv1", "content": found}
    remote = {"type": "mcp_tool_use", "id": "m1", "name": "get", "server_name": "desk", "input": {}}
    told = {"type": "mcp_tool_result", "tool_use_id": "m1", "content": [text("7")]}
    fails = {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}
    (sent,) = session(
        "claude-code",
        person("Fix it."),
        agent(search, answers, remote, told, {**search, "id": "srv2"}),
        agent({**answers, "tool_use_id": "srv2", "content": fails}),
    )
    kept = [(step["tool"], step["is_error"]) for step in sent.steps]
    assert kept == [("web_search", False), ("mcp__desk__get", False), ("web_search", True)]
    assert '"X"' in sent.steps[0]["observation"]
    assert sent.steps[1]["observation"] == "7"
