"""Sessions of coding agents: the JSON lines that Claude Code and Codex keep of a conversation.

What a person asked begins a trajectory; the tool calls until the next question are its steps. Lines
are read as they come, so a session of any length costs the memory of one question. A file that
yields no trajectory is one refusal, which says what was expected and what was found.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from practice.domain.deployment import MAX_STEPS, NotATrajectory
from practice.domain.traces.rows import nanoseconds
from practice.domain.traces.spans import iso

Row = Mapping[str, Any]
Entry = Mapping[str, Any] | NotATrajectory
#: What the programs themselves write where a person's words stand: context, notices, shell output.
MACHINE = (
    "<environment_context",
    "<user_instructions",
    "<additional_context",
    "<user_shell_command",
    "<turn_aborted",
    "<subagent_notification",
    "<skill>",
    "# AGENTS.md",
    "<local-command",
    "<bash-",
    "<task-notification",
    "<system-reminder",
    "<ide_",
    "Caveat:",
    "[Request interrupted by user",
)
#: How Claude Code writes down a slash command, which a person gave.
COMMAND = re.compile(r"<command-name>(.*?)</command-name>", re.DOTALL)
COMMAND_WORDS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
#: What Codex writes above the output of a command since it no longer writes JSON there.
RAN = re.compile(
    r"(?:(?:Chunk ID|Wall time|Original token count|Total output lines): ?[^\n]*\n)*"
    r"(?:Exit code:|Process exited with code) (-?\d+)\n"
)
CODEX_CALLS = ("function_call", "custom_tool_call", "local_shell_call")
#: Items of Codex that older sessions write without a ``payload`` around them; outputs aside.
BARE_ITEMS = ("message", "reasoning", *CODEX_CALLS)
#: Between two lines that a forked session repeats; a person is never as quick.
REPEATED_WITHIN_NS = 1_000_000_000
#: Fields of a file of another form that are named to whoever sent it.
FIELDS_NAMED = 6


class Turn:
    """One question with what followed it, growing line by line."""

    def __init__(self, name: str, instruction: str) -> None:
        self.name = name
        self.instruction = instruction
        self.steps: list[dict[str, Any]] = []
        self.left_out = 0
        #: whether all of it is of another session, which this one was forked from.
        self.is_repeated = False
        self.answer = ""
        self.ended_at = ""
        self._open: dict[str, dict[str, Any]] = {}

    def at(self, row: Row) -> None:
        """A line of this question; the last that says when is its end."""
        self.ended_at = iso(nanoseconds(row.get("timestamp"))) or self.ended_at

    def means(self, text: str) -> None:
        """What the program says a slash command stands for, before anything was done."""
        if text and self.instruction.startswith("/") and not self.steps:
            self.instruction = f"{self.instruction}\n{text}"

    def says(self, text: str) -> None:
        if text.strip():
            self.answer = text

    def calls(self, call_id: str, tool: str, arguments: Any) -> None:
        """A tool call; what was said just before it is its thought."""
        if len(self.steps) >= MAX_STEPS:
            self.left_out += 1
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
                "steps_left_out": self.left_out,
                "answer": self.answer,
                "ended_at": self.ended_at,
            }


@dataclass(slots=True)
class Seen:
    """What was looked at of a file, to say why nothing came of it."""

    #: lines that are JSON, those of them that belong into such a session, and questions in these.
    lines: int = 0
    known: int = 0
    questions: int = 0
    #: of the questions those that a forked session repeats, and the session it came from.
    repeated: int = 0
    origin: str = ""
    #: the names of the first fields met.
    fields: dict[str, None] = field(default_factory=dict)

    def look(self, rows: Iterable[Any]) -> Iterator[Any]:
        for row in rows:
            if not isinstance(row, NotATrajectory):
                self.lines += 1
                if isinstance(row, Mapping) and len(self.fields) < FIELDS_NAMED:
                    self.fields.update(dict.fromkeys(islice(row, FIELDS_NAMED)))
            yield row

    def why_fewer(self) -> NotATrajectory:
        of = f"the session {self.origin[:80]}" if self.origin else "another session"
        many = f"Its first {self.repeated} questions are"
        which = "Its first question is" if self.repeated == 1 else many
        return NotATrajectory(
            f"{which} of {of}, which this one was forked from. They are learned from that one, "
            "so send it too."
        )

    def why_nothing(self, form: Form) -> NotATrajectory:
        if not self.known:
            named = ", ".join(name[:40] for name in islice(self.fields, FIELDS_NAMED))
            found = f"have the fields {named}" if named else "are no objects with fields"
            return NotATrajectory(
                f"This is no session of {form.program}: its lines are {form.line}; "
                f"those here {found}. Choose the format it has."
            )
        if not self.questions:
            return NotATrajectory("Nobody asks anything in this session: no line is a person's.")
        asked = self.questions - self.repeated
        return NotATrajectory(
            f"No question of this session ({asked}) was followed by a tool call, so it shows "
            "nothing to learn from."
        )


@dataclass(frozen=True, slots=True)
class Form:
    """How one program writes its sessions: ``line`` for people, ``read`` for their lines."""

    program: str
    line: str
    read: Callable[[Iterable[Any], Seen], Iterator[Entry]]


def read_session(form: Form, rows: Iterable[Any]) -> Iterator[Entry]:
    """Yield each question of a session that led to tool calls, or one refusal where none did.

    One more refusal says what a forked session repeats of another.
    """
    seen, is_empty = Seen(), True
    for entry in form.read(seen.look(rows), seen):
        is_empty = is_empty and isinstance(entry, NotATrajectory)
        yield entry
    if seen.repeated:
        yield seen.why_fewer()
    if is_empty and seen.lines and seen.repeated < max(1, seen.questions):
        yield seen.why_nothing(form)


def _claude_code(rows: Iterable[Any], seen: Seen) -> Iterator[Entry]:
    """Lines ``{"type": "user" | "assistant", "message": {role, content}, "sessionId", "uuid"}``.

    What a subagent did is beside the conversation, and in a file of its own the conversation.
    """
    turn: Turn | None = None
    of_subagent: bool | None = None
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        message = row.get("message") if isinstance(row, Mapping) else None
        if not isinstance(message, Mapping) or row.get("type") not in ("user", "assistant"):
            continue
        seen.known += 1
        beside = row.get("isSidechain") is True
        of_subagent = beside if of_subagent is None else of_subagent
        is_other = beside is not of_subagent
        if is_other or row.get("isCompactSummary") or row.get("isApiErrorMessage"):
            continue
        parts = _parts(message.get("content"))
        if row.get("isMeta"):
            if turn is not None:
                turn.means(_words(parts))
            continue
        if turn is not None:
            # A person may speak in the line that brings what a tool answered.
            for part in parts:
                _claude_part(turn, part, of_agent=row.get("type") == "assistant")
        asked = _asked(parts) if row.get("type") == "user" else ""
        if asked:
            if turn is not None:
                yield from turn.entry()
            seen.questions += 1
            turn = Turn(f"{row.get('sessionId', 'session')}:{row.get('uuid', '')}", asked)
        elif turn is not None:
            turn.at(row)
    if turn is not None:
        yield from turn.entry()


def _claude_part(turn: Turn, part: Row, *, of_agent: bool) -> None:
    kind = part.get("type")
    if kind == "tool_use":
        turn.calls(str(part.get("id", "")), str(part.get("name", "")), part.get("input"))
    elif kind == "tool_result":
        found = part.get("content")
        heard = _words(_parts(found)) if isinstance(found, list) else found
        turn.hears(str(part.get("tool_use_id", "")), heard, failed=part.get("is_error") is True)
    elif kind == "text" and of_agent:
        turn.says(str(part.get("text", "")))


def _codex(rows: Iterable[Any], seen: Seen) -> Iterator[Entry]:
    """Lines ``{"type": "response_item", "payload": …}``; older sessions have the items bare.

    The first line says which session it is. One that was forked repeats the lines of the other,
    that line too: its questions would pass for those that were asked there since, and what was
    done there would be learned twice.
    """
    session: str = ""
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
            session = session or str(item.get("id") or "")
            seen.origin = seen.origin or repeats.opened(item, session=session)
        repeats.look(nanoseconds(row.get("timestamp")))
        if row.get("type") in ("event_msg", "turn_context", "session_meta"):
            continue
        words = _asked(_parts(item.get("content"))) if item.get("role") == "user" else ""
        if words:
            yield from _codex_end(turn, seen)
            seen.questions += 1
            turn = Turn(f"{session or 'session'}:{seen.questions}", words)
            turn.is_repeated = repeats.goes_on
        elif turn is not None:
            turn.at(row)
            _codex_item(turn, item)
            # Where a program asks, the first question of its own comes as quickly; no work does.
            turn.is_repeated &= repeats.goes_on or item.get("type") not in CODEX_CALLS
    yield from _codex_end(turn, seen)


def _codex_end(turn: Turn | None, seen: Seen) -> Iterator[Entry]:
    """What is to be learned of a question that nothing more belongs to."""
    if turn is not None:
        seen.repeated += turn.is_repeated
        yield from () if turn.is_repeated else turn.entry()


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


def _is_bare_item(row: Row) -> bool:
    kind = str(row.get("type", ""))
    return kind in BARE_ITEMS or kind.endswith("_call_output")


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
    if isinstance(given, list):
        return _words(_parts(given)) or given, False
    if isinstance(given, str) and (ran := RAN.match(given)):
        _, _, printed = given[ran.end() - 1 :].partition("\nOutput:\n")
        return printed, int(ran[1]) != 0
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


def _asked(parts: Iterable[Row]) -> str:
    """What a person said, without what the program wrote around it; a slash command as typed."""
    words = _words(
        part for part in parts if not str(part.get("text", "")).lstrip().startswith(MACHINE)
    )
    if words.startswith("<command-") and (command := COMMAND.search(words)):
        more = COMMAND_WORDS.search(words)
        return f"{command[1]} {more[1] if more else ''}".strip()
    return words


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


CLAUDE_CODE = Form(
    "Claude Code",
    '{"type": "user" or "assistant", "message": {"role", "content"}, "sessionId", "uuid"}',
    _claude_code,
)
CODEX = Form("Codex", '{"type": "response_item", "payload": {"type", …}}', _codex)
