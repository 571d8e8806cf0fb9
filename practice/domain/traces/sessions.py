"""Sessions of coding agents: the JSON lines that Claude Code and Codex keep of a conversation.

What a person asked begins a trajectory; the tool calls until the next question are its steps. Lines
are read as they come, so a session of any length costs the memory of one question.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import MAX_STEPS, NotATrajectory
from practice.domain.traces.rows import nanoseconds
from practice.domain.traces.spans import iso

Row = Mapping[str, Any]
Entry = Mapping[str, Any] | NotATrajectory
#: What the programs themselves put before a person's words.
MACHINE = (
    "<environment_context",
    "<user_instructions",
    "<command-name",
    "<local-command",
    "<system-reminder",
    "Caveat:",
    "# AGENTS.md",
)


class Turn:
    """One question with what followed it, growing line by line."""

    def __init__(self, name: str, instruction: str) -> None:
        self.name = name
        self.instruction = instruction
        self.steps: list[dict[str, Any]] = []
        self.answer = ""
        self.ended_at = ""
        self._open: dict[str, dict[str, Any]] = {}

    def at(self, row: Row) -> None:
        """A line of this question; the last that says when is its end."""
        self.ended_at = iso(nanoseconds(row.get("timestamp"))) or self.ended_at

    def says(self, text: str) -> None:
        if text.strip():
            self.answer = text

    def calls(self, call_id: str, tool: str, arguments: Any) -> None:
        """A tool call; what was said just before it is its thought."""
        if len(self.steps) >= MAX_STEPS:
            return
        given = _object(arguments)
        step = {"tool": tool[:200] or "unnamed", "arguments": given, "observation": ""}
        if self.answer:
            step["thought"], self.answer = self.answer[:10_000], ""
        self.steps.append(step)
        self._open[call_id] = step

    def hears(self, call_id: str, observation: Any, *, failed: bool) -> None:
        step = self._open.pop(call_id, None)
        if step is not None:
            step["observation"], step["is_error"] = observation, failed

    def entry(self) -> Iterator[Entry]:
        """The trajectory; a question that needed no tool teaches nothing and is left out."""
        if self.steps:
            yield {
                "id": self.name[:200],
                "instruction": self.instruction,
                "steps": self.steps,
                "answer": self.answer,
                "ended_at": self.ended_at,
            }


def claude_code(rows: Iterable[Any]) -> Iterator[Entry]:
    """Lines ``{"type": "user" | "assistant", "message": {role, content}, "sessionId", "uuid"}``."""
    turn: Turn | None = None
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        message = row.get("message") if isinstance(row, Mapping) else None
        if not isinstance(message, Mapping) or row.get("isSidechain") or row.get("isMeta"):
            continue
        parts = _parts(message.get("content"))
        asked = _words(parts) if row.get("type") == "user" else ""
        if asked and not asked.startswith(MACHINE):
            if turn is not None:
                yield from turn.entry()
            turn = Turn(f"{row.get('sessionId', 'session')}:{row.get('uuid', '')}", asked)
        elif turn is not None:
            turn.at(row)
            for part in parts:
                _claude_part(turn, part)
    if turn is not None:
        yield from turn.entry()


def _claude_part(turn: Turn, part: Row) -> None:
    kind = part.get("type")
    if kind == "tool_use":
        turn.calls(str(part.get("id", "")), str(part.get("name", "")), part.get("input"))
    elif kind == "tool_result":
        found = part.get("content")
        heard = _words(_parts(found)) if isinstance(found, list) else found
        turn.hears(str(part.get("tool_use_id", "")), heard, failed=part.get("is_error") is True)
    elif kind == "text":
        turn.says(str(part.get("text", "")))


def codex(rows: Iterable[Any]) -> Iterator[Entry]:
    """Lines ``{"type": "response_item", "payload": …}``; older sessions have the items bare."""
    session, turn, asked = "session", None, 0
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        if not isinstance(row, Mapping):
            continue
        payload = row.get("payload")
        item = payload if isinstance(payload, Mapping) else row
        if row.get("type") == "session_meta" or ("instructions" in row and "id" in row):
            session = str(item.get("id") or session)
        if row.get("type") in ("event_msg", "turn_context", "session_meta"):
            continue
        words = _words(_parts(item.get("content"))) if item.get("role") == "user" else ""
        if words and not words.startswith(MACHINE):
            if turn is not None:
                yield from turn.entry()
            asked += 1
            turn = Turn(f"{session}:{asked}", words)
        elif turn is not None:
            turn.at(row)
            _codex_item(turn, item)
    if turn is not None:
        yield from turn.entry()


def _codex_item(turn: Turn, item: Row) -> None:
    kind = str(item.get("type", ""))
    call_id = str(item.get("call_id") or item.get("id") or "")
    if kind in {"function_call", "custom_tool_call"}:
        given = item.get("arguments", item.get("input"))
        turn.calls(call_id, str(item.get("name", "")), given)
    elif kind == "local_shell_call":
        action = item.get("action")
        turn.calls(call_id, "shell", action if isinstance(action, Mapping) else {})
    elif kind.endswith("_output"):
        found, failed = _codex_output(item.get("output"))
        turn.hears(call_id, found, failed=failed)
    elif kind == "message" and item.get("role") == "assistant":
        turn.says(_words(_parts(item.get("content"))))


def _codex_output(given: Any) -> tuple[Any, bool]:
    """What a command printed, and whether it ended with another code than 0."""
    body = _parsed(given)
    if not isinstance(body, Mapping):
        return given, False
    about = body.get("metadata")
    code = about.get("exit_code") if isinstance(about, Mapping) else None
    failed = body.get("success") is False or code not in (None, 0)
    return body.get("output", body.get("content", given)), failed


def _parts(content: Any) -> list[Row]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [p for p in content if isinstance(p, Mapping)] if isinstance(content, list) else []


def _words(parts: Iterable[Row]) -> str:
    kinds = ("text", "input_text", "output_text")
    said = [str(part.get("text", "")) for part in parts if part.get("type") in kinds]
    return "\n".join(said).strip()


def _object(value: Any) -> dict[str, Any]:
    parsed = _parsed(value)
    if isinstance(parsed, Mapping):
        return dict(parsed)
    return {} if parsed in (None, "") else {"input": parsed}


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in {"{", "["}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
