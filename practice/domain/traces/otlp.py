"""OTLP trace requests, protobuf and JSON, as spans (opentelemetry-proto 1.45, trace.proto v1).

Ids in OTLP/JSON are hex while protobuf's own JSON form has base64, so JSON is read here by hand. A
span that cannot be kept is counted with its reason; the others are taken.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from practice.domain.traces.bodies import json_check
from practice.domain.traces.spans import (
    KEPT,
    MAX_DEPTH,
    MAX_NAME,
    MAX_NS,
    MAX_TEXT,
    NotASpan,
    Span,
    bounded,
    nanoseconds,
    shrunk,
)
from practice.domain.traces.wire import ITEMS, RESOURCES, SCOPES, Counted, messages

ERROR = 2
#: Resources, scopes and spans one request may hold, and the attributes and events of one span.
#: Empty ones take two bytes, so that a small body could hold tens of millions of them.
MOST_PARTS = 250_000
MOST_OF_A_SPAN = 10_000
MOST_SPAN_BYTES = 8 * 1024 * 1024
TOO_FULL = f"A span has at most {MOST_OF_A_SPAN} attributes and events, in {MOST_SPAN_BYTES} bytes."
#: field of a resource's own description.
RESOURCE_OF = 1
RESOURCE = "greenroom."
#: names of attributes whose answer is kept, whoever sends them.
NAMES_HELD = 4_096


class NotOtlp(ValueError):
    """The body is no OTLP trace request; the message says what it should be."""


@dataclass(slots=True)
class Decoded:
    """The spans of one request, and why others were rejected: reason to how many."""

    spans: list[Span] = field(default_factory=list)
    rejected: dict[str, int] = field(default_factory=dict)

    def reject(self, reason: str) -> None:
        self.rejected[reason] = self.rejected.get(reason, 0) + 1


def from_protobuf(body: bytes) -> Decoded:
    """Read an ``ExportTraceServiceRequest``.

    Raises:
        NotOtlp: the bytes are no such message.
        BodyTooLarge: more than ``MOST_PARTS`` in it.
    """
    try:
        return _from_protobuf(body)
    except (DecodeError, RecursionError, IndexError) as error:
        raise NotOtlp(
            "The body is not an OTLP ExportTraceServiceRequest in protobuf. "
            "Send application/json for OTLP/JSON."
        ) from error


def _from_protobuf(body: bytes) -> Decoded:
    """Parse span by span: a whole request as objects may take a hundred times its bytes."""
    found, counted = Decoded(), Counted(MOST_PARTS)
    for resource in messages(body, RESOURCES, counted):
        shared: dict[str, Any] = {}
        for about in messages(resource, RESOURCE_OF, counted):
            shared |= _proto_attributes(Resource.FromString(about).attributes, _OF_A_RESOURCE)
        for scope in messages(resource, SCOPES, counted):
            for span in messages(scope, ITEMS, counted):
                _take(found, _proto_span, span, shared)
    return found


def from_json(body: bytes | str) -> Decoded:
    """Read the JSON form of the same request; ``{}`` is an empty one.

    Raises:
        NotOtlp: not JSON, or JSON of another shape.
        BodyTooLarge: more values or spans than are read.
    """
    json_check(body)
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NotOtlp("The body is not readable JSON.") from error
    if request == {}:
        return Decoded()
    if not isinstance(request, Mapping) or not isinstance(request.get("resourceSpans"), list):
        raise NotOtlp("OTLP/JSON must be an object whose resourceSpans is a list.")
    found, counted = Decoded(), Counted(MOST_PARTS)
    for resource in counted.each(_objects(request["resourceSpans"])):
        about = resource.get("resource")
        given = _objects(about.get("attributes") if isinstance(about, Mapping) else None)
        shared = _json_attributes(given, RESOURCE)
        scopes = resource.get("scopeSpans") or resource.get("instrumentationLibrarySpans")
        for scope in counted.each(_objects(scopes)):
            spans = scope.get("spans")
            for span in counted.each(spans if isinstance(spans, list) else []):
                _take(found, _json_span, span, shared)
    return found


def _take(
    found: Decoded, read: Callable[[Any, dict[str, Any]], Span], span: Any, shared: dict[str, Any]
) -> None:
    try:
        found.spans.append(read(span, shared))
    except NotASpan as refusal:
        found.reject(str(refusal))


def _proto_span(body: bytes, shared: dict[str, Any]) -> Span:
    if len(body) > MOST_SPAN_BYTES:
        raise NotASpan(TOO_FULL)
    span = ProtoSpan.FromString(body)
    if len(span.attributes) + len(span.events) > MOST_OF_A_SPAN:
        raise NotASpan(TOO_FULL)
    trace_id, span_id = span.trace_id, span.span_id
    if len(trace_id) != 16 or not any(trace_id):
        raise NotASpan("A trace id has 16 bytes, not all zero.")
    if len(span_id) != 8 or not any(span_id):
        raise NotASpan("A span id has 8 bytes, not all zero.")
    attributes = _proto_attributes(span.attributes, _OF_A_SPAN)
    if shared:
        attributes = shared | attributes
    failed = span.status.code == ERROR
    said = [(e.name, _proto_attributes(e.attributes, _OF_AN_EVENT)) for e in span.events]
    if said:
        _add_events(attributes, said)
    if failed:
        _add_reason(attributes, span.status.message, said)
    return Span(
        trace_id=trace_id.hex(),
        span_id=span_id.hex(),
        parent_id=span.parent_span_id.hex()[:16],
        name=span.name[:MAX_NAME],
        started=min(span.start_time_unix_nano, MAX_NS),
        ended=min(span.end_time_unix_nano, MAX_NS),
        failed=failed,
        attributes=attributes,
    )


def _json_span(span: Any, shared: dict[str, Any]) -> Span:
    if not isinstance(span, Mapping):
        raise NotASpan("A span is an object.")
    said_of, events = _objects(span.get("attributes")), _objects(span.get("events"))
    if len(said_of) + len(events) > MOST_OF_A_SPAN:
        raise NotASpan(TOO_FULL)
    attributes = {**shared, **_json_attributes(said_of, KEPT)}
    said = [
        (_text(e.get("name")), _json_attributes(_objects(e.get("attributes")), "")) for e in events
    ]
    _add_events(attributes, said)
    given = span.get("status")
    status = given if isinstance(given, Mapping) else {}
    failed = status.get("code") in (ERROR, "STATUS_CODE_ERROR")
    if failed:
        _add_reason(attributes, _text(status.get("message")), said)
    return Span(
        trace_id=_hex(span.get("traceId"), 32, "A trace id has 16 bytes, not all zero."),
        span_id=_hex(span.get("spanId"), 16, "A span id has 8 bytes, not all zero."),
        parent_id=_parent(span.get("parentSpanId")),
        name=_text(span.get("name"))[:MAX_NAME],
        started=nanoseconds(_integer(span.get("startTimeUnixNano"))),
        ended=nanoseconds(_integer(span.get("endTimeUnixNano"))),
        failed=failed,
        attributes=attributes,
    )


class _Beginnings(dict[str, bool]):
    """Whether names begin as is wanted; they come again in every span, so answers are kept."""

    def __init__(self, wanted: tuple[str, ...]) -> None:
        super().__init__()
        self._wanted = wanted

    def __missing__(self, name: str) -> bool:
        answer = name.startswith(self._wanted)
        if len(self) < NAMES_HELD and len(name) <= MAX_NAME:
            self[name] = answer
        return answer


_OF_A_SPAN, _OF_A_RESOURCE, _OF_AN_EVENT = map(_Beginnings, (KEPT, (RESOURCE,), ("",)))


def _proto_attributes(pairs: Iterable[Any], wanted: _Beginnings) -> dict[str, Any]:
    """The attributes whose names are ``wanted``. The hot loop of taking spans in."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name = pair.key
        if wanted[name]:
            value = pair.value
            # Most are texts that say something; the rest takes the longer way.
            said = value.string_value
            if not said:
                found[name] = _proto_value(value, 0)
            else:
                found[name] = said if len(said) <= MAX_TEXT else shrunk(said, MAX_TEXT)
    return found


def _json_attributes(
    pairs: Iterable[Mapping[str, Any]], wanted: str | tuple[str, ...]
) -> dict[str, Any]:
    named = ((_text(pair.get("key")), pair.get("value")) for pair in pairs)
    return {
        name: bounded(_json_value(value, 0)) for name, value in named if name.startswith(wanted)
    }


def _add_events(attributes: dict[str, Any], events: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Keep what older conventions wrote as events: the messages of a conversation."""
    kept = [{**said, "name": name} for name, said in events if name.startswith("gen_ai.")]
    if kept:
        attributes["events"] = kept


def _add_reason(
    attributes: dict[str, Any], status: str, events: Iterable[tuple[str, dict[str, Any]]]
) -> None:
    """Keep why a span failed: what its status says, else the exception it recorded."""
    raised = (said.get("exception.message") for name, said in events if name == "exception")
    why = status or next((one for one in raised if isinstance(one, str) and one), "")
    if why:
        attributes.setdefault("error.message", bounded(why))


def _proto_value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "array_value" and depth < MAX_DEPTH:
        return [_proto_value(one, depth + 1) for one in value.array_value.values]
    if kind == "kvlist_value" and depth < MAX_DEPTH:
        return {p.key: _proto_value(p.value, depth + 1) for p in value.kvlist_value.values}
    if kind == "bytes_value":
        return base64.b64encode(value.bytes_value).decode()
    if kind == "double_value":
        return _finite(value.double_value)
    return getattr(value, kind) if kind in {"int_value", "bool_value"} else None


def _json_value(value: Any, depth: int) -> Any:
    if not isinstance(value, Mapping) or depth > MAX_DEPTH:
        return None
    if "stringValue" in value:
        return _text(value["stringValue"])
    if "intValue" in value:
        return _integer(value["intValue"])
    if "doubleValue" in value:
        return _finite(value["doubleValue"])
    if "boolValue" in value:
        return bool(value["boolValue"])
    if "arrayValue" in value:
        return [_json_value(one, depth + 1) for one in _values(value["arrayValue"])]
    if "kvlistValue" in value:
        pairs = _values(value["kvlistValue"])
        return {_text(p.get("key")): _json_value(p.get("value"), depth + 1) for p in pairs}
    return _text(value["bytesValue"]) if "bytesValue" in value else None


def _values(held: Any) -> list[Mapping[str, Any]]:
    return _objects(held.get("values")) if isinstance(held, Mapping) else []


def _objects(given: Any) -> list[Mapping[str, Any]]:
    return [one for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []


def _finite(value: Any) -> Any:
    """JSON in PostgreSQL has no NaN and no infinity."""
    number = value if isinstance(value, float | int) and not isinstance(value, bool) else None
    return number if number is not None and abs(number) < float("inf") else None


def _integer(value: Any) -> int:
    """Protobuf's JSON writes 64-bit numbers as texts; senders often do not."""
    if isinstance(value, int):
        return int(value) if abs(value) < 2**64 else 0
    if isinstance(value, str) and len(value) <= 20:
        try:
            return int(value)
        except ValueError:
            return 0
    return 0


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _hex(value: Any, length: int, problem: str) -> str:
    text = _text(value).lower()
    if len(text) != length or set(text) - set("0123456789abcdef") or not text.strip("0"):
        raise NotASpan(problem)
    return text


def _parent(value: Any) -> str:
    text = _text(value).lower()
    return "" if len(text) != 16 or set(text) - set("0123456789abcdef") else text
