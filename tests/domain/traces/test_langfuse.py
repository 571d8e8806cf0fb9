"""Exports of Langfuse: observations by themselves, and whole traces with their scores."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from practice.domain.deployment import read
from tests.domain.traces.exports import OBSERVATIONS, export, jsonl


def test_it_reads_langfuse_tools_of_before_there_was_a_type_for_them() -> None:
    old = [dict(row, type="SPAN") if row["type"] == "TOOL" else row for row in OBSERVATIONS]
    (entry,) = export("langfuse", jsonl(*old))
    assert entry["steps"][0]["tool"] == "create_refund"


@pytest.mark.parametrize(
    ("score", "outcome"),
    [
        ({"value": 0, "stringValue": "success", "dataType": "CATEGORICAL"}, "success"),
        ({"value": 1, "stringValue": "failure", "dataType": "CATEGORICAL"}, "failure"),
        ({"value": None, "stringValue": "failure", "dataType": "CATEGORICAL"}, "failure"),
        ({"value": 1, "stringValue": "partly", "dataType": "CATEGORICAL"}, ""),
        ({"value": 1, "stringValue": "True", "dataType": "BOOLEAN"}, "success"),
        ({"value": 0, "stringValue": "False", "dataType": "BOOLEAN"}, "failure"),
        ({"value": "success"}, "success"),
        ({"value": 1.0}, "success"),
        ({"value": 0.5}, ""),
    ],
)
def test_it_takes_the_word_of_a_langfuse_score(score: dict[str, Any], outcome: str) -> None:
    trace = {"id": "t1", "observations": OBSERVATIONS, "scores": [{"name": "outcome", **score}]}
    (entry,) = export("langfuse", json.dumps(trace).encode())
    assert read(entry).outcome == outcome


def test_a_failed_langfuse_tool_says_why_though_its_output_is_null() -> None:
    rows = [dict(row, output=row.get("output")) for row in OBSERVATIONS]
    (entry,) = export("langfuse", jsonl(*rows))
    assert entry["steps"][0]["observation"] == "NOT_VERIFIED"


@pytest.mark.parametrize(
    "asked",
    [
        {"args": ["Refund order 7."], "kwargs": {}},
        {"args": [], "kwargs": {"message": "Refund order 7."}},
        {"args": [], "kwargs": {"customer": 3, "question": "Refund order 7."}},
        '{"args": [], "kwargs": {"messages": [{"role": "user", "content": "Refund order 7."}]}}',
    ],
)
def test_it_reads_how_a_python_function_was_called(asked: Any) -> None:
    """Langfuse's decorator writes down the arguments, and their JSON passed for the task."""
    rows = [
        {"id": "g", "traceId": "t1", "type": "AGENT", "startTime": "2026-11-25T10:00:00Z",
         "input": asked, "output": {"reply": "Done."}},
        {**OBSERVATIONS[1], "input": {"args": [], "kwargs": {"order_id": "7"}}},
    ]  # fmt: skip
    (entry,) = export("langfuse", jsonl(*rows))
    assert (entry["instruction"], entry["answer"]) == ("Refund order 7.", "Done.")
    assert entry["steps"][0]["arguments"] == {"order_id": "7"}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu"])
def test_a_time_without_a_zone_is_utc_wherever_the_server_is(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        rows = [
            dict(row, startTime=row["startTime"].replace("T", " ").replace("Z", ".000000"))
            for row in OBSERVATIONS
        ]
        rows[1].pop("endTime")
        (entry,) = export("langfuse", jsonl(*rows))
        assert entry["ended_at"] == "2026-11-25T10:00:01+00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_numbers_that_an_embedding_puts_out_are_neither_thought_nor_answer() -> None:
    vector = {
        "id": "e", "traceId": "t1", "type": "EMBEDDING", "parentObservationId": "g",
        "startTime": "2026-11-25T10:00:00.5Z", "input": "refund", "output": [0.5, 0.25],
    }  # fmt: skip
    rows = [dict(OBSERVATIONS[0], type="AGENT", output=None), vector, OBSERVATIONS[1]]
    (entry,) = export("langfuse", jsonl(*rows))
    assert (entry["steps"][0]["thought"], entry["answer"]) == ("", "")


def test_a_langfuse_trace_without_an_id_is_named_by_its_place() -> None:
    (_, refusal) = export(
        "langfuse", jsonl({"id": "t1", "observations": OBSERVATIONS}, {"observations": []})
    )
    assert str(refusal) == "The trace in row 2 has no id."
