"""Sessions of coding agents: the JSON lines that Claude Code and Codex keep of a conversation.

What a person asked begins a trajectory; the tool calls until the next question are its steps. Lines
are read as they come, so a session of any length costs the memory of one question. A file that
yields no trajectory is one refusal, which says what was expected and what was found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from practice.domain.deployment import MAX_CALL_ID, MAX_STEPS, NotATrajectory, Placed
from practice.domain.traces.called import as_object
from practice.domain.traces.counts import WHOLE, Took, added, cost_of, measured, milliseconds
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
#: How Claude Code writes down a slash command, which a person gave, and what was said with it.
COMMAND, COMMAND_WORDS = "command-name", "command-args"
#: An id no other call has: it ends in what is random. Some models number their calls instead.
LASTING = re.compile(
    r"(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}\Z|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z"
)
#: What a person may show without a word.
IMAGES = {"image", "input_image"}
#: Fields of a file of another form that are named to whoever sent it.
FIELDS_NAMED = 6


class Spent:
    """What model calls took, each counted at the first step that came of it.

    Where a reply is written part by part, each part says what it took so far.
    """

    def __init__(self) -> None:
        self._said: dict[str, Took] = {}
        self._waiting: list[str] = []
        self._by_step: list[tuple[dict[str, Any], list[str]]] = []
        self._unpaid = 0

    def says(self, call: str, took: Took) -> None:
        """What is said of a model call by its id, before the steps that came of it."""
        call = call or f"#{len(self._said)}"
        if call not in self._said:
            self._waiting.append(call)
        self._said[call] = took

    def said_after(self, call: str, took: Took) -> None:
        """What is said of a model call after the steps that came of it, once or again."""
        if call in self._said:
            return
        self._said[call] = took
        if self._unpaid < len(self._by_step):
            self._by_step[self._unpaid][1].append(call)
        self._unpaid = len(self._by_step)

    def step(self, step: dict[str, Any]) -> None:
        self._by_step.append((step, self._waiting))
        self._waiting = []

    def settle(self) -> None:
        for step, calls in self._by_step:
            took = measured(added(self._said[call] for call in calls))
            step.update({name: value for name, value in took.items() if value or name == "cost"})

    def whole(self) -> Took:
        return added(self._said.values())

    def unread(self) -> int:
        """How many calls say something that is no sum of money where their cost should be."""
        return sum(took.is_unread for took in self._said.values())


class Turn:
    """One question with what followed it, growing line by line. ``place`` is that of its line."""

    def __init__(self, name: str, instruction: str, place: int) -> None:
        self.name = name
        self.instruction = instruction
        self.place = place
        self.steps: list[dict[str, Any]] = []
        self.left_out = 0
        #: whether all of it is of another session, which this one was forked from.
        self.is_repeated = False
        self.answer = ""
        self.ended_at = ""
        self.first_call = ""
        #: the last call of each id, and those of them that nothing answered yet.
        self._made: dict[str, dict[str, Any]] = {}
        self._open: dict[str, dict[str, Any]] = {}
        self.began = self._now = 0
        self._thinking = ""
        self.spent = Spent()
        #: of a subagent the session it worked for, where it stands by itself.
        self.subagent_of = ""

    def at(self, row: Row) -> None:
        """A line of this question; the first that says when is its beginning, the last its end."""
        now = nanoseconds(row.get("timestamp"))
        if now:
            self.began, self._now, self.ended_at = self.began or now, now, iso(now)

    def thinks(self, text: str) -> None:
        """What the model thinks before it speaks or calls a tool; no part of its answer."""
        self._thinking = text if text.strip() else self._thinking

    def means(self, text: str) -> None:
        """What the program says a slash command stands for, before anything was done."""
        if text and self.instruction.startswith("/") and not self.steps:
            self.instruction = f"{self.instruction}\n{text}"

    def says(self, text: str) -> None:
        if text.strip():
            self.answer = text

    def calls(self, call_id: str, tool: str, arguments: Any) -> None:
        """A tool call; what was said just before it is its thought. Written twice, it is one."""
        is_lasting = len(call_id) <= MAX_CALL_ID and LASTING.search(call_id) is not None
        given, tool = as_object(arguments), tool[:200] or "unnamed"
        earlier = (self._made if is_lasting else self._open).get(call_id)
        if earlier is not None and (earlier["tool"], earlier["arguments"]) == (tool, given):
            return
        if len(self.steps) >= MAX_STEPS:
            self.left_out += 1
            return
        step: dict[str, Any] = {"tool": tool, "arguments": given, "observation": ""}
        if self._now:
            step["started_ms"] = milliseconds(self.began, self._now)
        if why := "\n".join(filter(None, (self._thinking, self.answer))):
            step["thought"], self._thinking, self.answer = why[:10_000], "", ""
        self.spent.step(step)
        if not self.steps and is_lasting:
            self.first_call = call_id
        self.steps.append(step)
        self._made[call_id] = self._open[call_id] = step

    def hears(self, call_id: str, observation: Any, *, failed: bool) -> None:
        step = self._open.pop(call_id, None)
        if step is not None:
            step["observation"] = observation
            step["is_error"] = failed or step.get("is_error", False)
            if self._now and "started_ms" in step:
                ended = milliseconds(self.began, self._now)
                step["duration_ms"] = max(0, ended - step["started_ms"])

    def made(self, call_id: str) -> dict[str, Any] | None:
        """The step of the last call of an id."""
        return self._made.get(call_id)

    def ended(self, call_id: str, *, failed: bool) -> None:
        """What is said of a call beside its answer, before that or after it."""
        step = self._made.get(call_id)
        if step is not None and failed:
            step["is_error"] = True

    def entry(self) -> Iterator[Placed]:
        """The trajectory; a question that needed no tool teaches nothing and is left out."""
        if self.steps:
            self.spent.settle()
            found = {
                "id": self.name[:200],
                "instruction": self.instruction,
                "steps": self.steps,
                "steps_left_out": self.left_out,
                "answer": self.answer,
                "ended_at": self.ended_at,
                "first_call": self.first_call,
                "cost": cost_of(self.spent.whole().cost, most=WHOLE),
                "costs_unread": self.spent.unread(),
                "subagent_of": self.subagent_of[:MAX_CALL_ID],
            }
            yield Placed(found, self.place)


@dataclass(slots=True)
class Seen:
    """What was looked at of a file, to say why nothing came of it."""

    #: the place of the line that is looked at, counted from 0.
    place: int = 0
    #: lines that are JSON, those of them that belong into such a session, and questions in these.
    lines: int = 0
    known: int = 0
    questions: int = 0
    #: of the questions those that a forked session repeats, and the session it came from.
    repeated: int = 0
    origin: str = ""
    #: the names of the first fields met.
    fields: dict[str, None] = field(default_factory=dict)

    def look(self, rows: Iterable[tuple[int, Any]]) -> Iterator[Any]:
        for place, row in rows:
            self.place = place
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
            return NotATrajectory(
                f"This is not a session of {form.program}: its lines are {form.line}; "
                f"those here {fields_named(self.fields)}. Choose the format it has."
            )
        if not self.questions:
            return NotATrajectory("Nobody asks anything in this session: no line is a person's.")
        asked = self.questions - self.repeated
        return NotATrajectory(
            f"No question of this session ({asked}) was followed by a tool call, so it shows "
            "nothing to learn from."
        )


def fields_named(fields: Iterable[str]) -> str:
    """What is said of the fields of a file that is of another form."""
    named = ", ".join(name[:40] for name in islice(fields, FIELDS_NAMED))
    return f"have the fields {named}" if named else "are not objects with fields"


@dataclass(frozen=True, slots=True)
class Form:
    """How one program writes its sessions: ``line`` for people, ``read`` for their lines."""

    program: str
    line: str
    read: Callable[[Iterable[Any], Seen], Iterator[Entry]]


def read_session(form: Form, rows: Iterable[tuple[int, Any]]) -> Iterator[Entry]:
    """Yield each question of a session that led to tool calls, or one refusal where none did.

    ``rows`` are its lines with their places.
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


def end(turn: Turn | None, seen: Seen) -> Iterator[Entry]:
    """What is to be learned of a question that nothing more belongs to."""
    if turn is not None:
        seen.repeated += turn.is_repeated
        yield from () if turn.is_repeated else turn.entry()


def parts_of(content: Any) -> list[Row]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [p for p in content if isinstance(p, Mapping)] if isinstance(content, list) else []


def words_of(parts: Iterable[Row]) -> str:
    kinds = ("text", "input_text", "output_text")
    said = [str(part.get("text", "")) for part in parts if part.get("type") in kinds]
    return "\n".join(said).strip()


def heard_of(parts: Sequence[Row]) -> str:
    """What a tool answered in parts: its words, and of what is no words, such as images, that."""
    kinds = [str(part.get("type", "")) for part in parts]
    said = [
        words_of([part]) if "text" in kind else f"[{kind}]"
        for part, kind in zip(parts, kinds, strict=True)
    ]
    return "\n".join(filter(None, said))


def asked_in(parts: Sequence[Row]) -> str:
    """What a person said, without what the program wrote around it; a slash command as typed."""
    words = words_of(
        part for part in parts if not str(part.get("text", "")).lstrip().startswith(MACHINE)
    )
    kinds = {str(part.get("type")) for part in parts}
    if kinds and kinds <= IMAGES:
        return "[image]"
    command = within(words, COMMAND) if words.startswith("<command-") else None
    if command is None:
        return words
    return f"{command} {within(words, COMMAND_WORDS) or ''}".strip()


def within(words: str, mark: str) -> str | None:
    """What stands between two marks, where both are there.

    No pattern looks for them: one would begin anew at each mark of a text that has thousands.
    """
    _, is_open, rest = words.partition(f"<{mark}>")
    held, is_closed, _ = rest.partition(f"</{mark}>")
    return held if is_open and is_closed else None
