"""Valid documents of every format ``fuzz_practice`` reads: what its inputs are bent from."""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from practice.domain import reading

TRACE = "0af7651916cd43dd8448eb211c80319c"
AT = 1_795_600_000_000_000_000


def _span(number: int, name: str, kept: dict[str, Any]) -> dict[str, Any]:
    def any_value(value: Any) -> dict[str, Any]:
        return {"stringValue": value if isinstance(value, str) else json.dumps(value)}

    return {
        "traceId": TRACE,
        "spanId": f"{number:016x}",
        "parentSpanId": f"{1:016x}" if number > 1 else "",
        "name": name,
        "startTimeUnixNano": str(AT + number),
        "endTimeUnixNano": str(AT + number + 5),
        "attributes": [{"key": k, "value": any_value(v)} for k, v in kept.items()],
        "events": [{"name": "gen_ai.choice", "attributes": []}],
        "status": {"code": 2},
    }


MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "Refund order 7."}]}]
SPANS = [
    _span(1, "invoke_agent a", {"gen_ai.operation.name": "invoke_agent"}),
    _span(2, "chat", {"gen_ai.operation.name": "chat", "gen_ai.input.messages": MESSAGES}),
    _span(
        3,
        "execute_tool refund",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "refund",
            "gen_ai.tool.call.arguments": {"order": 7},
            "gen_ai.tool.call.result": "done",
        },
    ),
    _span(
        4, "tool", {"openinference.span.kind": "TOOL", "tool.name": "a", "input.value": {"q": 1}}
    ),
    _span(5, "llm", {"openinference.span.kind": "LLM", "output.value": "Done."}),
]
OTLP = {
    "resourceSpans": [
        {
            "resource": {
                "attributes": [{"key": "greenroom.release", "value": {"stringValue": "production"}}]
            },
            "scopeSpans": [{"spans": SPANS}],
        }
    ]
}
OTLP_WORDS = (
    *("intValue", "boolValue", "doubleValue", "arrayValue", "kvlistValue", "bytesValue", "values"),
    *("traceloop.span.kind", "traceloop.entity.input", "gen_ai.prompt.0.content", "tool_calls"),
    *("llm.input_messages.0.message.content", "gen_ai.output.messages", "final_result"),
)
OBSERVATIONS = [
    {"id": "g", "traceId": "t1", "type": "GENERATION", "startTime": "2026-11-25T10:00:00Z",
     "input": [{"role": "user", "content": "Refund order 7."}], "output": "Done."},
    {"id": "s", "traceId": "t1", "type": "TOOL", "name": "create_refund", "level": "ERROR",
     "endTime": "2026-11-25T10:00:02.5Z", "input": {"order_id": "7"},
     "statusMessage": "NOT_VERIFIED", "parentObservationId": "g"},
]  # fmt: skip
LANGFUSE = {"id": "t1", "observations": OBSERVATIONS, "scores": [
    {"name": "outcome", "value": 1, "stringValue": "success",
     "dataType": "CATEGORICAL"}]}  # fmt: skip
RUNS = [
    {"id": "0" * 36, "trace_id": "t1", "run_type": "chain", "name": "agent",
     "inputs": {"messages": [{"type": "human", "content": "Refund."}]},
     "outputs": {"output": "Done."}, "dotted_order": "20261125T100000000000Z0"},
    {"id": "1" * 36, "trace_id": "t1", "run_type": "tool", "name": "create_refund",
     "inputs": {"input": '{"order_id": "7"}'}, "error": "NOT_VERIFIED",
     "start_time": "2026-11-25T10:00:01", "dotted_order": "20261125T100000000000Z0.20261125T1"},
    {"id": "2", "trace_id": "t1", "run_type": "llm", "inputs": {"messages": [[{"lc": 1,
     "type": "constructor", "id": ["HumanMessage"], "kwargs": {"content": "x"}}]]}, "outputs": {
     "generations": [[{"text": "y", "message": {"kwargs": {"tool_calls": [{"name": "a",
     "args": {}, "id": "c"}]}}}]]}},
]  # fmt: skip
CLAUDE = [
    {"type": "user", "sessionId": "s", "uuid": "u", "timestamp": "2026-11-25T10:00:00Z",
     "message": {"content": "Refund order 7."}},
    {"type": "user", "isMeta": True, "message": {"content": "<command-name>/x</command-name>"}},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "I refund it."},
     {"type": "tool_use", "id": "c", "name": "create_refund", "input": {"order_id": "7"}}]}},
    {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": "c",
     "is_error": True, "content": [{"type": "text", "text": "NOT_VERIFIED"}]}]}},
]  # fmt: skip
CODEX = [
    {"type": "session_meta", "payload": {"id": "s"}},
    {"type": "response_item", "timestamp": 1764000000, "payload": {"type": "message",
     "role": "user", "content": [{"type": "input_text", "text": "Refund order 7."}]}},
    {"type": "response_item", "payload": {"type": "function_call", "name": "shell",
     "call_id": "c", "arguments": "{\"command\": [\"ls\"]}"}},
    {"type": "response_item", "payload": {"type": "function_call_output", "call_id": "c",
     "output": "{\"output\": \"a\", \"metadata\": {\"exit_code\": 1}}"}},
    {"type": "local_shell_call", "call_id": "d", "action": {"command": ["ls"]}},
    {"type": "function_call_output", "call_id": "d", "output": "Exit code: 1\nWall time: 1\n"},
]  # fmt: skip
NATIVE = {
    "id": "r-1", "instruction": "Refund order 7.", "answer": "Done.", "outcome": "success",
    "release": 3, "ended_at": "2026-11-25T10:00:00Z", "steps": [
        {"tool": "get_order", "arguments": {"order_id": "7"}, "observation": {"total": 1.5},
         "duration_ms": 3},
        {"tool": "refund", "arguments": {"amount": 1.5}, "observation": "NOT_VERIFIED",
         "is_error": True, "thought": "t"}],
}  # fmt: skip
BULLET = {"id": "apis-001", "content": "x", "section": "apis", "tag": "helpful", "version": 1,
           "embedding": [0.5], "metadata": {"created_at": "2026-01-01T00:00:00", "usage_count": 2,
           "helpful_count": 1}}  # fmt: skip
ENTRY = {"round": 1, "task": "t", "category": "success", "tools": ["a"], "feasibility": 3,
          "completion": 3, "task_id": "x", "instruction": "i", "label": "success"}  # fmt: skip
OPENAPI = {
    "openapi": "3.1.0", "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://{h}.example/v1", "variables": {"h": {"default": "api"}}}],
    "paths": {"/orders/{id}": {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "get": {"operationId": "get", "parameters": [
            {"name": "f", "in": "query", "style": "deepObject", "explode": True,
             "schema": {"$ref": "#/components/schemas/A"}},
            {"name": "X", "in": "header", "content": {"application/json": {"schema": {}}}}],
            "responses": {"200": {"content": {
                "application/json": {"schema": {"type": "object"}}}}}},
        "post": {"summary": "Change.", "security": [{"k": []}], "servers": [{"url": "/v2"}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {
                "type": "object", "allOf": [{"$ref": "#/components/schemas/A"}],
                "properties": {"b": {"type": ["integer", "null"], "readOnly": True}}}}}}}}},
    "components": {"schemas": {"A": {"type": "object", "properties": {"a": {"$ref":
        "#/components/schemas/A"}}}}, "securitySchemes": {"k": {"type": "apiKey", "in": "header"}}},
}  # fmt: skip
YAML = (
    "openapi: 3.0.0\npaths:\n  /a:\n    get:\n      responses: {200: {description: x}}\n"
    "      parameters:\n        - &p {name: q, in: query, schema: {type: string}}\n        - *p\n"
)
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "required": ["a"],
    "properties": {"a": {"type": "array", "items": {"$ref": "#/$defs/x"}, "minItems": 1},
    "b": {"anyOf": [{"type": "string", "pattern": "^a+$"}, {"const": 2}], "default": "a"},
    "c": {"type": "integer", "minimum": 1, "maximum": 5, "enum": [1, 2], "examples": [3]},
    "d": {"type": "string", "format": "date", "description": "as YYYY-MM-DD, e.g. 2026-01-01"}},
    "$defs": {"x": {"type": "number", "multipleOf": 0.1}}, "additionalProperties": False,
}  # fmt: skip
LISTED = {"tools": [
    {"name": "get_order", "description": "Get.", "inputSchema": SCHEMA, "outputSchema":
     {"type": "object", "properties": {"status": {"type": "string"}}}, "annotations":
     {"readOnlyHint": True}},
    {"name": "b", "inputSchema": {"type": "object", "properties": {"x": True}}}]}  # fmt: skip
RESULT = {"content": [{"type": "text", "text": "{\"a\": 1}"}, {"type": "image", "data": "YQ==",
    "mimeType": "image/png"}, {"type": "resource", "resource": {"uri": "file:///a", "text": "t"}},
    {"type": "resource_link", "uri": "file:///b", "name": "n"}], "structuredContent": {"a": [1]},
    "isError": False}  # fmt: skip
OBSERVED = (
    '{"orders": [{"order_id": "ORD-1", "total": 5, "items": [{"sku": "a"}]}], "next_cursor": "2"}',
    '{"error": {"message": "NOT_VERIFIED: use verify_customer first", "code": 403}}',
    '{"status": false, "message": "failed"}',
    "| id | name |\n|----|------|\n| 1 | lamp |\n",
    '[{"a": 1}, {"a": 2}, {"a"' + reading.cut_note(5),
)
ERRORS = (
    "status must be one of: open, done.",
    "limit must be between 1 and 100",
    "order_id: field required (missing)",
    "from_date must be in the format YYYY-MM-DD",
    "The period from from_date to to_date may span at most 31 days",
    "Error 401: please log_in first",
    "HTTP 404: order ORD-1 not found",
    "Did you mean 'get_order'?",
)
SEEDS = ("Get order ORD-2 and set its status to done.", "List the orders; verify customer 7.")
REPLY = (
    '```json\n{"changes": [{"op": "add", "section": "apis", "content": "x",}]}\n```',
    "{'feasible': True, 'reason': 'ok', 'feasibility': 3, 'completion': 3}",
    '{"candidates": [{"instruction": "a", "tools": ["b"]}]}',
    '"{\\"facts\\": [\\"a\\"]}"',
)


def protobuf() -> bytes:
    """The request of ``OTLP`` in protobuf."""
    request = ProtoSpan()
    request.trace_id, request.span_id, request.name = b"t" * 16, b"s" * 8, "execute_tool a"
    for key, said in (("gen_ai.tool.name", "a"), ("gen_ai.operation.name", "execute_tool")):
        one = request.attributes.add()
        one.key, one.value.string_value = key, said
    one = request.attributes.add()
    one.key = "gen_ai.tool.call.arguments"
    one.value.kvlist_value.values.add().key = "x"
    body = request.SerializeToString()
    for field in (2, 2, 1):
        assert len(body) < 2**14
        body = bytes([field << 3 | 2, len(body) & 127 | 128, len(body) >> 7]) + body
    return body
