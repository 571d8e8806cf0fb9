"""Conversations as an agent's own code holds them: the list of messages it gave to a model.

What libraries write is read, whichever they are: OpenAI's messages and items of its Responses API,
Anthropic's blocks, Gemini's parts, what LangChain, pydantic-ai and the AI SDK keep. A question
begins a trajectory, and the tool calls until the next one are its steps, so that a conversation may
be sent again when it has grown.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import MEASURES, NotATrajectory, Placed
from practice.domain.traces.messages import Message, read_messages
from practice.domain.traces.rows import identity
from practice.domain.traces.sessions import Entry, Turn

#: What OpenAI's agents tell a model whose tool failed: their messages have no other word for it.
FAILED = "An error occurred while running the tool"
EXPECTED = 'A line is one conversation: {"id", "messages": [{"role", "content"}, …], "outcome"}.'


def trajectories(rows: Iterable[tuple[int, Any]]) -> Iterator[Entry]:
    """Yield each question of each row, which come with their places, or why a row has none."""
    for place, row in rows:
        if isinstance(row, NotATrajectory):
            yield row
        else:
            yield from _talk(row if isinstance(row, Mapping) else {"messages": row}, place)


def _talk(row: Mapping[str, Any], place: int) -> Iterator[Entry]:
    name, held = identity(row.get("id")), row.get("messages")
    if not isinstance(held, list):
        yield NotATrajectory(EXPECTED, place=place, id=name)
        return
    turns = list(_turns(read_messages(held, ""), name, place))
    found = [entry for turn in turns for entry in turn.entry()]
    if not found:
        why = (
            "No question of it was followed by a tool call, so it shows nothing to learn from."
            if turns
            else "Nobody asks anything in it: no message is a user's."
        )
        yield NotATrajectory(why, place=place, id=name)
        return
    for entry in found:
        # How it ended is how its last question did.
        about = {"release": row.get("release"), "id": entry["id"] or _digest(entry)}
        if entry is found[-1]:
            about["outcome"] = row.get("outcome")
        yield Placed({**entry, **about}, place)


def _turns(talk: Iterable[Message], name: str, place: int) -> Iterator[Turn]:
    """The questions of a conversation; the first is called as that is."""
    turn: Turn | None = None
    count, made = 0, 0
    unnamed: deque[str] = deque()
    for message in talk:
        is_agent = message.role == "assistant"
        if turn is not None and (is_agent or message.answers):
            turn.at({"timestamp": message.at})
        if turn is not None and not is_agent:
            _hears(turn, message, unnamed)
        if message.role == "user" and message.text.strip():
            if turn is not None:
                yield turn
            count += 1
            turn = Turn(f"{name}:{count}" if name and count > 1 else name, message.text, place)
            turn.at({"timestamp": message.at})
        elif turn is not None and is_agent:
            turn.says(message.text)
            turn.spent.says("", message.took)
        for call_id, tool, given in message.calls:
            made += 1
            if not call_id:  # what answers it has no id either: the next one does
                unnamed.append(f"#{made}")
            if turn is not None:
                turn.calls(call_id or f"#{made}", tool, given)
        if turn is not None and is_agent:
            _hears(turn, message, unnamed)  # where one message holds a call and its answer
    if turn is not None:
        yield turn


def _hears(turn: Turn, message: Message, unnamed: deque[str]) -> None:
    for call_id, result, failed in message.answers:
        answered = call_id or (unnamed.popleft() if unnamed else "")
        is_said = isinstance(result, str) and result.startswith(FAILED)
        turn.hears(answered, result, failed=failed or is_said)


def _digest(entry: Mapping[str, Any]) -> str:
    """A name for what has none: the same question that went the same way is the same one.

    How long its steps took and what they cost says nothing of the way.
    """
    steps = [{name: step[name] for name in step if name not in MEASURES} for step in entry["steps"]]
    said = json.dumps([entry["instruction"], steps], sort_keys=True, default=str)
    return f"talk-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:32]}"
