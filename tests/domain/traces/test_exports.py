"""Exports of other tools: what is read of them, and that no row spoils the others."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.deployment import NotATrajectory, read
from practice.domain.traces.bodies import MOST_VALUES, BodyTooLarge, BrokenBody, lines, unpacked
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


def dumped(kind: str, **kwargs: Any) -> dict[str, Any]:
    """A message as LangChain dumps its objects."""
    path = ["langchain", "schema", "messages", kind]
    return {"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}


ASKED = {"type": "human", "content": "Refund order 7."}
CALLED = {
    "type": "ai",
    "content": "",
    "tool_calls": [{"name": "create_refund", "args": {"order_id": "7"}, "id": "c"}],
}
FAILED = {"type": "tool", "content": "NOT_VERIFIED", "tool_call_id": "c", "status": "error"}
TALK = [ASKED, CALLED, FAILED, {"type": "ai", "content": "Done."}]
DUMPED = [
    dumped("HumanMessage", content="Refund order 7."),
    dumped("AIMessage", content="", tool_calls=CALLED["tool_calls"]),
    dumped("ToolMessage", content="NOT_VERIFIED", tool_call_id="c"),
    dumped("AIMessageChunk", content="Done."),
]


@pytest.mark.parametrize("talk", [TALK, DUMPED])
def test_it_reads_a_langgraph_run(talk: list[Any]) -> None:
    """The root's output is the whole conversation, which begins with the question."""
    runs = [
        {**RUNS[0], "inputs": {"messages": talk[:1]}, "outputs": {"messages": talk}},
        {
            **RUNS[0],
            "id": "2" * 36,
            "run_type": "llm",
            "dotted_order": f"{RUNS[0]['dotted_order']}.20261125T100000000000Z{'2' * 36}",
            "inputs": {"messages": [talk[:1]]},
            "outputs": {"generations": [[{"text": "", "message": talk[1]}]]},
        },
        {
            **RUNS[1],
            "inputs": {"input": "{'order_id': '7'}"},
            "outputs": {"output": FAILED},
            "error": None,
        },
    ]
    (entry,) = export("langsmith", jsonl(*runs))
    sent = read(entry)
    (step,) = sent.steps
    assert (sent.instruction, sent.answer) == ("Refund order 7.", "Done.")
    assert (step["arguments"], step["observation"]) == ({"order_id": "7"}, "NOT_VERIFIED")
    assert (step["is_error"], step["thought"]) == (True, "")


def by_command_line(run: dict[str, Any]) -> dict[str, Any]:
    """A run as ``langsmith trace export --full`` writes it."""
    order = run["dotted_order"].split(".")
    parent = order[-2][-36:] if len(order) > 1 else None
    return {"run_id": run["id"], "parent_run_id": parent} | {
        name: value for name, value in run.items() if name not in {"id", "dotted_order"}
    }


ANSWERS_TOO = {**RUNS[1], "error": None, "outputs": {"output": "paid"}}
NESTED = {**RUNS[0], "child_runs": [ANSWERS_TOO]}


@pytest.mark.parametrize(
    "body",
    [
        jsonl(*(by_command_line(run) for run in (ANSWERS_TOO, RUNS[0]))),
        json.dumps([{"trace_id": "t1", "run_count": 2,
                     "runs": [by_command_line(run) for run in (ANSWERS_TOO, RUNS[0])]}]).encode(),
        jsonl(NESTED),
    ],
    ids=["trace export", "trace list --show-hierarchy", "child runs"],
)  # fmt: skip
def test_it_reads_what_langsmiths_own_programs_write(body: bytes) -> None:
    """The answer is the root's: without ids a tool passed for it."""
    (entry,) = export("langsmith", body)
    sent = read(entry)
    assert (sent.external_id, sent.instruction, sent.answer) == ("t1", "Refund order 7.", "Done.")
    assert [(step["tool"], step["observation"]) for step in sent.steps] == [
        ("create_refund", "paid")
    ]


def test_a_trace_of_no_runs_teaches_nothing() -> None:
    (refusal,) = export("langsmith", json.dumps([{"trace_id": "t1", "runs": []}]).encode())
    assert str(refusal).startswith("t1: The trace has no tool call.")


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


@pytest.mark.parametrize(
    ("form", "rows", "count"),
    [("claude-code", CLAUDE[1:], 1), ("codex", CODEX[2:], 1), ("jsonl", [{"id": "a"}], 1),
     ("langsmith", RUNS, 1)],
)  # fmt: skip
def test_the_mark_that_windows_puts_in_front_is_no_part_of_a_line(
    form: str, rows: list[Any], count: int
) -> None:
    found = export(form, b"\xef\xbb\xbf" + jsonl(*rows))
    assert not [one for one in found if isinstance(one, NotATrajectory)]
    assert len(found) == count


def test_it_reads_the_choices_of_a_wrapped_openai_client() -> None:
    arguments = '{"order_id": "7"}'
    call = {"id": "c", "function": {"name": "create_refund", "arguments": arguments}}
    run = {
        "id": "a",
        "trace_id": "t1",
        "run_type": "llm",
        "inputs": {
            "messages": [
                {"role": "user", "content": "Refund order 7."},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "c", "content": "NOT_VERIFIED"},
            ]
        },
        "outputs": {"choices": [{"message": {"role": "assistant", "content": "Done."}}]},
    }
    (entry,) = export("langsmith", jsonl(run))
    sent = read(entry)
    assert (sent.instruction, sent.answer) == ("Refund order 7.", "Done.")
    assert [(s["tool"], s["observation"]) for s in sent.steps] == [
        ("create_refund", "NOT_VERIFIED")
    ]


@pytest.mark.parametrize(
    "written", ["{'a': 1", "{'a': object()}", "{1, 2}", "{" * 5_000, "{'a': b'x'}", "{'a': 1+1}"]
)
def test_arguments_that_python_would_not_read_stay_a_text(written: str) -> None:
    (entry,) = export("langsmith", jsonl(RUNS[0], {**RUNS[1], "inputs": {"input": written}}))
    assert entry["steps"][0]["arguments"] == {"input": written}


@pytest.mark.parametrize(("form", "named"), [("langfuse", "traceId"), ("langsmith", "trace_id")])
def test_a_refused_row_is_named_by_its_place_in_the_file(form: str, named: str) -> None:
    rows = OBSERVATIONS if form == "langfuse" else RUNS
    body = jsonl(rows[0]) + b"{cut\n" + jsonl({"trace_id": {"a": 1}}, *rows[1:], 5)
    refused = [str(one) for one in export(form, body) if isinstance(one, NotATrajectory)]
    last = 3 + len(rows)
    assert refused == [
        "Line 2 is not JSON.",
        f"Row 3 has no {named}.",
        f"Row {last} has no {named}.",
    ]


def test_a_langfuse_trace_without_an_id_is_named_by_its_place() -> None:
    (_, refusal) = export(
        "langfuse", jsonl({"id": "t1", "observations": OBSERVATIONS}, {"observations": []})
    )
    assert str(refusal) == "The trace in row 2 has no id."


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


@pytest.mark.parametrize("form", FORMATS)
def test_an_export_of_very_many_values_is_not_even_read(form: str) -> None:
    with pytest.raises(BodyTooLarge, match=f"more than {MOST_VALUES} values"):
        export(form, b"[" + b"{}," * (MOST_VALUES // 2) + b"{}]", piece=2**20)


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
        "tool_calls",
        "function",
        "choices",
        "generations",
        "stringValue",
        "level",
        "statusMessage",
        "messages",
        "tool_use_id",
        "data",
        "text",
        "runs",
        "child_runs",
        "run_id",
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
