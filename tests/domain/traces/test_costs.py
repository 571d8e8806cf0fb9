"""What steps and trajectories cost, as the formats say it: in dollars, never guessed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from practice.domain.deployment import NotATrajectory, Sent, read
from practice.domain.remarks import Place, remark_on
from practice.domain.traces.counts import cost_of
from tests.domain.traces.exports import OBSERVATIONS, RUNS, export, jsonl
from tests.domain.traces.otlp import made, span
from tests.domain.traces.sessions import agent, call, person, result, session

HERE = Place("Help desk", frozenset())
OPERATION = "gen_ai.operation.name"


def costs(sent: Sent) -> tuple[list[str | None], Decimal | None]:
    """Of each step, and of all."""
    return [step.get("cost") for step in sent.steps], sent.cost


def said_of(sent: Sent) -> str:
    return remark_on(sent, datetime(2026, 12, 1, tzinfo=UTC), HERE)


def traced(*usages: Mapping[str, Any]) -> Sent:
    """A trace of as many calls of a model, with a tool call after each but the last."""
    spans = [span(1, "agent", {"greenroom.instruction": "Refund order 7."})]
    for number, usage in enumerate(usages):
        spans.append(span(2 + 2 * number, "chat", {OPERATION: "chat", **usage}, parent=1))
        if number < len(usages) - 1:
            named = {OPERATION: "execute_tool", "gen_ai.tool.name": "t"}
            spans.append(span(3 + 2 * number, "t", named, parent=1))
    return read(made(spans))


TOOK = {"gen_ai.usage.input_tokens": 90, "gen_ai.usage.output_tokens": 8}
SAID: list[dict[str, Any]] = [
    {"gen_ai.usage.cost": 0.0123},
    {"llm.cost.total": 0.0123, "llm.cost.prompt": 0.01},
    {"llm.cost.prompt": 0.0023, "llm.cost.completion": 0.01},
    {"operation.cost": 0.0123},
    {"langfuse.observation.cost_details": '{"input": 0.0023, "output": 0.01}'},
    {"langfuse.observation.cost_details": '{"input": 9, "total": 0.0123}'},
]


@pytest.mark.parametrize("said", SAID)
def test_a_traced_call_costs_what_its_span_says(said: dict[str, Any]) -> None:
    sent = traced({**TOOK, **said}, {**TOOK, **said})
    assert costs(sent) == (["0.012300"], Decimal("0.0246"))
    assert said_of(sent) == ""


def test_a_call_without_a_price_leaves_the_whole_unknown() -> None:
    sent = traced({**TOOK, "gen_ai.usage.cost": 0.5}, TOOK, {**TOOK, "gen_ai.usage.cost": 0.25})
    assert costs(sent) == (["0.500000", None], None)
    assert costs(traced(TOOK, TOOK)) == ([None], None)


def test_what_cost_nothing_is_said_to() -> None:
    free = {**TOOK, "gen_ai.usage.cost": 0}
    assert costs(traced(free, free)) == (["0.000000"], Decimal(0))


@pytest.mark.parametrize(
    "odd", ["free", -0.01, 1e9, True, [1], "1e400", "-1", "0x1", "\N{ARABIC-INDIC DIGIT ONE}"]
)
def test_what_is_no_sum_of_money_is_left_out_and_said(odd: Any) -> None:
    sent = traced({**TOOK, "gen_ai.usage.cost": odd}, {**TOOK, "gen_ai.usage.cost": 0.25})
    assert costs(sent) == ([None], None)
    assert said_of(sent) == (
        "One of its costs is no number of US dollars from 0 to 1,000, and left out."
    )


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_left_out(odd: float) -> None:
    assert costs(traced({**TOOK, "gen_ai.usage.cost": odd}, TOOK)) == ([None], None)
    generation, tool_row = OBSERVATIONS
    sent = of("langfuse", {**generation, "calculatedTotalCost": odd}, tool_row)
    assert costs(sent) == ([None], None)
    assert said_of(sent).startswith("One of its costs is no number")


def of(form: str, *rows: Any) -> Sent:
    (entry,) = export(form, jsonl(*rows))
    return read(entry)


@pytest.mark.parametrize(
    "said",
    [
        {"calculatedTotalCost": 0.0123, "calculatedInputCost": 0.01},
        {"totalCost": "0.0123"},
        {"total_cost": 0.0123, "cost_details": {"input": 4}},
        {"costDetails": {"input": 0.0023, "output": 0.01}},
        {"cost_details": {"input": "0.0023", "output": "0.01", "total": "0.0123"}},
        {"calculatedTotalCost": None, "costDetails": {"total": 0.0123}},
    ],
)
def test_langfuse_says_what_a_generation_cost(said: dict[str, Any]) -> None:
    generation, tool_row = OBSERVATIONS
    rows = {**generation, "usageDetails": {"input": 9}, **said}, tool_row
    assert costs(of("langfuse", *rows)) == (["0.012300"], Decimal("0.0123"))


@pytest.mark.parametrize(("whole", "kept"), [(0.5, "0.5"), (0, "0.0123"), (None, "0.0123")])
def test_langfuse_says_what_the_trace_cost(whole: Any, kept: str) -> None:
    """Of a trace without prices it says 0."""
    generation, tool_row = OBSERVATIONS
    rows = [{**generation, "calculatedTotalCost": 0.0123}, tool_row]
    sent = of("langfuse", {"id": "t1", "totalCost": whole, "observations": rows})
    assert costs(sent) == (["0.012300"], Decimal(kept))
    bare = of("langfuse", {"id": "t1", "totalCost": 0, "observations": [*OBSERVATIONS]})
    assert costs(bare) == ([None], None)


MODEL = {
    "id": "2" * 36,
    "trace_id": "t1",
    "run_type": "llm",
    "start_time": "2026-11-25T10:00:00.250000",
    "parent_run_id": "0" * 36,
    "prompt_tokens": 90,
}


@pytest.mark.parametrize(
    "said",
    [
        {"total_cost": "0.0123", "prompt_cost": "0.01"},
        {"prompt_cost": "0.0023", "completion_cost": 0.01},
        {"outputs": {"usage_metadata": {"total_cost": 0.0123}}},
        {"outputs": {"usage_metadata": {"input_cost": 0.0023, "output_cost": 0.01}}},
    ],
)
def test_langsmith_says_what_a_model_cost(said: dict[str, Any]) -> None:
    chain, tool_run = RUNS
    first = {**chain, "start_time": "2026-11-25T10:00:00"}
    sent = of("langsmith", first, {**MODEL, **said}, tool_run)
    assert costs(sent) == (["0.012300"], Decimal("0.0123"))
    # The sum over what is under it stands at the run above all others.
    whole = of("langsmith", {**first, "total_cost": "0.75"}, {**MODEL, **said}, tool_run)
    assert costs(whole) == (["0.012300"], Decimal("0.75"))


@pytest.mark.parametrize(
    "said",
    [
        {"usage": {"prompt_tokens": 90, "completion_tokens": 8, "cost": 0.0123}},
        {
            "response_metadata": {"token_usage": {"cost": 0.0123}},
            "usage_metadata": {"input_tokens": 90, "output_tokens": 8},
        },
    ],
)
def test_openrouter_says_what_a_reply_cost(said: dict[str, Any]) -> None:
    asked = {"role": "assistant", "content": "", "tool_calls": [{"id": "c", "name": "t"}], **said}
    talk = [{"role": "user", "content": "Refund order 7."}, asked]
    sent = of("messages", {"id": "t", "messages": talk})
    assert costs(sent) == (["0.012300"], Decimal("0.0123"))
    assert (sent.steps[0]["input_tokens"], sent.steps[0]["output_tokens"]) == (90, 8)


def test_a_conversation_that_cost_more_is_the_same() -> None:
    def talk(cost: float) -> dict[str, Any]:
        usage = {"usage": {"cost": cost}}
        reply = {"role": "assistant", "tool_calls": [{"id": "c", "name": "t"}], **usage}
        return {"messages": [{"role": "user", "content": "Refund order 7."}, reply]}

    assert of("messages", talk(0.1)).external_id == of("messages", talk(0.2)).external_id


def spoken(number: int, cost: Any, *parts: Any) -> dict[str, Any]:
    row = agent(*parts, costUSD=cost)
    usage = {"input_tokens": 90, "output_tokens": 8}
    return {**row, "message": {**row["message"], "id": f"m{number}", "usage": usage}}


def test_claude_code_says_what_a_reply_cost() -> None:
    (sent,) = session(
        "claude-code",
        person("Fix it."),
        spoken(1, 0.01, call(1)),
        spoken(1, 0.0123, call(2)),  # of the same reply
        person([result(1), result(2)]),
        spoken(2, 0.5, {"type": "text", "text": "Fixed."}),
    )
    assert costs(sent) == (["0.012300", None], Decimal("0.5123"))


NATIVE = {"id": "t", "instruction": "Refund order 7."}


def native(step: Any, **more: Any) -> Sent:
    return read({**NATIVE, "steps": [{"tool": "t", "cost": step}, {"tool": "t"}], **more})


def test_a_native_trajectory_says_it_itself() -> None:
    assert costs(native(0.0123, cost=0.5)) == (["0.012300", None], Decimal("0.5"))
    assert costs(native(1e-7)) == (["0.000000", None], None)
    assert costs(native(None, cost=None)) == ([None, None], None)
    assert json.loads(json.dumps(native(0).steps[0]))["cost"] == "0.000000"


@pytest.mark.parametrize(
    "odd", ["0.01", -1, 1_001, True, [1], float("nan"), float("-inf"), json.loads("1e400")]
)
def test_a_cost_that_is_none_is_named(odd: Any) -> None:
    with pytest.raises(NotATrajectory, match="cost of step 1 is a number of US dollars, from 0 to"):
        native(odd)
    whole = 500_001 if odd == 1_001 else odd
    with pytest.raises(NotATrajectory, match=r"^cost is a number of US dollars, from 0 to 500,000"):
        native(1, cost=whole)


def test_no_number_is_too_long_to_be_refused() -> None:
    assert [cost_of(huge) for huge in (10**5000, "9" * 5000, 2**63, -(10**400))] == [None] * 4


def nested(parents: Sequence[int | None]) -> list[int | None]:
    steps = [{"tool": "t", "parent": parent} for parent in parents]
    return [step.get("parent") for step in read({**NATIVE, "steps": steps}).steps]


def test_a_step_may_be_inside_of_an_earlier_one() -> None:
    assert nested([None, 1, 2, 1, None]) == [None, 1, 2, 1, None]
    for odd in (0, 2, 3, -1, "1", True, 1.0):
        with pytest.raises(NotATrajectory, match="parent of step 2 is the number of the step that"):
            nested([None, odd])  # type: ignore[list-item]


def tool(number: int, parent: int, name: str = "") -> dict[str, Any]:
    named = {OPERATION: "execute_tool", "gen_ai.tool.name": name or f"t{number}"}
    return span(number, "t", named, parent=parent)


def inside(*spans: dict[str, Any]) -> list[int | None]:
    top = span(1, "agent", {"greenroom.instruction": "Refund order 7."})
    return [step.get("parent") for step in read(made([top, *spans])).steps]


def test_a_traced_call_is_inside_of_the_nearest_one_above_it() -> None:
    between = span(3, "chat", {OPERATION: "chat"}, parent=2)
    assert inside(tool(2, 1), between, tool(4, 3), tool(5, 4), tool(6, 1)) == [None, 1, 2, None]


def test_parents_in_a_circle_and_clocks_that_lie_put_no_step_inside_of_a_later_one() -> None:
    assert inside(tool(2, 3), tool(3, 2), tool(4, 4)) == [None, 1, None]
    assert inside(tool(2, 9), tool(9, 1)) == [None, None]
    chain = [tool(number, number - 1) for number in range(2, 400)]
    assert inside(*chain)[-1] == 397


def test_a_call_that_is_seen_twice_holds_what_is_below_either() -> None:
    assert inside(tool(2, 1, "ask"), tool(3, 2, "ask"), tool(4, 3)) == [None, 1]
