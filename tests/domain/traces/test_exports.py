"""Exports of other tools: what is read of them, and that no row spoils the others."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.deployment import NotATrajectory, read
from practice.domain.traces.bodies import BodyTooLarge, BrokenBody, lines, unpacked
from practice.domain.traces.exports import FORMATS, NotAnExport, read_export


def export(form: str, body: bytes, piece: int = 50) -> list[Any]:
    return list(read_export(form, (body[at : at + piece] for at in range(0, len(body), piece))))


def jsonl(*rows: Any) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows) + b"\n"


OBSERVATIONS: list[dict[str, Any]] = [
    {"id": "g", "traceId": "t1", "type": "GENERATION", "startTime": "2026-11-25T10:00:00Z",
     "input": [{"role": "user", "content": "Refund order 7."}], "output": "Done."},
    {"id": "s", "traceId": "t1", "type": "TOOL", "name": "create_refund", "level": "ERROR",
     "startTime": "2026-11-25T10:00:01Z", "endTime": "2026-11-25T10:00:02.5Z",
     "input": {"order_id": "7"}, "statusMessage": "NOT_VERIFIED", "parentObservationId": "g"},
]  # fmt: skip

RUNS: list[dict[str, Any]] = [
    {"id": "0" * 36, "trace_id": "t1", "run_type": "chain", "name": "agent",
     "inputs": {"input": "Refund order 7."}, "outputs": {"output": "Done."},
     "dotted_order": "20261125T100000000000Z" + "0" * 36},
    {"id": "1" * 36, "trace_id": "t1", "run_type": "tool", "name": "create_refund",
     "inputs": {"input": '{"order_id": "7"}'}, "error": "NOT_VERIFIED",
     "start_time": "2026-11-25T10:00:01", "end_time": "2026-11-25T10:00:02.500000",
     "dotted_order": f"20261125T100000000000Z{'0' * 36}.20261125T100001000000Z{'1' * 36}"},
]  # fmt: skip

CLAUDE: list[dict[str, Any]] = [
    {"type": "summary", "summary": "x"},
    {"type": "user", "sessionId": "s", "uuid": "u", "message": {"content": "Refund order 7."}},
    {"type": "assistant", "message": {"content": [
        {"type": "text", "text": "I refund it."},
        {"type": "tool_use", "id": "c", "name": "create_refund", "input": {"order_id": "7"}}]}},
    {"type": "user", "message": {"content": [
        {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": "NOT_VERIFIED"}]}},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "Done."}]}},
    {"type": "user", "sessionId": "s", "uuid": "v", "message": {"content": "Thanks."}},
]  # fmt: skip

CODEX: list[dict[str, Any]] = [
    {"type": "session_meta", "payload": {"id": "s"}},
    {"type": "response_item", "payload": {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "<environment_context>x</environment_context>"}]}},
    {"type": "response_item", "payload": {"type": "message", "role": "user", "content": [
        {"type": "input_text", "text": "Refund order 7."}]}},
    {"type": "event_msg", "payload": {"type": "user_message", "message": "Refund order 7."}},
    {"type": "response_item", "payload": {"type": "function_call", "name": "create_refund",
     "arguments": '{"order_id": "7"}', "call_id": "c"}},
    {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c",
     "output": '{"output": "NOT_VERIFIED", "metadata": {"exit_code": 1}}'}},
    {"type": "response_item", "payload": {"type": "message", "role": "assistant", "content": [
        {"type": "output_text", "text": "Done."}]}},
]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "body", "name"),
    [
        ("langfuse", jsonl(*OBSERVATIONS), "t1"),
        ("langfuse", json.dumps(OBSERVATIONS[::-1]).encode(), "t1"),
        (
            "langfuse",
            json.dumps({"data": [{"id": "t1", "observations": OBSERVATIONS}]}).encode(),
            "t1",
        ),
        ("langsmith", jsonl(*RUNS), "t1"),
        ("langsmith", json.dumps({"runs": RUNS[::-1]}, indent=1).encode(), "t1"),
        ("claude-code", jsonl(*CLAUDE), "s:u"),
        ("codex", jsonl(*CODEX), "s:1"),
    ],
)
def test_it_reads_the_same_trajectory_from_each(form: str, body: bytes, name: str) -> None:
    (entry,) = export(form, body)
    sent = read(entry)
    (step,) = sent.steps
    assert (sent.external_id, sent.instruction, sent.answer) == (name, "Refund order 7.", "Done.")
    assert (step["tool"], step["arguments"]) == ("create_refund", {"order_id": "7"})
    assert (step["observation"], step["is_error"]) == ("NOT_VERIFIED", True)


def test_it_reads_langfuse_tools_of_before_there_was_a_type_for_them() -> None:
    old = [dict(row, type="SPAN") if row["type"] == "TOOL" else row for row in OBSERVATIONS]
    (entry,) = export("langfuse", jsonl(*old))
    assert entry["steps"][0]["tool"] == "create_refund"


def test_a_broken_line_is_one_refusal() -> None:
    body = jsonl(CODEX[0]) + b'{"type": \n' + jsonl(*CODEX[2:]) + b'{"cut'
    refused = [str(one) for one in export("codex", body) if isinstance(one, NotATrajectory)]
    assert refused == ["Line 2 is not JSON.", "Line 8 is not JSON."]


def test_a_trace_that_teaches_nothing_names_itself() -> None:
    (refusal,) = export("langsmith", jsonl({"id": "a", "trace_id": "lost"}))
    assert str(refusal).startswith("lost: The trace has no tool call.")


@pytest.mark.parametrize(
    ("form", "rows", "said"),
    [
        ("claude-code", CODEX, "no session of Claude Code.* have the fields type, payload"),
        ("claude-code", [{"role": "user", "content": "x"}], "those here have the fields role, con"),
        ("claude-code", [[1], "x"], "those here are no objects"),
        ("claude-code", [{}], "those here are no objects"),
        ("claude-code", CLAUDE[:1] + CLAUDE[2:5], "Nobody asks anything"),
        ("claude-code", [CLAUDE[1], CLAUDE[4], CLAUDE[5]], r"No question of this session \(2\)"),
        ("codex", CLAUDE, "no session of Codex.* have the fields type, summary, sessionId"),
        ("codex", CODEX[:2], "Nobody asks anything"),
        ("codex", [CODEX[2], CODEX[6]], r"No question of this session \(1\)"),
        ("codex", [CODEX[2]["payload"], CODEX[6]["payload"]], r"No question of this session \(1"),
    ],
)
def test_a_session_that_yields_nothing_says_what_was_expected_and_found(
    form: str, rows: list[Any], said: str
) -> None:
    (refusal,) = export(form, jsonl(*rows))
    assert isinstance(refusal, NotATrajectory)
    assert re.search(said, str(refusal))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("body", [b"", b" \n "])
def test_it_refuses_an_empty_body(form: str, body: bytes) -> None:
    with pytest.raises(NotAnExport, match="is empty"):
        export(form, body)


@pytest.mark.parametrize("form", ["langfuse", "langsmith"])
@pytest.mark.parametrize("body", [b"[1, 2", b'{"data": 3}'])
def test_it_says_what_an_export_is(form: str, body: bytes) -> None:
    with pytest.raises(NotAnExport):
        export(form, body)


keys = st.sampled_from(
    [
        "id",
        "traceId",
        "trace_id",
        "type",
        "name",
        "input",
        "output",
        "observations",
        "startTime",
        "role",
        "message",
        "content",
        "payload",
        "run_type",
        "inputs",
        "outputs",
        "dotted_order",
        "call_id",
        "arguments",
        "scores",
        "kwargs",
        "messages",
        "tool_use_id",
        "data",
        "text",
    ]
)
leaves = st.sampled_from(
    ["TOOL", "tool", "user", "assistant", "tool_use", "function_call", "x", ""]
)
row = st.recursive(
    leaves | st.integers() | st.none() | st.booleans() | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("form", FORMATS)
@given(rows=st.lists(row, max_size=4))
def test_no_row_breaks_it(form: str, rows: list[Any]) -> None:
    with suppress(NotAnExport):
        for entry in export(form, jsonl(*rows)):
            with suppress(NotATrajectory):
                read(entry)


def reader(body: bytes) -> Any:
    rest = bytearray(body)

    def read(size: int) -> bytes:
        piece = bytes(rest[:size])
        del rest[:size]
        return piece

    return read


@given(st.lists(st.binary(max_size=300), max_size=3), st.integers(1, 64))
def test_it_unpacks_gzip_of_any_members(parts: list[bytes], piece: int) -> None:
    body = b"".join(map(gzip.compress, parts)) or gzip.compress(b"")
    found = unpacked(reader(body), encoding="gzip", limit=10_000, piece=piece)
    assert b"".join(found) == b"".join(parts)


def test_a_bomb_stops_at_the_limit() -> None:
    taken: list[bytes] = []
    bomb = gzip.compress(b"0" * 50_000_000)
    with pytest.raises(BodyTooLarge, match="more than 1000000 bytes"):
        taken.extend(unpacked(reader(bomb), encoding="gzip", limit=1_000_000))
    assert sum(map(len, taken)) <= 1_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (gzip.compress(b"x" * 5000, mtime=0)[:-9], "gzip", "cut off"),
        (b"plain", "gzip", "says it is gzip"),
        (b"", "gzip", "cut off"),
        (b"x", "br", "is not read here"),
    ],
)
def test_it_says_what_is_wrong_with_a_body(body: bytes, encoding: str, said: str) -> None:
    with pytest.raises(BrokenBody, match=said):
        list(unpacked(reader(body), encoding=encoding, limit=10_000))


def test_a_line_without_end_stops_at_its_limit() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100

    with pytest.raises(BodyTooLarge, match="One line"):
        list(lines(endless(), limit=1000))
