"""What other tools export, as small as can be: one question, one tool that failed, one answer."""

from __future__ import annotations

import json
from typing import Any

from practice.domain.traces.exports import read_export


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

TALK: dict[str, Any] = {"id": "t1", "messages": [
    {"role": "system", "content": "You are kind."},
    {"role": "user", "content": "Refund order 7."},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function",
     "function": {"name": "create_refund", "arguments": '{"order_id": "7"}'}}]},
    {"role": "tool", "tool_call_id": "c", "content": "NOT_VERIFIED", "status": "error"},
    {"role": "assistant", "content": "Done."},
]}  # fmt: skip
