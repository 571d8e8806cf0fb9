"""Chains of calls that reach a tool: what it needs is observed, produced, made or left to find."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Set
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.accord import align, mixed, rename
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.linking import RELATED, STRONG, WEAK, Producer, kinship, producers
from practice.agents.rules.makers import (
    lists_what_it_adds,
    maker,
    makes,
    named_by,
    same_parameter,
    shown,
    takes_away,
)
from practice.agents.rules.observed import Observed, Pick, handle
from practice.agents.rules.schema import Role
from practice.agents.rules.things import Things
from practice.agents.rules.twins import twins
from practice.agents.rules.values import Values
from practice.agents.rules.words import LIST_VERBS, parts, plural
from practice.domain.coverage import Coverage
from practice.domain.types import Json, ToolSpec

MAX_CHAIN = 4
MAX_DEPTH = 2
MAX_WAYS = 4
OPTIONAL_SHARE = 0.3
HANDLE_SHARE = 0.35
OPEN_SHARE = 0.5

Call = dict[str, Any]


class Drafts:
    """Writes chains of at most four calls. An identifier is observed or produced, never invented.

    ``barren`` counts per tool how often it showed nothing to use, ``states`` what refusals asked
    for instead, ``hopeless`` the tools that never worked and proved impossible, ``enabling`` per
    refused tool the change that may make it possible; ``things`` tells what tasks may name.
    """

    def __init__(
        self,
        tools: tuple[ToolSpec, ...],
        observed: Observed,
        values: Values,
        seen: Coverage,
        barren: Mapping[str, int],
        states: Mapping[str, frozenset[str]],
        hopeless: Set[str],
        enabling: Mapping[str, str],
        things: Things,
        rng: random.Random,
    ) -> None:
        self._all = tools
        self._tools = {t.name: t for t in tools}
        self._kin = kinship(tools)
        self._observed = observed
        self._values = values
        self._seen = seen
        self._barren = barren
        self._states = states
        self._hopeless = hopeless
        self._enabling = enabling
        self._things = things
        self._twins: dict[str, set[str]] = {}
        self._rng = rng
        self.guesses = True
        #: per tool the required parameter that no value was known for.
        self.lacking: dict[str, str] = {}

    def calls(
        self, tool: ToolSpec, depth: int = 0, *, bare: bool = False, given: Json | None = None
    ) -> list[Call] | None:
        """Return the calls that reach one call of ``tool``: producers first, then the call.

        A ``bare`` call leaves out what is optional: a listing without a filter shows most. What is
        ``given`` is not looked for.
        """
        if not self.guesses and self._values.guesses(tool):
            return None
        open_ = (Role.ENTITY, Role.CREDENTIAL, Role.LIST)
        asked = [n for n in tool.required if schema.role(tool, n) in open_]
        asked += self._instead(tool)
        optional = [
            n
            for n in tool.parameters
            if not bare and n not in tool.required and n not in asked and self._tries(tool, n)
        ]
        if schema.is_read(tool):
            optional = optional[:1]
        arguments: dict[str, Any] = dict(given or {})
        asked = [n for n in asked if n not in arguments]
        entity = [n for n in (*asked, *optional) if schema.role(tool, n) is Role.ENTITY]
        picks = self._observed.picks(
            tool, entity, self._rng, self._things.usable, self._states.get(tool.name, frozenset())
        )
        if not bare:
            picks = self._left_open(tool, picks)
        before = self._enabled(tool, depth)
        for name in dict.fromkeys((*tool.required, *asked, *optional)):
            if name in arguments:
                continue
            if name in picks:
                arguments[name] = self._pointed(name, picks[name])
                self._things.stake(tool, name, picks[name].value)
                continue
            value = self._values.literal(tool, name, arguments, picks)
            if value is None and name in asked:
                value = self._produced(tool, name, depth, before, arguments)
                if value is None:
                    value = self._values.commonplace(tool, name, arguments)
                if value is None and self._findable(tool, name, arguments):
                    continue
            if value is not None:
                arguments[name] = value
            elif name in asked or name in tool.required:
                self.lacking[tool.name] = name
                return None
        align(arguments, before)
        if given is None and mixed(tool, arguments, self._all):
            return None
        return [*before, {"tool": tool.name, "arguments": arguments}]

    def _enabled(self, tool: ToolSpec, depth: int) -> list[Call]:
        """Return the call that sets what a refusal of ``tool`` spoke of, until it works.

        It says what it needs by itself: a chain of its own would make the task too long.
        """
        if self._seen.of(tool.name).solved:
            return []
        first = self._tools.get(self._enabling.get(tool.name, ""))
        calls = self.calls(first, MAX_CHAIN) if first else None
        return calls if calls and len(calls) == 1 and depth < MAX_CHAIN else []

    def _left_open(self, tool: ToolSpec, picks: dict[str, Pick]) -> dict[str, Pick]:
        """Leave which thing to change to the solver until the tool has worked once.

        What state a thing must be in is unknown then; the solver can take another one, or make one.
        """
        if schema.is_read(tool):
            return picks
        doubtful = self._things.doubtful(tool, {n: pick.value for n, pick in picks.items()})
        unknown = not self._seen.of(tool.name).solved and not self._states.get(tool.name)
        if not doubtful and (not unknown or self._rng.random() > OPEN_SHARE):
            return picks
        ids = [n for n in picks if "id" in parts(n) and n in tool.required]
        sources = [producers(tool, n, self._all) for n in ids]
        shown = any(
            p.score >= STRONG and schema.is_read(p.tool) and not self._barren[p.tool.name]
            for found in sources
            for p in found[:1]
        )
        made = doubtful and any(makes(p) for found in sources for p in found)
        # What belongs to one thing must not be named together with another.
        return {} if shown or made else picks

    def _findable(self, tool: ToolSpec, name: str, given: Json) -> bool:
        """Whether a value may be left to the solver: a reader shows what belongs to a given id."""
        if schema.role(tool, name) is not Role.ENTITY or "id" in parts(name):
            return False
        return any(
            schema.is_read(t)
            and t.required
            and all(n in given and "id" in parts(n) for n in t.required)
            for t in self._all
            if t.name != tool.name
        )

    def _tries(self, tool: ToolSpec, name: str) -> bool:
        return schema.role(tool, name) is not Role.PAGING and self._rng.random() < OPTIONAL_SHARE

    def _instead(self, tool: ToolSpec) -> list[str]:
        """Return one optional identifier of a tool that requires none: it still needs a subject.

        A listing is asked for everything first: what it shows is where identifiers come from.
        """
        lists = LIST_VERBS & set(parts(tool.name)) or plural(tool.name)
        if schema.is_read(tool) and lists and not self._seen.of(tool.name).solved:
            return []
        ids = [n for n in tool.parameters if "id" in parts(n)]
        return ids[:1] if ids and not any(n in tool.required for n in ids) else []

    def _pointed(self, name: str, pick: Pick) -> Any:
        """Return an observed value, or a way to find it that leaves the solver something to do."""
        told = handle(pick)
        source = self._tools.get(pick.known.tool)
        listed = source is not None and schema.is_read(source) and not source.required
        if told and listed and "id" in parts(pick.field) and self._rng.random() < HANDLE_SHARE:
            return {"$from": pick.known.tool, "$field": pick.field, "$where": {told[0]: told[1]}}
        # Without a listing nobody could find out how it is really spelled.
        return self._things.loosely(name, pick.value) if listed else pick.value

    def _produced(
        self, tool: ToolSpec, name: str, depth: int, before: list[Call], given: Json
    ) -> Any | None:
        """Return a reference to an earlier call that shows a value; its calls go to ``before``."""
        if depth >= MAX_DEPTH:
            return None
        credential = schema.role(tool, name) is Role.CREDENTIAL
        least = STRONG if credential or schema.DESCRIBING & set(parts(name)) else WEAK
        options = [p for p in self._producers(tool, name) if p.score >= least]
        # What a listing holds is unknown; what the task makes itself is there for certain.
        # A listing may hold folders only; a file the task makes is one for certain.
        file = bool({"file", "filename"} & set(parts(name)))
        seen = any(self._observed.by(p.tool.name) for p in options)
        unknown = file or not (credential or seen)
        if unknown and any(makes(p) for p in options):
            options = [p for p in options if makes(p)]
        options = [p for p in options if p.tool.name not in self._hopeless]
        options.sort(key=lambda p: self._barren[p.tool.name])
        if unknown or all(self._barren[p.tool.name] for p in options):
            made = self._made(tool, name, depth, before)
            if made is not None:
                return made
        ids = {n: v for n, v in given.items() if "id" in parts(n)}
        for option in options[:3]:
            empty = self._barren[option.tool.name] and schema.is_read(option.tool)
            if empty or (not self.guesses and self._values.guesses(option.tool)):
                continue
            planned = [c for c in before if c["tool"] == option.tool.name]
            again = bool(planned) and bool(planned[0]["arguments"])
            first = again or not planned
            # What shows it is asked about the same thing: a task and *its* request.
            about = {n: v for n, v in ids.items() if n in option.tool.parameters}
            calls = self._unlike(option.tool, depth + 1, planned, about) if first else []
            if calls is None or len(before) + len(calls) > MAX_CHAIN:
                continue
            before += calls
            found: dict[str, Any] = {"$from": option.tool.name, "$field": option.field}
            if again:
                return {**found, "$call": len(planned)}
            same = _place(option, given)
            known = self._observed.by(option.tool.name)
            lists = LIST_VERBS & set(parts(option.tool.name)) and not option.tool.required
            if not same and known and lists:
                same = self._rng.choice((0, 1, 2))
            return {**found, "$skip": same} if same else found
        return None

    def _unlike(
        self, tool: ToolSpec, depth: int, planned: list[Call], given: Json
    ) -> list[Call] | None:
        """Return calls that reach ``tool`` in another way than the ``planned`` calls of it do."""
        for _ in range(MAX_WAYS):
            calls = self.calls(tool, depth, bare=schema.is_read(tool), given=given)
            if calls is None or calls[-1] not in planned:
                return calls
        return None

    def _producers(self, tool: ToolSpec, name: str) -> list[Producer]:
        """Return what shows a value for a parameter, or for the parameter of this name elsewhere.

        What a tool adds to is no source of what it may add: who is followed is followed already.
        """
        others = (
            t for t in self._all if name in t.parameters and self._kin(tool.name, t.name) > RELATED
        )
        for asking in (tool, *others):
            found = [
                p
                for p in producers(asking, name, self._all)
                if p.tool.name != tool.name and not lists_what_it_adds(tool, p.tool)
            ]
            if found:
                return found
        return []

    def _made(self, tool: ToolSpec, name: str, depth: int, before: list[Call]) -> Any | None:
        """Return a value of a thing that an earlier call of the task makes under this name."""
        for other in self._all:
            new = named_by(other, tool, name)
            if not new or other.name in self._hopeless:
                continue
            calls = self.calls(other, depth + 1)
            if calls is None or calls[-1] in before or len(before) + len(calls) > MAX_CHAIN:
                continue
            before += calls
            return calls[-1]["arguments"][new]
        return None

    def undoing(self, tool: ToolSpec) -> list[Call] | None:
        """Return calls that first make what ``tool`` takes away, where some tool makes it."""
        if not UNDOING & set(parts(tool.name)):
            return None
        source = maker(tool, self._all)
        calls = self.calls(source, 1) if source else None
        if source is None or calls is None:
            return None
        made = calls[-1]["arguments"]
        own = self.calls(tool, 1) or [{"tool": tool.name, "arguments": {}}]
        arguments = dict(own[-1]["arguments"])
        for name in tool.required:
            field = shown(source, tool, name)
            same = same_parameter(tool, name, source)
            if field:
                arguments[name] = {"$from": source.name, "$field": field}
            elif same in made:
                arguments[name] = made[same]
            elif name not in arguments:
                return None
        return [*calls, {"tool": tool.name, "arguments": arguments}]

    def use_fresh_credentials(self, calls: list[Call]) -> None:
        """Point at a credential an earlier call of the task shows; the old one may be void."""
        for place, call in enumerate(calls):
            tool = self._tools[str(call["tool"])]
            for name in call["arguments"]:
                if name not in tool.parameters or schema.role(tool, name) is not Role.CREDENTIAL:
                    continue
                for earlier in calls[:place]:
                    source = self._tools[str(earlier["tool"])]
                    field = shown(source, tool, name)
                    if field:
                        call["arguments"][name] = {"$from": source.name, "$field": field}

    def all_pages(self, tool: ToolSpec) -> list[Call] | None:
        calls = self.calls(tool)
        if calls is None:
            return None
        kept = {n: v for n, v in calls[-1]["arguments"].items() if n in tool.required}
        return [*calls[:-1], {"tool": tool.name, "arguments": kept, "all_pages": True}]

    def with_companion(
        self, tool: ToolSpec, calls: list[Call], weight: Callable[[str], float]
    ) -> list[Call]:
        """Append a call of a related, little practised tool."""
        used = {c["tool"] for c in calls}
        near = sorted(
            (t for t in self._all if t.name not in used and self._goes_along(t, calls)),
            key=lambda t: (weight(t.name), -self._kin(tool.name, t.name)),
        )
        related = [t for t in near if self._kin(tool.name, t.name) > RELATED][:4]
        for other in related:
            more = self.undoing(other) or self.calls(other, 1)
            if more is None:
                continue
            spent = self._spent(calls)
            fresh = [c for c in more[:-1] if c["tool"] not in used or c["tool"] in spent]
            rename(more, [c for c in calls if c["tool"] not in spent])
            align(more[-1]["arguments"], [*calls, *fresh])
            if len(calls) + len(fresh) + 1 <= MAX_CHAIN:
                return [*calls, *fresh, more[-1]]
        return calls

    def _spent(self, calls: list[Call]) -> set[str]:
        """Return the tools whose made thing a later call takes away or moves elsewhere."""
        found = set()
        for place, made in enumerate(calls):
            named = [v for v in made["arguments"].values() if isinstance(v, str)]
            for later in calls[place + 1 :]:
                refers = (
                    v in named or (goals.is_reference(v) and v["$from"] == made["tool"])
                    for v in later["arguments"].values()
                )
                if takes_away(self._tools[str(later["tool"])]) and any(refers):
                    found.add(str(made["tool"]))
        return found

    def _goes_along(self, tool: ToolSpec, calls: list[Call]) -> bool:
        """Whether a tool may be added to a task.

        A change that was never tried goes without another one before it: what it needs is learned
        by doing it without. Nor does one that says it does what a call of the task does already.
        """
        changes = any(not schema.is_read(self._tools[str(c["tool"])]) for c in calls)
        new = not schema.is_read(tool) and not self._seen.of(tool.name).practised
        if tool.name not in self._twins:
            self._twins[tool.name] = {t.name for t in twins(tool, self._all)}
        twice = {c["tool"] for c in calls} & self._twins[tool.name]
        return tool.name not in self._hopeless and not (new and changes) and not twice


def _place(option: Producer, given: Json) -> int:
    """Return which thing of a listing is meant: the one named already, or one more."""
    taken = [v for v in given.values() if goals.is_reference(v) and v["$from"] == option.tool.name]
    own = [int(v.get("$skip", 0)) for v in taken if v["$field"] == option.field]
    if own:
        return max(own) + 1
    return int(taken[-1].get("$skip", 0)) if taken else 0
