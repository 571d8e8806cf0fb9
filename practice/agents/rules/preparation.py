"""What comes before a call: what the playbook says, and finding what is somewhere else.

With a playbook this happens before the first try. Without one the solver tries, is told no, and
does the same if the error asks for it.
"""

from __future__ import annotations

import re
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, noun_of, records
from practice.agents.rules.errors import session_status, sign_in_tools
from practice.agents.rules.execution import Execution
from practice.agents.rules.filling import MAX_DEPTH, Filler, Perform
from practice.agents.rules.knowledge import Knowledge, Rule, named
from practice.agents.rules.linking import RELATED, STRONG, kinship, match, producers
from practice.agents.rules.places import Places, placed, places, way
from practice.agents.rules.standing import holds, own_identifier
from practice.agents.rules.words import GENERIC, LIST_VERBS, content, parts
from practice.domain.types import Json, Step, ToolSpec

MAX_MADE = 2


class Preparation:
    """Makes the world ready for a call of one attempt; ``perform`` makes the calls that takes."""

    def __init__(
        self, run: Execution, knowledge: Knowledge, filler: Filler, perform: Perform
    ) -> None:
        self._run = run
        self._knowledge = knowledge
        self._filler = filler
        self._perform = perform
        self._places: Places | None = places(run.tools)
        #: what was to be made already, so that an answer that misses it does not ask for it again.
        self._wanted: set[tuple[str, str]] = set()

    def before(self, tool: ToolSpec, arguments: dict[str, Any], depth: int) -> None:
        """Do what the playbook says has to come before a call, for the same thing."""
        if depth >= MAX_DEPTH:
            return
        for rule in self._knowledge.prerequisites(tool.name):
            self._first(tool, rule, arguments, depth)
        where = placed(tool, arguments)
        if where and self._says_look(tool, where) and not self.reach(tool, where, arguments[where]):
            self._made(tool, where, arguments, depth)
        for name in list(arguments):
            if name != where and self._is_missing(tool, name, arguments, depth):
                self._made(tool, name, arguments, depth)

    def _sign_in(self, reader: ToolSpec, depth: int) -> None:
        """Sign in for a look-up nobody asked for, as the playbook says of its relatives.

        It must not fail where signing in takes no look-up of its own.
        """
        kin = kinship(self._run.tools)
        for name in sign_in_tools(reader, self._run.tools)[:1]:
            if kin(reader.name, name) < RELATED or not self._is_ready(self._run.by_name[name]):
                continue
            for rule in self._knowledge.needing(name)[:1]:
                self._first(reader, rule, {}, depth)

    def _is_ready(self, tool: ToolSpec) -> bool:
        """Whether everything a tool requires is at hand without another call."""
        run = self._run
        return all(
            run.from_task(tool, n) is not None or run.from_schema(tool, n) is not None
            for n in tool.required
        )

    def _is_signed_in(self, first: ToolSpec) -> bool:
        """Whether the environment says that somebody is signed in, asked only if that is cheaper.

        Asking is one call; so is signing in, unless whom to sign in as has to be looked up.
        """
        if first.name not in sign_in_tools(first, self._run.tools) or self._is_ready(first):
            return False
        reader = session_status(first, self._run.tools)
        if reader is None:
            return False
        step = self._run.call(reader.name, {}, "I ask whether somebody is signed in already.")
        told = [leaf.value for leaf in self._run.shown(step) if isinstance(leaf.value, bool)]
        return not failure(step) and told == [True]

    def _says_look(self, tool: ToolSpec, name: str) -> bool:
        """Whether the playbook says to look for a thing before it is named."""
        if self._places is None:
            return False
        elsewhere = self._knowledge.location(self._places.move.name)
        return elsewhere is not None or self._knowledge.made(tool.name, name) is not None

    def _made(self, tool: ToolSpec, name: str, arguments: dict[str, Any], depth: int) -> bool:
        """Make a thing that is not there, if the playbook knows what makes such things."""
        rule = self._knowledge.made(tool.name, name, arguments[name])
        return rule is not None and self._make(rule, name, arguments, depth)

    def _first(self, tool: ToolSpec, rule: Rule, arguments: dict[str, Any], depth: int) -> None:
        first = self._run.by_name.get(str(rule.get("needs")))
        if first is None or first.name == tool.name:
            return
        shared = {k: v for k, v in arguments.items() if k in first.parameters}
        if rule.get("every"):
            self._every(first, rule, shared, arguments, depth)
            return
        done = any(
            s.tool == first.name and not failure(s) and shared.items() <= s.arguments.items()
            for s in self._run.steps
        )
        base = {**shared, **dict(rule.get("settings", {}))}
        if done or self._is_signed_in(first) or self._holds(first, rule, shared, depth):
            return
        if self._filler.fillable(first, {**arguments, **base}, depth + 1):
            self._perform(first, base, depth + 1, arguments)

    def _every(
        self, first: ToolSpec, rule: Rule, shared: dict[str, Any], arguments: Json, depth: int
    ) -> None:
        """Do a call for every thing of its kind there is, but for those it would change nothing of.

        Where no reader lists them nothing is done: which things there are is not guessed at.
        """
        name, state = str(rule["every"]), str(rule["state"])
        for reader in self._details(arguments, name):
            asked = {n: arguments[n] for n in reader.required}
            step = self._read(reader, asked, depth)
            found = [] if step is None else records(step.observation, step.tool)
            named = [(_named(first, name, record), record) for record in found]
            for value in dict.fromkeys(v for v, _ in named if v is not None):
                told = [record for own, record in named if own == value]
                done = any(
                    s.tool == first.name and s.arguments.get(name) == value and not failure(s)
                    for s in self._run.steps
                )
                if not done and not any(holds(record, state) for record in told):
                    self._perform(first, {**shared, name: value}, depth + 1, arguments)
            if any(value is not None for value, _ in named):
                return

    def _holds(self, first: ToolSpec, rule: Rule, shared: Json, depth: int) -> bool:
        """Whether what a call would bring about is so already, as far as a look can tell."""
        state, name = str(rule.get("state", "")), own_identifier(first, shared)
        if not state or not name:
            return False
        seen = self._records(first, name, shared[name])
        if not seen:
            readers = self._details(shared, name)
            for reader in sorted(readers, key=lambda r: name not in r.required)[:1]:
                self._read(reader, {n: shared[n] for n in reader.required}, depth)
            seen = self._records(first, name, shared[name])
        return any(holds(record, state) for record in seen)

    def _records(self, tool: ToolSpec, name: str, value: Any) -> list[dict[str, Any]]:
        """Return what calls that worked showed of the thing a parameter names, the latest first."""
        return [
            record
            for step in reversed(self._run.steps)
            if not failure(step)
            for record in records(step.observation, step.tool)
            if _named(tool, name, record) == value
        ]

    def _details(self, known: Json, name: str) -> list[ToolSpec]:
        """Return read-only tools named after a thing that ask for no more than is ``known``."""
        about = set(parts(name)) - GENERIC
        return [
            tool
            for tool in self._run.tools
            if schema.is_read(tool)
            and about <= set(parts(tool.name))
            and any("id" in parts(n) for n in tool.required)
            and all(n in known for n in tool.required)
        ]

    def _read(self, reader: ToolSpec, asked: dict[str, Any], depth: int) -> Step | None:
        """Return what a reader shows; one that was asked already in this attempt is not again."""
        for step in self._run.steps:
            if step.tool == reader.name and dict(step.arguments) == asked and not failure(step):
                return step
        return self._perform(reader, asked, depth + 1, {})

    def made_for(self, tool: ToolSpec, arguments: dict[str, Any], said: str, depth: int) -> bool:
        """Make what an answer says is not there, if the playbook knows what makes such things."""
        told = content(said)
        return any(
            self._made(tool, name, arguments, depth)
            for name in list(arguments)
            if content(noun_of(name)) & told and not self._run.shows(arguments[name])
        )

    def reach(self, tool: ToolSpec, name: str, value: Any) -> bool:
        """Go to where the thing a bare name means is; whether the agent stands next to it then."""
        here = self._places
        if here is None or name != placed(tool, {name: value}) or self._is_seen_here(value):
            return False
        look = self._run.call(
            here.find.name, here.search(value), f"I look where {value!r} is before I name it."
        )
        steps = None if failure(look) else way(look, value)
        for folder in steps or ():
            thought = f"{value!r} is in another folder, so I go to {folder!r}."
            if failure(self._run.call(here.move.name, {here.into: folder}, thought)):
                return False
        return steps is not None

    def _is_seen_here(self, value: Any) -> bool:
        """Whether something of this name was shown or made where the agent stands."""
        for step in reversed(self._run.steps):
            if failure(step):
                continue
            if self._places is not None and step.tool == self._places.move.name:
                return False
            if self._places is not None and step.tool == self._places.find.name:
                if way(step, str(value)) == ():
                    return True
                continue
            if value in step.arguments.values():
                return True
            if any(leaf.value == value for leaf in self._run.shown(step)):
                return True
        return False

    def _is_missing(self, tool: ToolSpec, name: str, arguments: Json, depth: int) -> bool:
        """Whether a reader that lists such things does not show one the playbook says is made.

        Where there is no such reader nobody knows, and nothing is made on a guess.
        """
        value = arguments[name]
        if self._knowledge.made(tool.name, name) is None or self._run.shows(value):
            return False
        for reader in self._readers(tool, name):
            asked = {n: arguments[n] for n in reader.required if n in arguments}
            if not self._filler.fillable(reader, asked, depth + 1):
                continue
            self._sign_in(reader, depth)
            if self._perform(reader, asked, depth + 1, {}) is not None:
                return not self._run.shows(value)
        return False

    def _readers(self, tool: ToolSpec, name: str) -> list[ToolSpec]:
        """Return read-only tools named after what a parameter names that do not ask for it."""
        noun = set(parts(name)) - GENERIC
        options = [p.tool for p in producers(tool, name, self._run.tools)]
        options += [o for o in self._run.tools if LIST_VERBS & set(parts(o.name))]
        readers = [
            o for o in options if noun and noun <= set(parts(o.name)) and name not in o.parameters
        ]
        return list(
            {o.name: o for o in readers if o.name != tool.name and schema.is_read(o)}.values()
        )[:2]

    def _make(self, rule: Rule, name: str, arguments: dict[str, Any], depth: int) -> bool:
        maker = self._run.by_name.get(str(rule["producer"]))
        if maker is None or depth >= MAX_DEPTH:
            return False
        wanted = arguments[name]
        if (maker.name, str(wanted)) in self._wanted:
            return False
        self._wanted.add((maker.name, str(wanted)))
        shared = {n: v for n, v in arguments.items() if n in maker.parameters}
        if not rule.get("field"):
            shared[named(rule)] = wanted
        others = {n: v for n, v in arguments.items() if n != name}
        for _ in range(MAX_MADE):
            if not self._filler.fillable(maker, shared, depth + 1):
                return False
            step = self._perform(maker, shared, depth + 1, others)
            if step is None:
                return False
            if self._run.shows(wanted) or wanted in step.arguments.values():
                return True
            if not any(_follows(wanted, leaf.value) for leaf in self._run.shown(step)):
                return False
        return False


def _named(tool: ToolSpec, name: str, record: Json) -> Any | None:
    """Return the value of the field of a record that says what a parameter asks for, if any."""
    fields = [f for f in record if match(tool, name, f) >= STRONG]
    best = max(fields, key=lambda f: match(tool, name, f), default=None)
    return None if best is None else record[best]


def _follows(wanted: Any, made: Any) -> bool:
    """Whether ``wanted`` is the very next identifier after ``made``: ``ORD-8`` after ``ORD-7``."""
    one, two = (re.fullmatch(r"(.*?)(\d{1,12})", str(value)) for value in (made, wanted))
    return bool(one and two and one[1] == two[1] and int(two[2]) == int(one[2]) + 1)
