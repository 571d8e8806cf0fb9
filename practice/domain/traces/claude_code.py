"""Sessions of Claude Code, as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces.counts import WHOLE, cost_of
from practice.domain.traces.sessions import (
    Entry,
    Form,
    Row,
    Seen,
    asked_in,
    parts_of,
    words_of,
)
from practice.domain.traces.subagents import CALLS, Question, Subagents, beside

#: Questions that are held at most, until it is known what their subagents did.
MOST_HELD = 1_000


def _claude_code(rows: Iterable[Any], seen: Seen) -> Iterator[Entry]:
    """Lines ``{"type": "user" | "assistant", "message": {role, content}, "sessionId", "uuid"}``.

    What subagents did is beside the conversation and stands inside of the step that started it. A
    branch repeats the lines of the session it came from, each marked with ``forkedFrom``.
    """
    session = _Session(seen)
    for row in rows:
        if isinstance(row, NotATrajectory):
            yield row
        elif isinstance(row, Mapping):
            yield from session.line(_queued(beside(row)))
    yield from session.rest()


class _Session:
    """The questions of a session. From the first on that started a subagent they are held.

    The file of a subagent may come behind that of its session.
    """

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._turn: Question | None = None
        self._held: list[Question] = []
        self._subagents = Subagents()
        self._is_charged = False

    def line(self, row: Row) -> Iterator[Entry]:
        message = row.get("message")
        if row.get("type") == "result":
            self._charge(row)
        if not isinstance(message, Mapping) or row.get("type") not in ("user", "assistant"):
            return
        self._seen.known += 1
        if row.get("isCompactSummary") or row.get("isApiErrorMessage"):
            return
        if row.get("isSidechain") is True:
            self._subagents.line(row, self._seen.place, self._turn)
            return
        parts = parts_of(message.get("content"))
        if row.get("isMeta"):
            if self._turn is not None:
                self._turn.means(words_of(parts))
            return
        asked = asked_in(parts) if row.get("type") == "user" else ""
        self._follow(row, message, parts, asked)
        if asked:
            yield from self._end()
            self._begin(row, asked)

    def rest(self) -> Iterator[Entry]:
        yield from self._end()
        yield from self._let_go()
        alone = not self._seen.questions
        for turn in self._subagents.rest():
            self._seen.questions += alone
            yield from turn.entry()

    def _follow(self, row: Row, message: Row, parts: list[Row], asked: str) -> None:
        """A line of what followed a question. The next one may stand in it too."""
        origin = row.get("forkedFrom")
        if isinstance(origin, Mapping):
            self._seen.origin = self._seen.origin or str(origin.get("sessionId") or "")
        if self._turn is not None:
            if not asked:
                self._turn.at(row)
            # A person may speak in the line that brings what a tool answered.
            self._turn.line(row, message, parts)
            works = any(part.get("type") in CALLS for part in parts)
            self._turn.is_repeated &= bool(origin) or not works

    def _begin(self, row: Row, asked: str) -> None:
        self._seen.questions += 1
        session = row.get("sessionId", row.get("session_id", "session"))
        self._turn = Question(f"{session}:{row.get('uuid', '')}", asked, self._seen.place)
        self._turn.is_repeated = bool(row.get("forkedFrom"))
        self._turn.at(row)

    def _end(self) -> Iterator[Entry]:
        """What is to be learned of a question that nothing more belongs to."""
        turn, self._turn = self._turn, None
        if turn is not None:
            self._seen.repeated += turn.is_repeated
            if turn.steps and (turn.started or self._held):
                self._held.append(turn)
            elif not turn.is_repeated:
                yield from turn.entry()
            if len(self._held) > MOST_HELD:
                yield from self._let_go()

    def _let_go(self) -> Iterator[Entry]:
        """The questions that were held, with what is known by now of their subagents."""
        held, self._held = self._held, []
        for turn in held:
            self._subagents.settle(turn)
            if not turn.is_repeated:
                yield from turn.entry()

    def _charge(self, row: Row) -> None:
        """What the program prints at its end: what it cost. A second time it may count on."""
        if self._turn is not None and not self._is_charged:
            self._turn.cost = cost_of(row.get("total_cost_usd"), most=WHOLE)
        self._is_charged = True


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


CLAUDE_CODE = Form(
    "Claude Code",
    '{"type": "user" or "assistant", "message": {"role", "content"}, "sessionId", "uuid"}',
    _claude_code,
)
