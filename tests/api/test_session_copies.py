"""Sessions are copied when they are resumed: what was learned of one is not learned again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from practice.models import SentTrajectory
from tests.factories import EnvironmentFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/trajectories/import?format="
FIX, DOCS = ("Fix the test.", ("a", "b")), ("Now the docs.", ("c",))
Question = tuple[str, tuple[str, ...]]


def lasting(call: str) -> str:
    return f"toolu_01{call * 8}{'7' * 8}"


def claude(
    session: str, *questions: Question, called: Callable[[str], str] = lasting
) -> list[dict[str, Any]]:
    """A session of Claude Code; its lines are named after it, as a copy names them anew."""
    rows: list[dict[str, Any]] = []

    def line(kind: str, *parts: dict[str, Any]) -> None:
        message = {"role": kind, "content": list(parts)}
        rows.append(
            {
                "type": kind,
                "sessionId": session,
                "uuid": f"{session}-{len(rows)}",
                "message": message,
            }
        )

    for words, calls in questions:
        line("user", {"type": "text", "text": words})
        for call in calls:
            name = called(call)
            line("assistant", {"type": "tool_use", "id": name, "name": call, "input": {"n": call}})
            line("user", {"type": "tool_result", "tool_use_id": name, "content": f"{call} ran"})
    return rows


@pytest.fixture
def send(workspace: Any, with_key: Any) -> Callable[..., Any]:
    PlaybookFactory(workspace=workspace)
    EnvironmentFactory(workspace=workspace)
    client = with_key("trajectories:write")

    def send(*rows: Any, form: str = "claude-code") -> Any:
        body = "\n".join(map(json.dumps, rows))
        answer = client.post(URL + form, body, content_type="application/x-ndjson")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return send


def stored() -> list[tuple[str, int]]:
    rows = SentTrajectory.objects.order_by("pk").values_list("external_id", "steps")
    return [(name, len(steps)) for name, steps in rows]


def test_a_resumed_session_adds_what_is_new_and_says_what_it_repeats(send: Any) -> None:
    send(*claude("first", FIX))
    said = send(*claude("second", FIX, DOCS))
    assert (said["accepted"], said["known"], said["refused"]) == (1, 1, [])
    assert said["remarks"] == [
        {
            "place": 0,
            "id": "second:second-0",
            "message": "It repeats what was sent before as first:first-0. It was not stored again.",
        }
    ]
    assert stored() == [("first:first-0", 2), ("second:second-5", 1)]


def test_a_file_that_repeats_itself_is_learned_once(send: Any) -> None:
    """Fed line by line, Claude Code wrote all that was said before each question down again."""
    rows = [*claude("first", FIX), *claude("first", FIX, DOCS)]
    for number, row in enumerate(rows):
        row["uuid"] = f"u{number}"
    said = send(*rows)
    assert (said["accepted"], said["known"]) == (2, 1)
    assert stored() == [("first:u0", 2), ("first:u10", 1)]


def test_a_copy_of_its_beginning_is_known(send: Any) -> None:
    send(*claude("first", FIX))
    said = send(*claude("cut", ("Fix the test.", ("a",))))
    assert (said["accepted"], said["known"], len(said["remarks"])) == (0, 1, 1)


@pytest.mark.parametrize("further", [("a", "b", "d"), ("a", "d")])
def test_what_was_gone_on_with_in_a_copy_is_its_own(send: Any, further: tuple[str, ...]) -> None:
    send(*claude("first", FIX))
    said = send(*claude("branch", ("Fix the test.", further)))
    assert (said["accepted"], said["remarks"]) == (1, [])
    assert stored()[1] == ("branch:branch-0", len(further))


def test_a_session_that_was_sent_before_its_end_says_what_is_not_taken(send: Any) -> None:
    send(*claude("first", FIX))
    assert send(*claude("first", FIX))["remarks"] == []
    said = send(*claude("first", ("Fix the test.", ("a", "b", "d"))))
    assert (said["accepted"], said["known"]) == (0, 1)
    assert "when it had 2 steps" in said["remarks"][0]["message"]


def test_steps_that_were_dropped_to_keep_little_are_known_still(send: Any) -> None:
    send(*claude("first", FIX))
    SentTrajectory.objects.update(steps=[])
    assert send(*claude("first", FIX))["remarks"] == []
    said = send(*claude("second", FIX))
    assert (said["accepted"], said["known"], len(said["remarks"])) == (0, 1, 1)


def test_calls_that_are_only_numbered_tell_no_copy(send: Any) -> None:
    """The same question with the same calls may be asked on two days."""
    for session in ("monday", "tuesday"):
        said = send(*claude(session, FIX, called=lambda call: f"functions.{call}:0"))
        assert (said["accepted"], said["remarks"]) == (1, [])


def test_a_copy_for_another_playbook_is_learned_there(
    send: Any, workspace: Any, with_key: Any
) -> None:
    send(*claude("first", FIX))
    PlaybookFactory(workspace=workspace, slug="other")
    body = "\n".join(map(json.dumps, claude("second", FIX)))
    url = f"{URL}claude-code&playbook=other"
    answer = with_key("trajectories:write").post(url, body, content_type="application/x-ndjson")
    assert answer.json()["accepted"] == 1


def test_a_session_of_codex_that_was_copied_is_known_too(send: Any) -> None:
    def codex(session: str) -> list[dict[str, Any]]:
        asked = {"type": "message", "role": "user", "content": [{"text": "Make it pass."}]}
        asked["content"][0]["type"] = "input_text"  # type: ignore[index]
        name = "call_f5kW0OhxJ3EyBMr2FDmwQAZc"
        ran = {"type": "function_call", "call_id": name, "name": "shell", "arguments": "{}"}
        heard = {"type": "function_call_output", "call_id": name, "output": "ok"}
        items = [{"type": "response_item", "payload": one} for one in (asked, ran, heard)]
        return [{"type": "session_meta", "payload": {"id": session}}, *items]

    send(*codex("first"), form="codex")
    said = send(*codex("second"), form="codex")
    assert (said["accepted"], said["known"]) == (0, 1)
    assert "as first:1" in said["remarks"][0]["message"]
