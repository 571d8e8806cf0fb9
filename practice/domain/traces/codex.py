"""Sessions of Codex, as JSON lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import OF_A_SERVER, NotATrajectory
from practice.domain.traces.counts import Took, tokens
from practice.domain.traces.messages import parsed, plain_blocks
from practice.domain.traces.rows import nanoseconds
from practice.domain.traces.sessions import (
    Entry,
    Form,
    Row,
    Seen,
    Turn,
    asked_in,
    end,
    heard_of,
    parts_of,
    words_of,
)

#: What Codex writes above the output of a command since it no longer writes JSON there.
RAN = re.compile(
    r"(?:(?:Chunk ID|Wall time|Original token count|Total output lines):[^\n]*\n)*"
    r"(?:Exit code:|Process exited with code) (-?\d+)\n"
)
#: What it writes above the answer of a tool server.
ANSWERED = re.compile(r"Wall time:[^\n]*\nOutput:\n?")
#: A search that the provider makes by itself: what it found is nowhere written.
SEARCH = "web_search_call"
CODEX_CALLS = ("function_call", "custom_tool_call", "local_shell_call", SEARCH)
#: Items of Codex that older sessions write without a ``payload`` around them; outputs aside.
BARE_ITEMS = ("message", "reasoning", *CODEX_CALLS)
#: Between two lines that a forked session repeats; a person is never as quick.
REPEATED_WITHIN_NS = 1_000_000_000


def _codex(rows: Iterable[Any], seen: Seen) -> Iterator[Entry]:
    """Lines ``{"type": "response_item", "payload": …}``; older sessions have the items bare.

    The first line says which session it is. One that was forked repeats the lines of the other,
    that line too: its questions would pass for those that were asked there since, and what was
    done there would be learned twice.
    """
    session, worked_for = "", ""
    turn: Turn | None = None
    repeats = Repeats()
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        if not isinstance(row, Mapping):
            continue
        payload = row.get("payload")
        item = payload if isinstance(payload, Mapping) else row
        seen.known += item is payload or _is_bare_item(row)
        if row.get("type") == "session_meta" or ("instructions" in row and "id" in row):
            if not session:
                session, worked_for = str(item.get("id") or ""), _worked_for(item)
            seen.origin = seen.origin or repeats.opened(item, session=session)
        repeats.look(nanoseconds(row.get("timestamp")))
        if turn is not None and row.get("type") == "event_msg":
            _codex_event(turn, item)
        if row.get("type") in ("event_msg", "turn_context", "session_meta"):
            continue
        words = asked_in(parts_of(item.get("content"))) if item.get("role") == "user" else ""
        if words:
            yield from end(turn, seen)
            seen.questions += 1
            turn = Turn(f"{session or 'session'}:{seen.questions}", words, seen.place)
            turn.is_repeated, turn.subagent_of = repeats.goes_on, worked_for
            turn.at(row)
        elif turn is not None:
            turn.at(row)
            _codex_item(turn, item)
            # Where a program asks, the first question of its own comes as quickly; no work does.
            turn.is_repeated &= repeats.goes_on or item.get("type") not in CODEX_CALLS
    yield from end(turn, seen)


class Repeats:
    """Whether the lines of a forked session are still those of the session it came from.

    Codex writes them anew in one go, under the time of the fork, and among them who they are of.
    What is asked since comes later. Lines without a time are not taken for repeated ones.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self._is_over = False
        self._last = 0

    def opened(self, item: Row, *, session: str) -> str:
        """A line that names a session. Returns the one that ``session`` repeats, if it says so."""
        named = str(item.get("id") or "")
        origin = str(item.get("forked_from_id") or "") if named == session else named
        self.goes_on = not self._is_over and (self.goes_on or bool(origin))
        return origin if self.goes_on else ""

    def look(self, at: int) -> None:
        """Any line with its time in nanoseconds; 0 is none."""
        if not at or (self._last and at - self._last > REPEATED_WITHIN_NS):
            self.goes_on, self._is_over = False, True
        self._last = at


def _worked_for(meta: Row) -> str:
    """The session that a subagent's session was started by; empty of any other."""
    told: Any = meta.get("source")
    for name in ("subagent", "thread_spawn"):
        told = told.get(name) if isinstance(told, Mapping) else None
    by = told.get("parent_thread_id") if isinstance(told, Mapping) else None
    return by if isinstance(by, str) else ""


def _is_bare_item(row: Row) -> bool:
    kind = str(row.get("type", ""))
    return kind in BARE_ITEMS or kind.endswith("_call_output")


def _codex_event(turn: Turn, event: Row) -> None:
    """What Codex says beside the items: how a call ended, and what a reply took."""
    kind, call_id = event.get("type"), str(event.get("call_id", ""))
    if kind == "mcp_tool_call_end":
        turn.ended(call_id, failed=_mcp_failed(event.get("result")))
    elif kind == "exec_command_end":
        turn.ended(call_id, failed=event.get("exit_code", 0) not in (0, None))
    elif kind == "patch_apply_end":
        turn.ended(call_id, failed=event.get("success") is False)
    elif kind == "token_count" and isinstance(about := event.get("info"), Mapping):
        last = about.get("last_token_usage")
        if isinstance(last, Mapping):
            took = Took(tokens(last, "input_tokens"), tokens(last, "output_tokens"))
            # It follows the calls of the reply, and is repeated whenever limits are reported.
            turn.spent.said_after(str(about.get("total_token_usage")), took)


def _codex_item(turn: Turn, item: Row) -> None:
    kind = str(item.get("type", ""))
    call_id = str(item.get("call_id") or item.get("id") or "")
    if kind in {"function_call", "custom_tool_call"}:
        given = item.get("arguments", item.get("input"))
        turn.calls(call_id, _codex_tool(item), given)
    elif kind == "local_shell_call":
        action = item.get("action")
        turn.calls(call_id, "shell", action if isinstance(action, Mapping) else {})
    elif kind == SEARCH:
        action = item.get("action")
        turn.calls(call_id, "web_search", action if isinstance(action, Mapping) else {})
    elif kind.endswith("_output"):
        found, failed = _codex_output(item.get("output"))
        turn.hears(call_id, found, failed=failed)
    elif kind == "reasoning":
        said = [*parts_of(item.get("summary")), *parts_of(item.get("content"))]
        turn.thinks("\n".join(str(part.get("text", "")) for part in said))
    elif kind == "message" and item.get("role") == "assistant":
        turn.says(words_of(parts_of(item.get("content"))))


def _codex_tool(item: Row) -> str:
    """The tool of a call, with its server, which newer versions write beside the name."""
    name, server = str(item.get("name", "")), item.get("namespace")
    is_beside = isinstance(server, str) and server.startswith(OF_A_SERVER)
    return f"{server}__{name}" if is_beside else name


def _codex_output(given: Any) -> tuple[Any, bool]:
    """What a command printed, and whether it ended with another code than 0."""
    if isinstance(given, list):
        return heard_of(parts_of(given)) or given, False
    if isinstance(given, str) and (ran := RAN.match(given)):
        _, _, printed = given[ran.end() - 1 :].partition("\nOutput:\n")
        return printed, int(ran[1]) != 0
    if isinstance(given, str) and (answered := ANSWERED.match(given)):
        given = given[answered.end() :]
    body = parsed(given)
    if not isinstance(body, Mapping):
        # A tool server answers in blocks: where all of them are texts, those are what it said.
        said = plain_blocks(body)
        return said if isinstance(said, str) else given, False
    about = body.get("metadata")
    code = about.get("exit_code") if isinstance(about, Mapping) else None
    failed = body.get("success") is False or code not in (None, 0)
    return body.get("output", body.get("content", given)), failed


def _mcp_failed(result: Any) -> bool:
    """Whether a tool server says that its tool failed: as an ``Err``, or in what came back."""
    if not isinstance(result, Mapping):
        return False
    came = result.get("Ok")
    return "Err" in result or (isinstance(came, Mapping) and came.get("isError") is True)


CODEX = Form("Codex", '{"type": "response_item", "payload": {"type", …}}', _codex)
