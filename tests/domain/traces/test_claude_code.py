"""Sessions of Claude Code as they are written today, lines of the program included."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pytest

from practice.domain.deployment import read
from practice.domain.traces.exports import read_export
from tests.domain.traces.sessions import agent, call, person, result, session, text, written


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


@pytest.mark.parametrize(
    "mark", ["<command-name>", "<command-name>/x</command-name><command-args>"]
)
def test_marks_without_an_end_are_looked_for_once(mark: str) -> None:
    """A pattern would begin anew at each: sixty kilobytes of them took it seven seconds."""
    began = time.process_time()
    (sent,) = session("claude-code", person(mark * 20_000), agent(call(1)))
    assert time.process_time() - began < 2
    assert sent.instruction.startswith(("<command-name>", "/x"))


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
    assert [(step["tool"], step.get("parent")) for step in main.steps] == [
        ("Task", None),
        ("Grep", 1),
    ]


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
