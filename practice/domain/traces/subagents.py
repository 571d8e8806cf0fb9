"""Subagents of Claude Code: what they did stands inside of the call that started them.

Their lines are marked as beside the conversation and say which agent they are of. They stand in the
session's own file (in older versions, or as its ``progress``), or in files of their own, which are
sent behind it or before it. Which call started an agent is known by the line that answers the call,
by the lines of the agent, or by what it was asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from practice.domain.deployment import MAX_STEPS, OF_A_SERVER, Placed
from practice.domain.traces.counts import (
    LONGEST,
    WHOLE,
    added,
    cost_of,
    milliseconds,
    priced,
    tokens,
)
from practice.domain.traces.sessions import Row, Spent, Turn, asked_in, heard_of, parts_of

#: Steps of all subagents of a file that are held until the call is known that started them.
MOST_HELD = 5_000
#: Questions to subagents that are held so, and lines whose conversation is remembered, of a file;
#: and how often it is guessed which call a subagent belongs to.
MOST_ASKED, MOST_LINES, MOST_GUESSES = 2_000, 100_000, 1_000
#: How deep a subagent of a subagent may stand.
DEEPEST = 8
#: Agents of the program itself, which go once more over what was said: to sum it up, and to guess
#: what a person may ask next.
INTERNAL = ("acompact", "aprompt_suggestion")
#: A call of a tool, or of one that the provider itself runs, and what answers the former.
CALLS = ("tool_use", "server_tool_use", "mcp_tool_use")
ANSWERS = ("tool_result", "mcp_tool_result")
#: The tools that start subagents, in older and newer versions.
STARTING = ("Task", "Agent")


class Question(Turn):
    """One question to Claude Code or to a subagent of it."""

    def __init__(self, name: str, instruction: str, place: int) -> None:
        super().__init__(name, instruction, place)
        #: subagents that steps started, by the identity of the step.
        self.started: dict[int, dict[str, None]] = {}
        #: what subagents took whose steps are among its own, and how many steps those are.
        self.inside: list[Spent] = []
        self.inner_count = 0
        #: subagents whose lines were not sent with it.
        self.missing = 0
        #: what the program says that all of it cost.
        self.cost: Any = None

    def line(self, row: Row, message: Row, parts: Sequence[Row]) -> None:
        """A line of what followed it."""
        self._spent(message, row.get("costUSD"))
        told = row.get("toolUseResult")
        agent = told.get("agentId") if isinstance(told, Mapping) else None
        for part in parts:
            self._part(part, of_agent=row.get("type") == "assistant")
            if part.get("type") == "tool_result" and isinstance(agent, str) and agent:
                self.starts(str(part.get("tool_use_id", "")), agent)

    def starts(self, call_id: str, agent: str) -> bool:
        """Note that a call of this question started a subagent; whether there is such a call."""
        step = self.made(call_id)
        if step is not None:
            self.started.setdefault(id(step), {})[agent] = None
        return step is not None

    def entry(self) -> Iterator[Placed]:
        whole = added([self.spent.whole(), *(spent.whole() for spent in self.inside)])
        for found in super().entry():
            found["cost"] = self.cost or cost_of(whole.cost, most=WHOLE)
            found["costs_unread"] += sum(spent.unread() for spent in self.inside)
            found["subagents_missing"] = self.missing
            yield found

    def _spent(self, message: Row, cost: Any) -> None:
        """What a reply took. What was read from a cache, or written into it, was read too."""
        usage = message.get("usage")
        if isinstance(usage, Mapping):
            cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
            read, written = tokens(usage, "input_tokens", *cached), tokens(usage, "output_tokens")
            self.spent.says(str(message.get("id", "")), priced(read, written, cost))

    def _part(self, part: Row, *, of_agent: bool) -> None:
        kind = part.get("type")
        if kind in CALLS:
            self.calls(str(part.get("id", "")), _tool(part), part.get("input"))
        elif str(kind).endswith("tool_result"):
            found = part.get("content")
            # What the provider's own tools answer has no words, but fields.
            is_said = isinstance(found, list) and kind in ANSWERS
            heard = heard_of(parts_of(found)) if is_said else found
            failed = part.get("is_error") is True or _is_failure(found)
            self.hears(str(part.get("tool_use_id", "")), heard, failed=failed)
        elif kind == "thinking":
            self.thinks(str(part.get("thinking", "")))
        elif kind == "text" and of_agent:
            self.says(str(part.get("text", "")))


class Subagents:
    """What was asked of each subagent and what it did, until the step it belongs to takes it."""

    def __init__(self) -> None:
        #: questions that no step took yet, of each agent, and the one that its lines go on with.
        self._waiting: dict[str, deque[Question]] = {}
        self._now: dict[str, Question] = {}
        self._latest = ""
        #: the first line of its conversation, by each line of one that does not name its agent.
        self._roots: dict[str, str] = {}
        #: which question to a subagent a call is of.
        self._calls: dict[str, Question] = {}
        self._held = self._asked = self._guessed = 0

    def line(self, row: Row, place: int, main: Question | None) -> None:
        """Read one line of a subagent; ``main`` is the question that is being worked on."""
        message = row.get("message")
        agent = self._named(row)
        if not isinstance(message, Mapping) or agent.startswith(INTERNAL):
            return
        parts = parts_of(message.get("content"))
        asked = asked_in(parts) if row.get("type") == "user" and not row.get("isMeta") else ""
        turn = self._now.get(agent)
        if asked and (turn is None or turn.instruction != asked):
            if self._asked >= MOST_ASKED:
                self._now.pop(agent, None)
                return
            turn = self._begun(agent, row, asked, place)
            if main is not None and not row.get("agentId"):
                self._guess(main, agent, asked)
        if turn is None:
            return
        turn.at(row)
        self._read(turn, row, message, parts)
        by = row.get("parentToolUseID") or row.get("parent_tool_use_id")
        if isinstance(by, str) and not (main is not None and main.starts(by, agent)):
            above = self._calls.get(by)
            if above is not None and above is not turn:
                above.starts(by, agent)

    def settle(self, turn: Question) -> None:
        """Put what subagents did after the calls that started them, as far as there is room.

        Its own calls are all kept: they are what the question came to.
        """
        found: list[dict[str, Any]] = []
        self._put(turn, found, turn, 0, 0)
        turn.missing = sum(self._now.keys().isdisjoint(names) for names in turn.started.values())
        turn.steps = found

    def rest(self) -> Iterator[Question]:
        """What no call of this file is known to have started, with what stands inside of that."""
        left = (turn for turns in self._waiting.values() for turn in turns)
        named = {agent for turn in left for names in turn.started.values() for agent in names}
        for agent in sorted(self._waiting, key=lambda agent: agent in named):
            turns = self._waiting[agent]
            while turns:
                turn = turns.popleft()
                self.settle(turn)
                yield turn

    def _read(self, turn: Question, row: Row, message: Row, parts: Sequence[Row]) -> None:
        called = sum(part.get("type") in CALLS for part in parts)
        if self._held + called > MOST_HELD:
            turn.left_out += called
            parts = [part for part in parts if part.get("type") not in CALLS]
        before = len(turn.steps)
        turn.line(row, message, parts)
        self._held += len(turn.steps) - before
        if len(turn.steps) > before:
            names = (part.get("id") for part in parts if part.get("type") in CALLS)
            self._calls.update((name, turn) for name in names if isinstance(name, str))

    def _put(
        self, turn: Question, into: list[dict[str, Any]], top: Question, parent: int, depth: int
    ) -> None:
        """Add the steps of ``turn``, each followed by what was done inside of it."""
        turn.spent.settle()
        for step in turn.steps:
            if depth and top.inner_count >= MAX_STEPS - len(top.steps):
                top.left_out += 1
                continue
            into.append(_inner(step, turn, top, parent) if depth else step)
            top.inner_count += bool(depth)
            number = len(into)
            for agent in turn.started.get(id(step), ()):
                waiting = self._waiting.get(agent)
                if waiting and depth < DEEPEST:
                    sub = waiting.popleft()
                    top.inside.append(sub.spent)
                    top.left_out += sub.left_out
                    self._put(sub, into, top, number, depth + 1)

    def _begun(self, agent: str, row: Row, asked: str, place: int) -> Question:
        session = str(row.get("sessionId", "session"))
        turn = Question(f"{session}:{row.get('uuid', '')}", asked, place)
        turn.subagent_of = session
        self._asked += 1
        self._waiting.setdefault(agent, deque()).append(turn)
        self._now[agent] = turn
        return turn

    def _named(self, row: Row) -> str:
        """The agent a line is of; of one that does not say, the first line of its conversation."""
        name = row.get("agentId")
        if isinstance(name, str) and name:
            self._latest = name
            return name
        own, above = str(row.get("uuid") or ""), str(row.get("parentUuid") or "")
        if len(self._roots) > MOST_LINES:
            self._roots.clear()
        if own:
            self._roots[own] = self._roots.get(above, own)
            self._latest = f"#{self._roots[own]}"
        return self._latest

    def _guess(self, main: Question, agent: str, asked: str) -> None:
        """Of older versions: the call that asked the same, else the first that is not answered."""
        self._guessed += 1
        if self._guessed > MOST_GUESSES:
            return
        starting = [step for step in main.steps if step["tool"] in STARTING]
        free = [step for step in starting if id(step) not in main.started]
        same = [s for s in free if str(s["arguments"].get("prompt", "")).strip() == asked]
        for step in (same or [step for step in free if "is_error" not in step])[:1]:
            main.started[id(step)] = {agent: None}


def beside(row: Row) -> Row:
    """A line as it is, but one that shows how a subagent gets on as that subagent's.

    Such are the ``progress`` that some versions write into the session, and lines of the stream
    that the program prints.
    """
    told = row.get("data")
    if row.get("type") == "progress" and isinstance(told, Mapping):
        inner = told.get("message")
        if told.get("type") == "agent_progress" and isinstance(inner, Mapping):
            return {**row, **inner, "isSidechain": True, "agentId": told.get("agentId")}
    by = row.get("parent_tool_use_id")
    if isinstance(by, str) and by and "isSidechain" not in row:
        return {"agentId": by, **row, "isSidechain": True}
    return row


def _tool(part: Row) -> str:
    """The tool of a call, with its server, which the provider's own calls of one say beside it."""
    name, server = str(part.get("name", "")), part.get("server_name")
    is_beside = part.get("type") == "mcp_tool_use" and isinstance(server, str)
    return f"{OF_A_SERVER}{server}__{name}" if is_beside else name


def _is_failure(found: Any) -> bool:
    """Whether one of the provider's own tools answered with an error, such as of a search."""
    return isinstance(found, Mapping) and str(found.get("type", "")).endswith("_error")


def _inner(step: dict[str, Any], turn: Question, top: Question, parent: int) -> dict[str, Any]:
    """A step of a subagent as one of ``top``, whose question its time counts from."""
    found = {**step, "parent": parent}
    if "started_ms" in step:
        later = milliseconds(top.began, turn.began) if top.began else 0
        found["started_ms"] = min(step["started_ms"] + later, LONGEST)
    return found
