"""Sessions of Codex as they are written today, lines of the program included."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory, read
from practice.domain.traces.exports import read_export
from tests.domain.traces.sessions import asks, item, runs, session, written


@pytest.mark.parametrize(
    ("output", "heard", "failed"),
    [
        ("Exit code: 2\nWall time: 1.2 seconds\nOutput:\nno rule\nat all", "no rule\nat all", True),
        ("Exit code: 0\nWall time: 0 seconds\nTotal output lines: 9\nOutput:\na", "a", False),
        (
            "Chunk ID: ab12cd\nWall time: 0.4 seconds\nProcess exited with code 1\n"
            "Original token count: 12\nOutput:\nboom",
            "boom",
            True,
        ),
        (
            "Wall time: 0.4 seconds\nProcess exited with code 0\nOutput:\nExit code: 3\n",
            "Exit code: 3\n",
            False,
        ),
        ("Process running with session ID 7\nOutput:\nx", "Process running with session ID", False),
        ("tests say\nExit code: 1\nOutput:\n", "tests say", False),
        ([{"type": "input_text", "text": "seen"}, {"type": "input_image"}], "seen", False),
        # of a tool server
        ("Wall time: 0.2 seconds\nOutput:\nno such order", "no such order", False),
        ("Wall time: 0.2 seconds\nand more", "Wall time: 0.2", False),
        ('Wall time: 0.2 seconds\nOutput:\n[{"type":"text","text":"no such order"}]', "no", False),
        ('[{"type":"text","text":"no"},{"type":"image","data":"x"}]', '[{"type":"text"', False),
        ("[1, 2]", "[1, 2]", False),
        # made to be read in two ways for each of its lines
        ("Wall time: 0.2 seconds\n" * 40, "Wall time: 0.2", False),
    ],
)
def test_a_failed_command_of_codex_is_a_failed_step(output: Any, heard: str, failed: bool) -> None:
    (sent,) = session("codex", asks("Make it pass."), *runs(output))
    (step,) = sent.steps
    assert step["observation"].startswith(heard)
    assert step["is_error"] is failed


@pytest.mark.parametrize(
    "words",
    [
        ["<turn_aborted>\nThe user interrupted.\n</turn_aborted>"],
        ["<user_shell_command>\n<command>ls</command>\n</user_shell_command>"],
        ["<skill>\n<name>x</name>\n</skill>"],
        ["<subagent_notification>{}</subagent_notification>"],
        ["# AGENTS.md instructions for /p", "<environment_context>x</environment_context>"],
    ],
)
def test_what_codex_writes_itself_is_no_question(words: list[str]) -> None:
    (sent,) = session("codex", asks("Make it pass."), *runs("a"), asks(*words), *runs("b"))
    assert (sent.external_id, len(sent.steps)) == ("session:1", 2)


@pytest.mark.parametrize(
    ("result", "failed"),
    [
        ({"Ok": {"content": [], "isError": True}}, True),
        ({"Err": "the server is gone"}, True),
        ({"Ok": {"content": [], "isError": False}}, False),
        ({"Ok": {}}, False),
        (None, False),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_tool_server_says_beside_its_answer_that_a_tool_failed(
    result: Any, failed: bool, is_first: bool
) -> None:
    told = {"type": "mcp_tool_call_end", "call_id": "c", "result": result}
    event = {"type": "event_msg", "payload": told}
    asked, answered = runs("Wall time: 0.2 seconds\nOutput:\nno such order")
    rows = [asked, event, answered] if is_first else [asked, answered, event]
    (sent,) = session("codex", asks("Refund order 7."), *rows)
    assert (sent.steps[0]["observation"], sent.steps[0]["is_error"]) == ("no such order", failed)


@pytest.mark.parametrize(
    ("told", "failed"),
    [
        ({"type": "exec_command_end", "exit_code": 1}, True),
        ({"type": "exec_command_end", "exit_code": 0}, False),
        ({"type": "exec_command_end", "exit_code": None}, False),
        ({"type": "patch_apply_end", "success": False}, True),
        ({"type": "patch_apply_end", "success": True}, False),
        ({"type": "exec_command_begin"}, False),
    ],
)
def test_codex_says_beside_an_answer_how_it_ended(told: dict[str, Any], failed: bool) -> None:
    event = {"type": "event_msg", "payload": {"call_id": "c", **told}}
    (sent,) = session("codex", asks("Make it pass."), *runs("a"), event)
    assert sent.steps[0]["is_error"] is failed


@pytest.mark.parametrize(
    ("beside", "tool"),
    [
        ({"name": "get_order", "namespace": "mcp__desk"}, "mcp__desk__get_order"),
        ({"name": "mcp__desk__get_order"}, "mcp__desk__get_order"),
        ({"name": "spawn_agent", "namespace": "multi_agent_v1"}, "spawn_agent"),
        ({"name": "exec_command", "namespace": None}, "exec_command"),
    ],
)
def test_the_server_of_a_tool_of_codex_stands_before_its_name(
    beside: dict[str, Any], tool: str
) -> None:
    one = item(type="function_call", arguments="{}", call_id="c", **beside)
    (sent,) = session("codex", asks("Make it pass."), one)
    assert sent.steps[0]["tool"] == tool


def test_what_codex_thinks_is_why_it_calls() -> None:
    summary = [{"type": "summary_text", "text": "**Looking**"}]
    rows = [
        asks("Make it pass."),
        item(type="reasoning", summary=summary, content=None, encrypted_content="x"),
        *runs("a"),
        item(type="reasoning", summary=[], content=None, encrypted_content="x"),
        *runs("b"),
    ]
    (sent,) = session("codex", *rows)
    assert [step["thought"] for step in sent.steps] == ["**Looking**", ""]


def meta(name: str, **more: Any) -> dict[str, Any]:
    return {"type": "session_meta", "payload": {"id": name, **more}}


def at(second: float, *rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines as Codex writes them at one go, a millisecond after each other."""
    began = datetime(2026, 11, 28, 11, tzinfo=UTC) + timedelta(seconds=second)
    return [
        {**row, "timestamp": (began + timedelta(milliseconds=number)).isoformat()}
        for number, row in enumerate(rows)
    ]


FIRST = (asks("Make it pass."), *runs("a"))


ORIGIN = (
    *at(0, meta("origin")),
    *(line for second, row in enumerate(FIRST, start=9) for line in at(second, row)),
    *at(60, asks("Now publish."), *runs("c")),
)


@pytest.mark.parametrize("opening", [meta("fork", forked_from_id="origin"), meta("fork")])
def test_what_a_forked_session_of_codex_repeats_is_left_to_the_other(opening: Any) -> None:
    """It has the lines of the one it came from, also the one that names that."""
    body = written(
        *at(300, opening, meta("origin"), *FIRST),
        *at(320, asks("Now the docs."), *runs("b")),
        *at(320.5, asks("And the tests."), *runs("d")),
    )
    *own, told = read_export("codex", body)
    assert [(one.external_id, one.instruction) for one in map(read, own)] == [
        ("fork:2", "Now the docs."),
        ("fork:3", "And the tests."),
    ]
    assert isinstance(told, NotATrajectory)
    assert str(told).startswith("Its first question is of the session origin, which")
    assert [one.external_id for one in session("codex", *ORIGIN)] == ["origin:1", "origin:2"]


def test_a_fork_of_a_fork_repeats_both() -> None:
    metas = (meta("third", forked_from_id="fork"), meta("fork"), meta("origin"))
    body = written(
        *at(600, *metas, *FIRST, asks("Now the docs."), *runs("b")),
        *at(620, asks("Undo it."), *runs("e")),
    )
    own, told = read_export("codex", body)
    assert read(own).external_id == "third:3"
    assert "Its first 2 questions are of the session fork" in str(told)


def test_a_fork_that_was_asked_nothing_says_only_that() -> None:
    (told,) = read_export("codex", written(*at(300, meta("fork"), meta("origin"), *FIRST)))
    assert "send it too" in str(told)


def test_a_question_that_came_with_the_fork_is_its_own_by_what_was_done_since() -> None:
    fork = (meta("fork", forked_from_id="origin"), meta("origin"), *FIRST, asks("Now the docs."))
    own, _ = read_export("codex", written(*at(300, *fork), *at(304, *runs("b"))))
    assert (read(own).external_id, len(read(own).steps)) == ("fork:2", 1)


def test_a_session_that_was_not_forked_repeats_nothing() -> None:
    quick = at(0, meta("quick"), *FIRST, asks("Now publish."), *runs("c"), meta("quick"))
    assert len(session("codex", *quick)) == 2


def test_a_forked_session_without_times_is_read_whole() -> None:
    rows = [{**row, "timestamp": None} for row in FIRST]
    fork = session("codex", meta("fork", forked_from_id="origin"), meta("origin"), *rows)
    assert [one.external_id for one in fork] == ["fork:1"]


def spawned(**source: Any) -> dict[str, Any]:
    return {"type": "session_meta", "payload": {"id": "s2", **source}}


def test_a_session_of_a_subagent_says_so() -> None:
    spawn = {"subagent": {"thread_spawn": {"parent_thread_id": "s1", "depth": 1}}}
    rows = [asks("Find it."), *runs("ok")]
    (own,) = session("codex", spawned(source=spawn), *rows)
    assert (own.external_id, own.subagent_of) == ("s2:1", "s1")
    others: tuple[Any, ...] = ("cli", None, {"subagent": "x"}, {"subagent": {"thread_spawn": {}}})
    for odd in others:
        (own,) = session("codex", spawned(source=odd), *rows)
        assert own.subagent_of == ""


def test_a_search_that_the_provider_makes_is_a_step() -> None:
    action = {"type": "search", "query": "green rooms"}
    found = item(type="web_search_call", status="completed", action=action)
    (sent,) = session("codex", asks("Find it."), found, item(type="web_search_call"))
    kept = [(step["tool"], step["arguments"]) for step in sent.steps]
    assert kept == [("web_search", action), ("web_search", {})]
