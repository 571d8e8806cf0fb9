"""Sessions of coding agents as they are written today, lines of the program included."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from practice.domain.deployment import MAX_STEPS, NotATrajectory, Place, Placed, read, remark_on
from practice.domain.traces.exports import read_export


def written(*rows: Mapping[str, Any]) -> Iterator[bytes]:
    return iter([b"".join(json.dumps(row).encode() + b"\n" for row in rows)])


def session(form: str, *rows: Mapping[str, Any]) -> list[Any]:
    return [read(entry) for entry in read_export(form, written(*rows))]


def person(content: Any, **more: Any) -> dict[str, Any]:
    text = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {
        "type": "user",
        "sessionId": "s",
        "uuid": "u",
        "message": {"role": "user", "content": text},
        **more,
    }


def agent(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"role": "assistant", "content": list(parts)}, **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(number: int, tool: str = "Bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": f"c{number}", "name": tool, "input": {"n": number}}


def result(number: int, content: Any = "ok", *, failed: bool = False) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": f"c{number}",
        "content": content,
        "is_error": failed,
    }


@pytest.mark.parametrize(
    "between",
    [
        person("This session is being continued from a previous one.", isCompactSummary=True),
        person("[Request interrupted by user]"),
        person("[Request interrupted by user for tool use]"),
        person("<task-notification><status>completed</status></task-notification>"),
        person("<bash-input>git status</bash-input>"),
        person("<bash-stdout>clean</bash-stdout><bash-stderr></bash-stderr>"),
        person("<ide_opened_file>The user opened /a.py.</ide_opened_file>"),
        person("<system-reminder>Mind the list.</system-reminder>"),
    ],
)
def test_what_claude_code_writes_itself_is_no_question(between: dict[str, Any]) -> None:
    (sent,) = session(
        "claude-code",
        person("Fix the test."),
        agent(call(1)),
        person([result(1, "1 failed", failed=True)]),
        between,
        agent(call(2)),
        person([result(2, "3 passed")]),
        agent(text("Fixed.")),
        between,
    )
    assert sent.instruction == "Fix the test."
    assert [step["observation"] for step in sent.steps] == ["1 failed", "3 passed"]
    assert sent.answer == "Fixed."


def test_a_person_who_speaks_beside_a_result_loses_neither() -> None:
    first, second = session(
        "claude-code",
        person("Write a line."),
        agent(call(1, "Write")),
        person(
            [result(1, "created"), text("<system-reminder>x</system-reminder>"), text("Short!")]
        ),
        agent(call(2, "Read")),
        person([result(2, "z")]),
    )
    assert [step["observation"] for step in first.steps] == ["created"]
    assert (second.instruction, second.steps[0]["tool"]) == ("Short!", "Read")


def test_a_slash_command_is_a_question_with_what_it_stands_for() -> None:
    typed = (
        "<command-message>review is running</command-message>\n"
        "<command-name>/review</command-name>\n<command-args>12</command-args>"
    )
    first, second = session(
        "claude-code",
        person("Fix it."),
        agent(call(1)),
        person([result(1)]),
        person(typed),
        person("Review the pull request.", isMeta=True),
        agent(call(2)),
        person([result(2)]),
        agent(text("API Error: 529"), isApiErrorMessage=True),
    )
    assert (first.instruction, len(first.steps)) == ("Fix it.", 1)
    assert second.instruction == "/review 12\nReview the pull request."
    assert second.answer == ""


def test_a_file_of_a_subagent_is_read_as_what_it_was_asked() -> None:
    beside = [
        person("Find the test.", isSidechain=True),
        agent(call(7, "Grep"), isSidechain=True),
        person([result(7, "test_a.py")], isSidechain=True),
    ]
    (own,) = session("claude-code", *beside)
    assert (own.instruction, own.steps[0]["tool"]) == ("Find the test.", "Grep")
    (main,) = session(
        "claude-code",
        person("Fix it."),
        agent(call(1, "Task")),
        *beside,
        person([result(1, "It is test_a.py.")]),
    )
    assert (main.instruction, [step["tool"] for step in main.steps]) == ("Fix it.", ["Task"])


def item(**payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-28T11:00:00Z", "type": "response_item", "payload": payload}


def asks(*words: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": one} for one in words]
    return item(type="message", role="user", content=content)


def runs(output: Any) -> list[dict[str, Any]]:
    return [
        item(type="function_call", name="exec_command", arguments='{"cmd": "make"}', call_id="c"),
        item(type="function_call_output", call_id="c", output=output),
    ]


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


def branched(*rows: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lines as Claude Code repeats them in a branch: under its own name, marked one by one."""
    mark = {"sessionId": "origin", "messageUuid": "u"}
    return [{**row, "sessionId": "branch", "forkedFrom": mark} for row in rows]


ASKED = person("Make it pass.")
DONE = (agent(call(1)), person([result(1)]))


def test_what_a_branch_of_claude_code_repeats_is_left_to_the_other() -> None:
    further = [person("Now the docs.", sessionId="branch", uuid="v"), agent(call(2))]
    own, told = read_export("claude-code", written(*branched(ASKED, *DONE), *further))
    assert (read(own).external_id, read(own).instruction) == ("branch:v", "Now the docs.")
    assert str(told).startswith("Its first question is of the session origin, which")


def test_a_question_that_was_gone_on_with_in_a_branch_is_its_own() -> None:
    (own,) = read_export("claude-code", written(*branched(ASKED, *DONE), agent(call(2))))
    assert [len(read(own).steps), read(own).external_id] == [2, "branch:u"]


def test_a_branch_that_was_asked_nothing_says_only_that() -> None:
    (told,) = read_export("claude-code", written(*branched(ASKED, *DONE)))
    assert "send it too" in str(told)


@pytest.mark.parametrize("form", ["codex", "claude-code"])
def test_steps_that_are_too_many_are_counted(form: str) -> None:
    many = MAX_STEPS + 2
    rows: list[Any] = [asks("Make it pass."), *(line for _ in range(many) for line in runs("a"))]
    if form == "claude-code":
        rows = [person("Make it pass."), *(agent(call(number)) for number in range(many))]
    (sent,) = session(form, *rows)
    assert (len(sent.steps), sent.left_out) == (MAX_STEPS, 2)
    said = remark_on(sent, datetime(2027, 1, 1, tzinfo=UTC), Place("", frozenset()))
    assert said == "Of its 502 steps the first 500 are kept."


#: as Claude and Codex call them, and a gateway that ends in a UUID.
LASTING = [
    "toolu_01A09q90qw90lq917835lq9",
    "call_f5kW0OhxJ3EyBMr2FDmwQAZc",
    "call_0_1f2e3d4c-5b6a-4978-8695-a4b3c2d1e0f9",
]
#: that number their calls, or say too little.
NUMBERED = ["functions.Bash:0", "call_1", "call_6ka2jzbd", "getcustomerorderstatus", "", "7" * 101]


def called(name: str, number: int = 1) -> dict[str, Any]:
    return {**call(number), "id": name}


@pytest.mark.parametrize(("name", "kept"), [(n, n) for n in LASTING] + [(n, "") for n in NUMBERED])
def test_a_question_is_known_by_its_first_call_where_no_other_is_called_so(
    name: str, kept: str
) -> None:
    (sent,) = session("claude-code", person("Fix it."), agent(called(name)), agent(call(2)))
    assert sent.first_call == kept


def test_a_call_that_is_written_down_twice_was_made_once() -> None:
    """Before it was answered, as a stream goes on, or later with the whole line."""
    lasting, other = called(LASTING[0]), call(2)
    answered = [{**result(1), "tool_use_id": LASTING[0]}]
    (sent,) = session(
        "claude-code",
        person("Fix it."),
        agent(text("I look."), lasting),
        agent(lasting),
        person(answered),
        agent(lasting),
        agent(other),
        agent(other),
        person([result(2)]),
        agent(other),  # its number says nothing: that was done again
    )
    assert [step["arguments"]["n"] for step in sent.steps] == [1, 2, 2]


@pytest.mark.parametrize("form", ["claude-code", "codex"])
def test_a_question_stands_where_its_line_does(form: str) -> None:
    rows: list[Any] = [person("Fix it."), agent(call(1)), person("Now this."), agent(call(2))]
    if form == "codex":
        rows = [asks("Fix it."), *runs("a"), asks("Now this."), *runs("b")]
    body = b"\n\n".join(json.dumps(row).encode() for row in rows)
    found = [entry.place for entry in read_export(form, iter([body])) if isinstance(entry, Placed)]
    assert found == [0, 4 if form == "claude-code" else 6]


def test_what_a_person_typed_meanwhile_is_a_question_of_theirs() -> None:
    """Claude Code gives it to the model beside the next answer, in a line that is nobody's."""

    def queued(**more: Any) -> dict[str, Any]:
        told = {"type": "queued_command", "prompt": "Short!", "commandMode": "prompt", **more}
        return {"type": "attachment", "attachment": told, "sessionId": "s", "uuid": "q"}

    done = (agent(call(2)), person([result(2, "z")]))
    started = (person("Write a line."), agent(call(1)), person([result(1)]))
    for row in (queued(), queued(origin={"kind": "human"})):
        _, second = session("claude-code", *started, row, *done)
        assert (second.external_id, second.instruction) == ("s:q", "Short!")
    for row in (
        queued(origin={"kind": "task-notification"}),
        queued(commandMode="task-notification"),
        queued(type="file"),
        {"type": "attachment", "attachment": None},
    ):
        (only,) = session("claude-code", *started, row, *done)
        assert len(only.steps) == 2


def test_what_a_model_thinks_is_why_it_calls_and_no_part_of_its_answer() -> None:
    (sent,) = session(
        "claude-code",
        person("Fix it."),
        agent({"type": "thinking", "thinking": "The test is old.", "signature": "x"}),
        agent(text("I look."), call(1)),
        person([result(1)]),
        agent({"type": "thinking", "thinking": "", "signature": "hidden"}),
        agent(call(2)),
        person([result(2)]),
        agent({"type": "thinking", "thinking": "All is well."}),
        agent(text("Fixed.")),
    )
    assert [step["thought"] for step in sent.steps] == ["The test is old.\nI look.", ""]
    assert sent.answer == "Fixed."


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


@pytest.mark.parametrize(
    "mark", ["<command-name>", "<command-name>/x</command-name><command-args>"]
)
def test_marks_without_an_end_are_looked_for_once(mark: str) -> None:
    """A pattern would begin anew at each: sixty kilobytes of them took it seven seconds."""
    began = time.process_time()
    (sent,) = session("claude-code", person(mark * 20_000), agent(call(1)))
    assert time.process_time() - began < 2
    assert sent.instruction.startswith(("<command-name>", "/x"))
