"""Exports of other tools: what is read of them, and that no row spoils the others."""

from __future__ import annotations

import gzip
import json
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.deployment import NotATrajectory, read
from practice.domain.traces.bodies import MOST_VALUES, BodyTooLarge
from practice.domain.traces.exports import FORMATS, NotAnExport, read_export
from tests.domain.traces.exports import CLAUDE, CODEX, OBSERVATIONS, RUNS, TALK, export, jsonl


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
        ("messages", jsonl(TALK), "t1"),
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


def test_a_broken_line_is_one_refusal() -> None:
    body = jsonl(CODEX[0]) + b'{"type": \n' + jsonl(*CODEX[2:]) + b'{"cut'
    refused = [str(one) for one in export("codex", body) if isinstance(one, NotATrajectory)]
    assert refused == ["Line 2 is not JSON.", "Line 8 is not JSON."]


@pytest.mark.parametrize(
    ("form", "rows", "said"),
    [
        ("claude-code", CODEX, "not a session of Claude Code.* have the fields type, payload"),
        ("claude-code", [{"role": "user", "content": "x"}], "those here have the fields role, con"),
        ("claude-code", [[1], "x"], "those here are not objects"),
        ("claude-code", [{}], "those here are not objects"),
        ("claude-code", CLAUDE[:1] + CLAUDE[2:5], "Nobody asks anything"),
        ("claude-code", [CLAUDE[1], CLAUDE[4], CLAUDE[5]], r"No question of this session \(2\)"),
        ("codex", CLAUDE, "not a session of Codex.* have the fields type, summary, sessionId"),
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


@pytest.mark.parametrize(
    ("form", "rows", "said"),
    [
        ("langfuse", RUNS, "not an export of Langfuse.* have the fields id, trace_id, run_type"),
        ("langsmith", OBSERVATIONS, "not an export of LangSmith.* the fields id, traceId, type"),
        ("langsmith", CLAUDE, "not an export of LangSmith.* have the fields type, summary"),
        ("langfuse", [1, "x"], "those here are not objects"),
    ],
)
def test_an_export_of_another_tool_is_one_refusal_that_says_so(
    form: str, rows: list[Any], said: str
) -> None:
    broken, refusal = export(form, b"{cut\n" + jsonl(*rows))
    assert str(broken) == "Line 1 is not JSON."
    assert re.search(said, str(refusal))


@pytest.mark.parametrize(("form", "rows"), [("langfuse", OBSERVATIONS), ("langsmith", RUNS)])
def test_a_refused_trace_says_its_id_and_where_its_first_row_is(form: str, rows: Any) -> None:
    lone = {**rows[0], "traceId": "lone", "trace_id": "lone"}
    found = export(form, jsonl(*rows, 5, lone))
    refused = [(one.place, one.id) for one in found if isinstance(one, NotATrajectory)]
    assert refused == [(len(rows), ""), (len(rows) + 1, "lone")]


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


@pytest.mark.parametrize(("form", "rows"), [("langfuse", OBSERVATIONS), ("langsmith", RUNS)])
def test_a_row_that_is_there_twice_is_one(form: str, rows: list[Any]) -> None:
    """Exports that are written in parts, or page by page, have some twice."""
    (once,) = (read(one) for one in export(form, jsonl(*rows)))
    (twice,) = (read(one) for one in export(form, jsonl(*rows, *rows)))
    assert twice == once


@pytest.mark.parametrize("form", FORMATS)
def test_blank_lines_count_where_something_stands(form: str) -> None:
    rows = {
        "jsonl": [{"id": "a"}],
        "messages": [TALK],
        "langfuse": OBSERVATIONS,
        "langsmith": RUNS,
        "claude-code": CLAUDE,
        "codex": CODEX,
    }
    body = b"\n \n" + jsonl(*rows[form]) + b"\n{cut\n"
    found = export(form, body)
    cut = next(one for one in found if isinstance(one, NotATrajectory))
    assert cut.place == 3 + len(rows[form])
    if form in {"jsonl", "messages", "langfuse", "langsmith"}:
        assert next(one for one in found if not isinstance(one, NotATrajectory)).place == 2


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("body", "said"),
    [
        (gzip.compress(b"{}"), "is gzip. Say so with Content-Encoding"),
        (b"PK\x03\x04\x14", "is a zip archive. Unpack it"),
        (b"\x28\xb5\x2f\xfd\x04", "is zstd, as Codex packs older sessions"),
        ("{}".encode("utf-16"), "is UTF-16, as Windows writes it. Save it as UTF-8"),
        ("\ufeff{}".encode("utf-16-be"), "is UTF-16. Save it as UTF-8"),
        (b"\n<!doctype html>", "is HTML or XML"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
    ],
)
def test_a_body_that_is_sent_by_mistake_says_what_to_do(form: str, body: bytes, said: str) -> None:
    with pytest.raises(NotAnExport, match=said):
        list(read_export(form, iter([body])))


def test_a_list_is_no_line() -> None:
    (told,) = read_export("jsonl", iter([b"[{}]"]))
    assert str(told).endswith("Write each trajectory on a line of its own.")
