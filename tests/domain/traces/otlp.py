"""OTLP requests for tests, in protobuf and JSON, written from one description."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from practice.domain.traces.assembly import trajectory
from practice.domain.traces.otlp import from_protobuf

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECOND = 1_000_000_000
#: 2026-11-25 in nanoseconds.
START = 1_795_600_000 * SECOND


def span(
    number: int, name: str, attributes: Mapping[str, Any], *, parent: int = 0, **more: Any
) -> dict[str, Any]:
    """A span as a plain description; ``number`` gives its id and its place in time."""
    return {
        "trace": TRACE,
        "id": f"{number:016x}",
        "parent": f"{parent:016x}" if parent else "",
        "name": name,
        "start": START + number * SECOND,
        "end": START + number * SECOND + SECOND // 2,
        "attributes": dict(attributes),
        "failed": False,
        "why": "",
        "events": [],
    } | more


def refund(trace: str = TRACE) -> list[dict[str, Any]]:
    """A small agent's trace in the current GenAI conventions: asked, looked up, refunded."""
    asked = [{"role": "user", "parts": [{"type": "text", "content": "Refund order 7."}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": "Done."}]}]
    tool = {"gen_ai.operation.name": "execute_tool"}
    return [
        span(1, "invoke_agent desk", {"gen_ai.operation.name": "invoke_agent"}, trace=trace),
        span(
            2,
            "chat gpt",
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.input.messages": json.dumps(asked),
                "gen_ai.output.messages": json.dumps(said),
            },
            parent=1,
            trace=trace,
        ),
        span(
            3,
            "execute_tool get_order",
            tool
            | {
                "gen_ai.tool.name": "get_order",
                "gen_ai.tool.call.arguments": '{"order_id": "7"}',
                "gen_ai.tool.call.result": '{"total": 12}',
            },
            parent=1,
            trace=trace,
        ),
        span(
            4,
            "execute_tool create_refund",
            tool
            | {
                "gen_ai.tool.name": "create_refund",
                "gen_ai.tool.call.arguments": '{"order_id": "7"}',
                "error.type": "NOT_VERIFIED",
            },
            parent=1,
            trace=trace,
            failed=True,
        ),
    ]


def protobuf(spans: Sequence[Mapping[str, Any]]) -> bytes:
    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for one in spans:
        made = scope.spans.add(
            trace_id=bytes.fromhex(one["trace"]),
            span_id=bytes.fromhex(one["id"]),
            parent_span_id=bytes.fromhex(one["parent"]),
            name=one["name"],
            start_time_unix_nano=one["start"],
            end_time_unix_nano=one["end"],
        )
        made.status.code = Status.STATUS_CODE_ERROR if one["failed"] else Status.STATUS_CODE_UNSET
        made.status.message = one["why"]
        made.attributes.extend(_pairs(one["attributes"]))
        for name, attributes in one["events"]:
            made.events.add(name=name).attributes.extend(_pairs(attributes))
    return request.SerializeToString()


def as_json(spans: Sequence[Mapping[str, Any]]) -> bytes:
    """OTLP/JSON: hex ids, 64-bit numbers as texts."""
    found = [
        {
            "traceId": one["trace"],
            "spanId": one["id"],
            "parentSpanId": one["parent"],
            "name": one["name"],
            "startTimeUnixNano": str(one["start"]),
            "endTimeUnixNano": str(one["end"]),
            "status": {"code": 2 if one["failed"] else 0, "message": one["why"]},
            "attributes": _json_pairs(one["attributes"]),
            "events": [{"name": n, "attributes": _json_pairs(a)} for n, a in one["events"]],
        }
        for one in spans
    ]
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": found}]}]}).encode()


def _pairs(attributes: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, list):
        made.array_value.values.extend(map(_value, value))
    else:
        made.kvlist_value.values.extend(_pairs(value))
    return made


def _json_pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _json_value(value)} for key, value in attributes.items()]


def _json_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_json_value(one) for one in value]}}
    return {"kvlistValue": {"values": _json_pairs(value)}}


def made(spans: list[dict[str, Any]]) -> dict[str, Any]:
    """The trajectory that is read from a trace of such spans."""
    return trajectory(TRACE, from_protobuf(protobuf(spans)).spans)
