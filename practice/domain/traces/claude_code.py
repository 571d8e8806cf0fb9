"""Sessions of Claude Code, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces.counts import priced, tokens
from practice.domain.traces.sessions import (
    Entry,
    Form,
    Row,
    Seen,
    Turn,
    asked_in,
    end,
    parts_of,
    words_of,
)


def _claude_code(rows: Iterable[Any], seen: Seen) -> Iterator[Entry]:
    """Lines ``{"type": "user" | "assistant", "message": {role, content}, "sessionId", "uuid"}``.

    What a subagent did is beside the conversation, and in a file of its own the conversation. A
    branch repeats the lines of the session it came from, each marked with ``forkedFrom``.
    """
    turn: Turn | None = None
    of_subagent: bool | None = None
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        row = _queued(row) if isinstance(row, Mapping) else {}
        message = row.get("message")
        if not isinstance(message, Mapping) or row.get("type") not in ("user", "assistant"):
            continue
        seen.known += 1
        beside = row.get("isSidechain") is True
        of_subagent = beside if of_subagent is None else of_subagent
        is_other = beside is not of_subagent
        if is_other or row.get("isCompactSummary") or row.get("isApiErrorMessage"):
            continue
        parts = parts_of(message.get("content"))
        if row.get("isMeta"):
            if turn is not None:
                turn.means(words_of(parts))
            continue
        origin = row.get("forkedFrom")
        if isinstance(origin, Mapping):
            seen.origin = seen.origin or str(origin.get("sessionId") or "")
        asked = asked_in(parts) if row.get("type") == "user" else ""
        if turn is not None:
            if not asked:
                turn.at(row)
            _claude_spent(turn, message, row.get("costUSD"))
            # A person may speak in the line that brings what a tool answered.
            for part in parts:
                _claude_part(turn, part, of_agent=row.get("type") == "assistant")
            works = any(part.get("type") == "tool_use" for part in parts)
            turn.is_repeated &= bool(origin) or not works
        if asked:
            yield from end(turn, seen)
            seen.questions += 1
            name = f"{row.get('sessionId', 'session')}:{row.get('uuid', '')}"
            turn = Turn(name, asked, seen.place)
            turn.is_repeated = bool(origin)
            turn.at(row)
    yield from end(turn, seen)


def _queued(row: Row) -> Row:
    """Return a line as it is, but one that holds what a person typed meanwhile as that person's.

    What is typed while the agent works reaches the model beside the answer of a tool, and is kept
    as an attachment.
    """
    held = row.get("attachment")
    if row.get("type") != "attachment" or not isinstance(held, Mapping):
        return row
    origin = held.get("origin")
    is_person = not isinstance(origin, Mapping) or origin.get("kind", "human") == "human"
    is_prompt = held.get("type") == "queued_command" and held.get("commandMode") == "prompt"
    if not (is_person and is_prompt):
        return row
    return {**row, "type": "user", "message": {"role": "user", "content": held.get("prompt")}}


def _claude_spent(turn: Turn, message: Row, cost: Any) -> None:
    """What a reply took. What was read from a cache, or written into it, was read too."""
    usage = message.get("usage")
    if isinstance(usage, Mapping):
        cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
        read, written = tokens(usage, "input_tokens", *cached), tokens(usage, "output_tokens")
        turn.spent.says(str(message.get("id", "")), priced(read, written, cost))


def _claude_part(turn: Turn, part: Row, *, of_agent: bool) -> None:
    kind = part.get("type")
    if kind == "tool_use":
        turn.calls(str(part.get("id", "")), str(part.get("name", "")), part.get("input"))
    elif kind == "tool_result":
        found = part.get("content")
        heard = words_of(parts_of(found)) if isinstance(found, list) else found
        turn.hears(str(part.get("tool_use_id", "")), heard, failed=part.get("is_error") is True)
    elif kind == "thinking":
        turn.thinks(str(part.get("thinking", "")))
    elif kind == "text" and of_agent:
        turn.says(str(part.get("text", "")))


CLAUDE_CODE = Form(
    "Claude Code",
    '{"type": "user" or "assistant", "message": {"role", "content"}, "sessionId", "uuid"}',
    _claude_code,
)
