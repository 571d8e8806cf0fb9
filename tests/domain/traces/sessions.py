"""Lines of sessions as Claude Code and Codex write them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from practice.domain.deployment import read
from practice.domain.traces.exports import read_export


def written(*rows: Mapping[str, Any]) -> Iterator[bytes]:
    return iter([b"".join(json.dumps(row).encode() + b"\n" for row in rows)])


def session(form: str, *rows: Mapping[str, Any]) -> list[Any]:
    return [read(entry) for entry in read_export(form, written(*rows))]


def person(content: Any, **more: Any) -> dict[str, Any]:
    text = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {
        "type": "user",
        "sessionId": "s",
        "uuid": "u",
        "message": {"role": "user", "content": text},
        **more,
    }


def agent(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"type": "assistant", "message": {"role": "assistant", "content": list(parts)}, **more}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def call(number: int, tool: str = "Bash") -> dict[str, Any]:
    return {"type": "tool_use", "id": f"c{number}", "name": tool, "input": {"n": number}}


def result(number: int, content: Any = "ok", *, failed: bool = False) -> dict[str, Any]:
    return {
        "type": "tool_result",
        "tool_use_id": f"c{number}",
        "content": content,
        "is_error": failed,
    }


def item(**payload: Any) -> dict[str, Any]:
    return {"timestamp": "2026-11-28T11:00:00Z", "type": "response_item", "payload": payload}


def asks(*words: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": one} for one in words]
    return item(type="message", role="user", content=content)


def runs(output: Any) -> list[dict[str, Any]]:
    return [
        item(type="function_call", name="exec_command", arguments='{"cmd": "make"}', call_id="c"),
        item(type="function_call_output", call_id="c", output=output),
    ]
