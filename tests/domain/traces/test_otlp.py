"""Reading OTLP requests: both encodings say the same, and nothing breaks them."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memoryapp.domain.masking import may_hold_secret, redact
from practice.domain.traces.bodies import MOST_VALUES, BodyTooLarge
from practice.domain.traces.otlp import (
    MOST_OF_A_SPAN,
    MOST_PARTS,
    NotOtlp,
    from_json,
    from_protobuf,
)
from practice.domain.traces.spans import (
    MAX_CUT,
    MAX_NS,
    MAX_SPAN,
    MAX_TEXT,
    shrunk,
    stored_attributes,
)
from tests.domain.traces.otlp import TRACE, as_json, protobuf, refund, span

values = st.recursive(
    st.text(max_size=20) | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def test_an_empty_export_holds_no_spans() -> None:
    for found in (from_json(b"{}"), from_protobuf(b"")):
        assert (found.spans, found.rejected) == ([], {})


@given(st.dictionaries(st.text(max_size=8).map("gen_ai.".__add__), values, max_size=4))
def test_it_reads_the_same_from_both_encodings(attributes: dict[str, Any]) -> None:
    spans = [span(1, "chat", attributes, events=[("gen_ai.choice", {"message": "hi"})])]
    assert from_protobuf(protobuf(spans)).spans == from_json(as_json(spans)).spans


@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    for read in (from_protobuf, from_json):
        with suppress(NotOtlp):
            read(body)


def field(number: int, body: bytes) -> bytes:
    """A message as one field of another, by protobuf's wire format."""
    length, size = bytearray(), len(body)
    while size >= 128:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + body


def in_span(body: bytes) -> bytes:
    ids = field(1, b"t" * 16) + field(2, b"s" * 8)
    return field(1, field(2, field(2, ids + body)))


MANY = MOST_PARTS + 1


@pytest.mark.parametrize(
    "body",
    [
        field(1, b"") * MANY,
        field(1, field(2, b"") * MANY),
        field(1, field(2, field(2, b"") * MANY)),
        b"\x08\x00" * MANY,
    ],
    ids=["resources", "scopes", "spans", "unknown"],
)
def test_a_small_body_of_very_many_parts_is_refused(body: bytes) -> None:
    """A few kilobytes of gzip: as objects they would take a hundred times their bytes."""
    with pytest.raises(BodyTooLarge, match=f"more than {MOST_PARTS} parts"):
        from_protobuf(body)


@pytest.mark.parametrize(
    "inner", ["[{}]", '[{"scopeSpans":[{}]}]', '[{"scopeSpans":[{"spans":[{}]}]}]']
)
def test_json_of_very_many_parts_is_refused(inner: str) -> None:
    many = inner.replace("{}", ",".join(["{}"] * MANY)).encode()
    with pytest.raises(BodyTooLarge, match=f"more than {MOST_PARTS} parts"):
        from_json(b'{"resourceSpans":' + many + b"}")


def test_json_of_very_many_values_is_not_even_read() -> None:
    with pytest.raises(BodyTooLarge, match=f"more than {MOST_VALUES} values"):
        from_json(b'{"resourceSpans":[' + b"1," * MOST_VALUES + b"1]}")


@pytest.mark.parametrize("number", [9, 11], ids=["attributes", "events"])
def test_a_span_of_very_many_parts_is_rejected_alone(number: int) -> None:
    body = in_span(field(number, b"") * (MOST_OF_A_SPAN + 1)) + protobuf(refund())
    found = from_protobuf(body)
    assert (len(found.spans), sum(found.rejected.values())) == (len(refund()), 1)
    assert f"at most {MOST_OF_A_SPAN} attributes" in next(iter(found.rejected))


def test_it_passes_over_fields_it_does_not_know() -> None:
    unknown = b"\x28\x96\x01" + b"\x31" + b"8" * 8 + b"\x3d" + b"4" * 4 + field(8, b"later")
    body = unknown + protobuf(refund()) + field(1, unknown + field(2, unknown))
    assert from_protobuf(body).spans == from_protobuf(protobuf(refund())).spans


def test_a_body_that_is_cut_off_is_no_request() -> None:
    body = protobuf(refund())
    for end in range(1, len(body)):
        with pytest.raises(NotOtlp):
            from_protobuf(body[:end])


any_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "traceId",
                    "spanId",
                    "name",
                    "attributes",
                    "key",
                    "value",
                    "stringValue",
                    "intValue",
                    "arrayValue",
                    "values",
                    "status",
                    "code",
                    "events",
                    "startTimeUnixNano",
                    "resource",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(any_json)
def test_no_json_in_place_of_a_span_breaks_it(given_span: Any) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [given_span]}]}]}
    found = from_json(json.dumps(body))
    assert len(found.spans) + sum(found.rejected.values()) <= 1


def test_it_counts_spans_it_cannot_keep_and_takes_the_others() -> None:
    spans = [*refund(), span(9, "lost", {}, trace="0" * 32), span(9, "lost", {}, id="0" * 16)]
    for found in (from_protobuf(protobuf(spans)), from_json(as_json(spans))):
        assert len(found.spans) == 4
        assert found.rejected == {
            "A trace id has 16 bytes, not all zero.": 1,
            "A span id has 8 bytes, not all zero.": 1,
        }


def test_it_keeps_hex_ids_and_times_of_any_clock() -> None:
    ahead = span(1, "later", {}, start=2**64 - 1, end=0)
    for found in (from_protobuf(protobuf([ahead])), from_json(as_json([ahead]))):
        (one,) = found.spans
        assert (one.trace_id, one.span_id) == (TRACE, f"{1:016x}")
        assert (one.started, one.ended) == (MAX_NS, 0)


def test_it_keeps_only_what_says_something_of_the_agent() -> None:
    (one,) = from_protobuf(protobuf([span(1, "GET", {"http.url": "x", "tool.name": "t"})])).spans
    assert one.attributes == {"tool.name": "t"}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"resourceLogs": []}', b'{"resourceSpans": 1}', b"[" * 100_000]
)
def test_it_says_what_otlp_json_is(body: bytes) -> None:
    with pytest.raises(NotOtlp):
        from_json(body)


@given(st.dictionaries(st.text(max_size=8), values.filter(lambda v: not isinstance(v, bytes))))
def test_what_is_stored_is_json_without_what_postgres_refuses(attributes: Any) -> None:
    try:
        text = stored_attributes(attributes)
    except TypeError:  # bytes inside: otlp turns them into base64 before
        return
    assert "\\u0000" not in text
    text.encode()


def test_what_is_stored_is_bounded_and_masked() -> None:
    many = {f"gen_ai.{n}": "x" * 40_000 for n in range(50)}
    assert len(stored_attributes(many)) <= MAX_SPAN
    secret = stored_attributes({"input.value": '{"api_key": "sk-live-0123456789abcdef"}'})
    assert "0123456789abcdef" not in secret


def long_talk(count: int, size: int) -> str:
    talk = [{"role": "system", "content": "You are a desk."}]
    talk += [{"role": "user", "content": f"Question {n}. " + "x" * size} for n in range(count)]
    return json.dumps([*talk, {"role": "user", "content": "Refund order 7."}])


@pytest.mark.parametrize(("count", "size"), [(1, 60_000), (30, 3_000), (2_000, 100), (9, 20_000)])
def test_a_conversation_that_is_longer_than_is_kept_is_still_one(count: int, size: int) -> None:
    """It was cut in the middle of a word, and its JSON passed for what was asked."""
    told = {"gen_ai.input.messages": long_talk(count, size)}
    for found in (
        from_protobuf(protobuf([span(1, "chat", told)])),
        from_json(as_json([span(1, "chat", told)])),
    ):
        kept = found.spans[0].attributes["gen_ai.input.messages"]
        assert len(kept) <= MAX_TEXT
        talk = json.loads(kept)
        assert talk[0]["content"] == "You are a desk."
        assert talk[1]["content"].startswith("Question 0.")
        assert talk[-1]["content"] == "Refund order 7."


@pytest.mark.parametrize(
    "text",
    [
        "x" * 50_000,
        "[" * 50_000,
        "{" + "x" * 50_000,
        json.dumps(list(range(50_000))),
        json.dumps({str(n): n for n in range(20_000)}),
        json.dumps(["y" * 50_000] * 3),
        json.dumps([["z" * 300] * 200] * 3),
        "[" + "1," * 1_500_000 + "1]",
    ],
    ids=range(8),
)
def test_any_long_text_is_cut_to_what_is_kept(text: str) -> None:
    assert 0 < len(shrunk(text, MAX_TEXT)) <= MAX_TEXT


def test_no_half_of_a_secret_is_left_where_a_text_is_cut() -> None:
    secret = "ghp_" + "a1B2" * 9
    for at in range(MAX_TEXT - len(secret), MAX_TEXT + 1, 5):
        filler = "x " * (at // 2)
        for text in (filler + secret + " y" * 30_000, json.dumps([filler + secret, "y" * 50_000])):
            assert "ghp_a" not in shrunk(text, MAX_TEXT)
    many = {f"gen_ai.{n}": "x " * 15_000 for n in range(50)}
    many["gen_ai.key"] = "x " * ((MAX_CUT - 10) // 2) + secret + " y" * 15_000
    assert "ghp_a" not in stored_attributes(many)


PARTS = [
    "password",
    "API_KEY",
    "secret-key",
    "access_token",
    "=",
    ": ",
    '"',
    "\\",
    "hunter2",
    "a b",
]
PARTS += [
    "Bearer ",
    "eyJabcdefgh.abcdefghij",
    "sk-12345678901234567890",
    "https://u:p1@h",
    "ſecret",
    "\n",
    "\t",
]
PARTS += [
    "AKIAABCDEFGHIJKLMNOP",
    "ghp_abcdefghijklmnopqrstuv",
    "gr_0A1b2c3d_xxxxxxxxxxxx",
    "İd_token",
]
PARTS += [
    "hf_abcdefghijklmnopqrstuvwxyz123456",
    "xoxb-1234567890",
    "authorization: basic abcdefghij",
]
PARTS += [
    "smtp_pass",
    "Pass",
    "pin",
    "otp_code",
    "4711",
    "credentials",
    "bob:hunter22",
    "Basic Ym9iOmh1bnRlcjIy",
    "cGFzc3dvcmQ9aHVudGVyMmh1bnRlcjI=",
    "%3D",
    "%22",
    "&quot;",
    "pass\\u0077ord",
    "p%61ss",
]


@example("İd_token=İd_token")
@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
def test_the_quick_look_never_misses_what_would_be_masked(text: str) -> None:
    from memoryapp.domain import masking as rules  # noqa: PLC0415

    masked = rules._redacted(text, named=True)
    if masked != text:
        assert may_hold_secret(text)
        once = json.dumps([text], ensure_ascii=False)
        assert may_hold_secret(once)
        assert may_hold_secret(json.dumps({"said": once}, ensure_ascii=False))
    assert redact(text) == masked
