"""Reading what a deployed agent sends."""

from __future__ import annotations

from typing import Any

import pytest

from practice.domain.deployment import MAX_STEPS, NotATrajectory, read
from practice.domain.types import OBSERVATION_CAP


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
    assert len(observation) == OBSERVATION_CAP
    assert "\x00" not in observation
    assert observation.encode()


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
