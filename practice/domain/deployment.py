"""What a deployed agent may send: one trajectory as a value, checked, masked and bounded.

Online continuation (Preping, arXiv 2605.13880, with ACE): what agents met after deployment is
validated, reflected on and curated like practice. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import accumulate, islice
from typing import Any

from memoryapp.domain.json_texts import each_text
from memoryapp.domain.masking import redact_value
from memoryapp.domain.nesting import DEEPEST, nested_beyond
from memoryapp.domain.text import storable
from practice.domain.cutting import clip, masked_within
from practice.domain.traces.counts import DEAREST, LONGEST, WHOLE, cost_of

MAX_STEPS = 500
MAX_BATCH = 200
MAX_ID = 200
MAX_CALL_ID = 100
INSTRUCTION_CAP = 20_000
ANSWER_CAP = 40_000
ARGUMENTS_CAP = 40_000
THOUGHT_CAP = 10_000
OUTCOMES = ("", "success", "failure")
#: What a step may say in numbers, and of what: when it began, counted from the question, how long
#: it took, and the tokens of the model call that asked for it.
COUNTS = {
    "started_ms": "milliseconds",
    "duration_ms": "milliseconds",
    "input_tokens": "tokens",
    "output_tokens": "tokens",
}
#: All that a step says beside what was done: the same way may take longer and cost more.
MEASURES = (*COUNTS, "cost")
#: How Claude Code and Codex call the tools of their MCP servers: ``mcp__desk__get_order``.
OF_A_SERVER = "mcp__"


class NotATrajectory(ValueError):
    """What was sent cannot be read; the message names the field and what it should be.

    ``place`` is the row or line it stands in, counted from 0, and ``id`` what it is called there,
    where its reader knows them.
    """

    def __init__(self, said: str, *, place: int | None = None, id: str = "") -> None:
        super().__init__(said)
        self.place, self.id = place, id


class Placed(dict[str, Any]):
    """A trajectory as it was given, and its ``place``: the row or line it begins in, from 0."""

    def __init__(self, given: Mapping[str, Any], place: int) -> None:
        super().__init__(given)
        self.place = place


@dataclass(frozen=True, slots=True)
class Sent:
    """One trajectory as it is stored. ``steps`` are plain JSON, secrets masked, texts bounded."""

    external_id: str
    instruction: str
    steps: tuple[dict[str, Any], ...]
    answer: str = ""
    outcome: str = ""
    release: str = ""
    #: by the sender's clock, which dates nothing here.
    ended_at: datetime | None = None
    #: numbers of the steps whose observation was longer than what is kept.
    cut_steps: tuple[int, ...] = ()
    #: steps of a trace or a session beyond ``MAX_STEPS``, which are not here.
    left_out: int = 0
    #: what its first call is known by, which a copy of its session keeps; empty where nothing is.
    first_call: str = ""
    #: US dollars for all of it, where its sender says.
    cost: Decimal | None = None
    #: how many costs its sender gave are no sums of money, and are not here.
    costs_unread: int = 0
    #: the session that a subagent did it for, where it stands by itself.
    subagent_of: str = ""
    #: how many subagents it started whose steps are not here.
    subagents_missing: int = 0

    def goes_like(self, steps: Sequence[Mapping[str, Any]]) -> bool:
        """Whether its own calls are the first of ``steps``, or all of them.

        What was done inside of a call is left out: one sender may know of it and another not.
        """
        own, others = (
            [(step["tool"], step["arguments"]) for step in one if "parent" not in step]
            for one in (self.steps, steps)
        )
        return own == others[: len(own)]


def began_at(steps: Sequence[Mapping[str, Any]]) -> list[int]:
    """When each step began, in milliseconds from the question.

    Where one does not say, each began when the one before had ended.
    """
    said = [step.get("started_ms") for step in steps]
    if all(type(one) is int for one in said):
        return [one for one in said if one is not None]
    ends = accumulate((step["duration_ms"] for step in steps), initial=0)
    return [min(end, LONGEST) for end in islice(ends, len(steps))]


def read(given: Any) -> Sent:
    """Return what was sent as a value.

    Raises:
        NotATrajectory: a field is missing or of another kind.
    """
    try:
        return _read(given)
    except RecursionError as error:
        raise NotATrajectory("It is nested too deeply to be read.") from error


def _read(given: Any) -> Sent:
    if not isinstance(given, Mapping):
        raise NotATrajectory("A trajectory is an object with id, instruction and steps.")
    if nested_beyond(given):
        raise NotATrajectory(
            f"It is nested more than {DEEPEST} levels deep. Send deep arguments and observations "
            "as text."
        )
    steps = given.get("steps")
    if not isinstance(steps, Sequence) or isinstance(steps, str) or not steps:
        raise NotATrajectory("steps is a list with at least one tool call.")
    if len(steps) > MAX_STEPS:
        raise NotATrajectory(f"steps has {len(steps)} entries; at most {MAX_STEPS} are taken.")
    outcome = _text(given, "outcome", "outcome", 10)
    if outcome not in OUTCOMES:
        raise NotATrajectory("outcome is success or failure, or left out.")
    external_id = _text(given, "id", "id", MAX_ID + 1).strip()
    if not external_id or len(external_id) > MAX_ID:
        raise NotATrajectory(f"id is your own name for it: a text of 1 to {MAX_ID} characters.")
    instruction = _masked(given, "instruction", "instruction", INSTRUCTION_CAP).strip()
    if not instruction:
        raise NotATrajectory("instruction is the task the agent was given, as a text.")
    taken = [_step(step, number) for number, step in enumerate(steps, start=1)]
    return Sent(
        external_id=external_id,
        instruction=instruction,
        steps=tuple(step for step, _ in taken),
        answer=_masked(given, "answer", "answer", ANSWER_CAP),
        outcome=outcome,
        release=_release(given),
        ended_at=_ended_at(given),
        cut_steps=tuple(n for n, (_, is_cut) in enumerate(taken, start=1) if is_cut),
        left_out=_whole_number(given, "steps_left_out"),
        costs_unread=_whole_number(given, "costs_unread"),
        subagent_of=_text(given, "subagent_of", "subagent_of", MAX_CALL_ID),
        subagents_missing=_whole_number(given, "subagents_missing"),
        cost=_cost(given, "cost", WHOLE),
        first_call=_text(given, "first_call", "first_call", MAX_CALL_ID),
    )


def _whole_number(given: Mapping[str, Any], name: str) -> int:
    """What whoever read a trace or a session says of what they did not hand on; else 0."""
    found = given.get(name, 0)
    return found if type(found) is int and 0 < found <= LONGEST else 0


def _ended_at(given: Mapping[str, Any]) -> datetime | None:
    said = _text(given, "ended_at", "ended_at", 64)
    if not said:
        return None
    try:
        when = datetime.fromisoformat(said)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NotATrajectory(
            "ended_at is a time as in 2026-01-31T12:00:00Z, or left out."
        ) from error


def _release(given: Mapping[str, Any]) -> str:
    """Releases are numbers elsewhere; labels are words. Either names one here."""
    number = given.get("release")
    if isinstance(number, int) and not isinstance(number, bool):
        return str(number)
    return _text(given, "release", "release", 64)


def _step(given: Any, number: int) -> tuple[dict[str, Any], bool]:
    """A step as it is stored, and whether its observation was cut."""
    if not isinstance(given, Mapping):
        raise NotATrajectory(f"Step {number} is not an object with tool, arguments, observation.")
    tool = _text(given, "tool", f"tool of step {number}", 200).strip()
    if not tool:
        raise NotATrajectory(f"Step {number} does not name its tool.")
    arguments = given.get("arguments", {})
    if not isinstance(arguments, Mapping):
        raise NotATrajectory(f"The arguments of step {number} are not an object.")
    if len(json.dumps(arguments, default=str)) > ARGUMENTS_CAP:
        raise NotATrajectory(
            f"The arguments of step {number} are longer than {ARGUMENTS_CAP} characters."
        )
    failed = given.get("is_error", False)
    if not isinstance(failed, bool):
        raise NotATrajectory(f"is_error of step {number} is true or false.")
    counts = {name: _count(given, name, of, number) for name, of in COUNTS.items()}
    cost = _cost(given, f"cost of step {number}", DEAREST)
    parent = _parent(given, number)
    observation, is_cut = clip(_observation(given))
    return {
        "tool": tool,
        # JSON in the database has neither NaN nor infinity.
        "arguments": each_text(redact_value(arguments), storable, odd=str),
        "observation": observation,
        "is_error": failed,
        "thought": _masked(given, "thought", f"thought of step {number}", THOUGHT_CAP),
        "duration_ms": 0,
        **{name: found for name, found in counts.items() if found is not None},
        # As a text: a number of JSON would lose digits.
        **({} if cost is None else {"cost": str(cost)}),
        **({} if parent is None else {"parent": parent}),
    }, is_cut


def _cost(given: Mapping[str, Any], called: str, most: Decimal) -> Decimal | None:
    """US dollars of a step or of all of it; ``None`` where they are left out."""
    found = given.get("cost")
    if found is None:
        return None
    dollars = None if isinstance(found, str) else cost_of(found, most=most)
    if dollars is None:
        raise NotATrajectory(f"{called} is a number of US dollars, from 0 to {most:,}.")
    return dollars


def _parent(given: Mapping[str, Any], number: int) -> int | None:
    """The step that started this one, by its number; ``None`` where none did."""
    found = given.get("parent")
    if found is None:
        return None
    if type(found) is not int or not 0 < found < number:
        raise NotATrajectory(
            f"parent of step {number} is the number of the step that started it, which is an "
            "earlier one, or left out."
        )
    return found


def _count(given: Mapping[str, Any], name: str, of: str, number: int) -> int | None:
    """A whole number from 0 of a step; ``None`` where it is left out."""
    found = given.get(name)
    if found is None:
        return None
    if type(found) is not int or not 0 <= found <= LONGEST:
        raise NotATrajectory(
            f"{name} of step {number} is a whole number of {of}, from 0 to {LONGEST}."
        )
    return found


def _observation(given: Mapping[str, Any]) -> str:
    found = given.get("observation", "")
    if not isinstance(found, str):
        # Agents often keep a tool's structured answer; its JSON is what it said.
        found = json.dumps(found, ensure_ascii=False, default=str)
    return storable(found)


def _text(given: Mapping[str, Any], name: str, called: str, cap: int | None = None) -> str:
    found = given.get(name, "")
    if found is None:
        return ""
    if not isinstance(found, str):
        raise NotATrajectory(f"{called} is a text.")
    return storable(found)[:cap]


def _masked(given: Mapping[str, Any], name: str, called: str, cap: int) -> str:
    return masked_within(_text(given, name, called), cap)
