"""The proposer without a model: candidates from schemas, observed values, coverage and gaps.

Never-used tools come first. An identifier is one that was observed or that an earlier call of the
same task produces; a credential is one the schema offers. Nothing else is ever put in a task.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.history import barren, culprits, refused
from practice.agents.rules.linking import STRONG, WEAK, kinship, producers
from practice.agents.rules.makers import maker, same_parameter, shown
from practice.agents.rules.observed import Observed, handle
from practice.agents.rules.phrasing import instruction
from practice.agents.rules.schema import Role
from practice.agents.rules.words import nouns, parts
from practice.domain.coverage import coverage
from practice.domain.types import (
    Briefing,
    Json,
    Proposal,
    TaskSpec,
    ToolSpec,
)

MAX_CHAIN = 3
OPTIONAL_SHARE = 0.3
HANDLE_SHARE = 0.35
PAIR_SHARE = 0.6
REFUSAL_SHARE = 0.4
_TODAY = date(2025, 6, 16)

Call = dict[str, Any]


class RulesProposer:
    """Writes candidates deterministically for the seeds it is given."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def propose(self, briefing: Briefing) -> Proposal:
        """Return up to ``briefing.count`` different candidates, gaps in coverage first."""
        writer = _Writer(briefing, random.Random(f"{self._seed}:{briefing.seed}"))
        written: dict[str, TaskSpec] = {}
        for turn in range(3):
            # What a search would find is unknown before anything was seen: first look, then guess.
            writer.guesses = turn > 0 or bool(briefing.history)
            if turn and not briefing.history and len(written) >= briefing.count // 3:
                break
            for tool in writer.ordered():
                if len(written) >= briefing.count:
                    return Proposal(candidates=tuple(written.values()))
                task = writer.task(tool)
                if task is not None:
                    written.setdefault(task.instruction, task)
        return Proposal(candidates=tuple(written.values()))


class _Writer:
    def __init__(self, briefing: Briefing, rng: random.Random) -> None:
        self._rng = rng
        self._tools = {t.name: t for t in briefing.tools}
        self._all = briefing.tools
        self._kin = kinship(briefing.tools)
        self._observed = Observed(briefing.facts)
        self._seen = coverage(briefing.history, briefing.tools)
        self._blocked = Counter(t for r in briefing.history for t in culprits(r))
        self._barren = Counter(t for r in briefing.history for t in barren(r))
        self._refused = {json.dumps(v) for r in briefing.history for v in refused(r)}
        self._paged = {
            str(c.get("tool"))
            for r in briefing.history
            for c in r.goal.get("calls", ())
            if c.get("all_pages")
        }
        self._planned: Counter[str] = Counter()
        self.guesses = True

    def ordered(self) -> list[ToolSpec]:
        """Return tools, the least practised and least planned first; what failed waits longer."""
        shuffled = list(self._all)
        self._rng.shuffle(shuffled)
        return sorted(shuffled, key=lambda t: self._weight(t.name))

    def _weight(self, name: str) -> float:
        return self._seen.of(name).practised + self._blocked[name] + self._planned[name]

    def task(self, tool: ToolSpec) -> TaskSpec | None:
        """Return a task around ``tool``, or ``None`` where its arguments cannot be had yet."""
        if not self._may_page(tool) or tool.name in self._paged:
            calls = self._undoing(tool) or self._calls(tool, depth=0)
        else:
            self._paged.add(tool.name)
            calls = self._paged_calls(tool)
        if calls is None:
            return None
        if len(calls) < MAX_CHAIN and self._rng.random() < PAIR_SHARE:
            calls = self._with_companion(tool, calls)
        return self._spec(tool, calls)

    def _spec(self, tool: ToolSpec, calls: list[Call]) -> TaskSpec:
        self._use_fresh_credentials(calls)
        names = tuple(dict.fromkeys(str(c["tool"]) for c in calls))
        self._planned.update(names)
        acting = [n for n in names if not schema.is_read(self._tools[n])]
        text = instruction([(self._tools[str(c["tool"])], c) for c in calls], self._rng)
        goal: dict[str, Any] = {"calls": calls}
        counts = self._seen.of(tool.name)
        refused = bool(acting) and self._blocked[tool.name] > 0 and not counts.solved
        if refused and self._rng.random() < REFUSAL_SHARE:
            goal["report_refusal"] = True
            text = f"{text} If it is refused, tell me the reason that is given."
        return TaskSpec(
            instruction=text,
            kind="action" if acting else "query",
            intended_tools=names,
            entities=self._entities(calls),
            rationale=self._rationale(tool),
            goal=goal,
        )

    def _rationale(self, tool: ToolSpec) -> str:
        counts = self._seen.of(tool.name)
        if not counts.practised:
            return f"`{tool.name}` was never used."
        if not counts.solved:
            return f"`{tool.name}` was tried {counts.practised} times and never worked."
        return f"`{tool.name}` was practised {counts.practised} times, less than most."

    def _entities(self, calls: list[Call]) -> tuple[str, ...]:
        found = []
        for call in calls:
            tool = self._tools[str(call["tool"])]
            for name, value in call["arguments"].items():
                if goals.is_reference(value):
                    found += [str(v) for v in value.get("$where", {}).values()]
                elif schema.role(tool, name) is Role.ENTITY:
                    found.append(str(value))
        return tuple(dict.fromkeys(found))

    def _calls(self, tool: ToolSpec, depth: int) -> list[Call] | None:
        """Return the calls that reach one call of ``tool``: producers first, then the call."""
        open_ = (Role.ENTITY, Role.CREDENTIAL, Role.LIST)
        asked = [n for n in tool.required if schema.role(tool, n) in open_]
        asked += self._instead(tool)
        optional = [
            n
            for n in tool.parameters
            if n not in tool.required and n not in asked and self._tries(tool, n)
        ]
        if schema.is_read(tool):
            optional = optional[:1]
        entity = [n for n in (*asked, *optional) if schema.role(tool, n) is Role.ENTITY]
        picks = {
            name: pick
            for name, pick in self._observed.picks(tool, entity, self._rng).items()
            if json.dumps([tool.name, name, pick.value]) not in self._refused
        }
        before: list[Call] = []
        arguments: dict[str, Any] = {}
        for name in dict.fromkeys((*tool.required, *asked, *optional)):
            if name in picks:
                arguments[name] = self._pointed(picks[name])
                continue
            value = self._literal(tool, name, arguments)
            if value is None and name in asked:
                made = self._produced(tool, name, depth, before, arguments)
                if made is None:
                    made = self._commonplace(tool, name)
                if made is None:
                    return None
                value = made
            if value is not None:
                arguments[name] = value
            elif name in tool.required:
                return None
        return [*before, {"tool": tool.name, "arguments": arguments}]

    def _tries(self, tool: ToolSpec, name: str) -> bool:
        return schema.role(tool, name) is not Role.PAGING and self._rng.random() < OPTIONAL_SHARE

    def _pointed(self, pick: Any) -> Any:
        """Return an observed value, or a way to find it that leaves the solver something to do."""
        told = handle(pick)
        source = self._tools.get(pick.known.tool)
        listed = source is not None and schema.is_read(source) and not source.required
        if told and listed and "id" in parts(pick.field) and self._rng.random() < HANDLE_SHARE:
            return {"$from": pick.known.tool, "$field": pick.field, "$where": {told[0]: told[1]}}
        return pick.value

    def _literal(self, tool: ToolSpec, name: str, given: Json) -> Any | None:
        """Return a value that is the caller's to choose, unlike those of ``given``."""
        wanted = tool.parameters[name]
        kind = schema.role(tool, name)
        if offered := schema.examples(wanted):
            return schema.coerce(self._rng.choice(offered), wanted)
        options = self._fresh(tool, name, schema.choices(wanted), given)
        match kind:
            case Role.CHOICE:
                return schema.coerce(self._choice(tool.name, options), wanted)
            case Role.FLAG:
                return self._rng.random() < 0.5
            case Role.NUMBER:
                return schema.number(name, wanted, self._rng)
            case Role.DATE:
                return self._date(tool, name, given)
            case Role.TEXT:
                return self._text(tool, name)
            case Role.NEW:
                return self._new_name(tool, name)
            case Role.LIST:
                return self._list(name, wanted, options)
            case Role.OBJECT:
                return self._object(wanted)
            case _:
                return None

    def _date(self, tool: ToolSpec, name: str, given: Json) -> str:
        """Return a date after any date already given, so that a period is one."""
        earlier = [n for n in given if n in tool.parameters and schema.role(tool, n) is Role.DATE]
        days = 30 + 14 * len(earlier) + self._rng.randint(0, 13)
        form = schema.date_format(name, tool.parameters[name])
        return (_TODAY + timedelta(days=days)).strftime(form)

    def _fresh(self, tool: ToolSpec, name: str, options: list[Any], given: Json) -> list[Any]:
        """Leave out what was refused before and what a sibling parameter already has."""
        taken = [v for n, v in given.items() if schema.choices(tool.parameters[n]) == options]
        left = [
            o
            for o in options
            if o not in taken and json.dumps([tool.name, name, o]) not in self._refused
        ]
        return left or options

    def _text(self, tool: ToolSpec, name: str) -> str:
        searching = {"query", "keyword", "pattern", "search"} & set(parts(name))
        if not searching:
            return schema.text_value(name, self._rng)
        return self._observed.word(tool, self._kin, self._rng) or self._topic(tool)

    def _topic(self, tool: ToolSpec) -> str:
        """Return something to search for: a place where that fits, or what other tools handle."""
        places = [w for w in parts(tool.description) if w in ("city", "country")]
        if places:
            return str(schema.common(places[0], self._rng))
        about = [n for t in self._all if t.name != tool.name for n in nouns(t.name)[-1:]]
        return self._rng.choice(about) if about else "report"

    def _choice(self, tool: str, options: list[Any]) -> Any:
        """Return the first option until the tool has worked once, then any: make it work first."""
        solved = self._seen.of(tool).solved
        return self._rng.choice(options) if solved else options[0]

    def _instead(self, tool: ToolSpec) -> list[str]:
        """Return one optional identifier of a tool that requires none: it still needs a subject."""
        ids = [n for n in tool.parameters if "id" in parts(n)]
        return ids[:1] if ids and not any(n in tool.required for n in ids) else []

    def _new_name(self, tool: ToolSpec, name: str) -> str:
        number = self._rng.randint(10, 99)
        if "file" in parts(name):
            return f"notes_{number}.txt"
        if "number" in parts(name):
            return str(self._rng.randint(10**9, 10**10 - 1))
        stem = parts(name)[0] if parts(name)[0] not in ("name", "title") else parts(tool.name)[-1]
        return f"practice_{stem}_{number}"

    def _list(self, name: str, wanted: Json, options: list[Any]) -> list[Any] | None:
        items = wanted.get("items", {})
        if options:
            return self._rng.sample(options, k=min(len(options), self._rng.randint(1, 3)))
        if schema.kind(items) in ("number", "integer"):
            return [self._rng.randint(1, 60) for _ in range(4)]
        if {"tag", "message", "note", "text", "mention"} & set(parts(name)):
            return [schema.text_value(name, self._rng)]
        return None

    def _object(self, wanted: Json) -> dict[str, Any] | None:
        inner = wanted.get("properties", {})
        spec = ToolSpec(name="", input_schema={"properties": inner})
        free = [n for n in inner if schema.role(spec, n) in (Role.TEXT, Role.CHOICE, Role.NUMBER)]
        needed = [n for n in wanted.get("required", ()) if n not in free]
        if needed or not free:
            return None
        names = [*wanted.get("required", ()), self._rng.choice(free)]
        return {n: self._literal(spec, n, {}) for n in dict.fromkeys(names)}

    def _produced(
        self, tool: ToolSpec, name: str, depth: int, before: list[Call], given: Json
    ) -> Any | None:
        """Return a reference to an earlier call that shows a value; its calls go to ``before``."""
        if depth >= MAX_CHAIN - 1:
            return None
        credential = schema.role(tool, name) is Role.CREDENTIAL
        least = STRONG if credential or schema.DESCRIBING & set(parts(name)) else WEAK
        options = [p for p in producers(tool, name, self._all) if p.score >= least]
        options.sort(key=lambda p: self._barren[p.tool.name])
        if all(self._barren[p.tool.name] for p in options):
            made = self._made(tool, name, depth, before)
            if made is not None:
                return made
        for option in options[:3]:
            empty = self._barren[option.tool.name] and schema.is_read(option.tool)
            if empty or (not self.guesses and self._guessed(option.tool)):
                continue
            planned = [c for c in before if c["tool"] == option.tool.name]
            again = bool(planned) and bool(planned[0]["arguments"])
            calls = self._calls(option.tool, depth + 1) if again or not planned else []
            if calls is None or len(before) + len(calls) > MAX_CHAIN:
                continue
            before += calls
            found: dict[str, Any] = {"$from": option.tool.name, "$field": option.field}
            if again:
                return {**found, "$call": len(planned)}
            before_it = [v for v in given.values() if goals.is_reference(v)]
            same = sum(v["$from"] == option.tool.name for v in before_it)
            return {**found, "$skip": same} if same else found
        return None

    def _guessed(self, tool: ToolSpec) -> bool:
        """Whether a call would search for words nobody has seen yet."""
        asks = any(schema.role(tool, n) is Role.TEXT for n in tool.required)
        return asks and not self._observed.word(tool, self._kin, self._rng)

    def _made(self, tool: ToolSpec, name: str, depth: int, before: list[Call]) -> Any | None:
        """Return a value of a thing that an earlier call of the task makes under this name."""
        for other in self._all:
            new = name in other.parameters and schema.role(other, name) is Role.NEW
            if not new or other.name == tool.name or schema.is_read(other):
                continue
            calls = self._calls(other, depth + 1)
            if calls is not None and len(before) + len(calls) <= MAX_CHAIN:
                before += calls
                return calls[-1]["arguments"][name]
        return None

    def _undoing(self, tool: ToolSpec) -> list[Call] | None:
        """Return calls that first make what ``tool`` takes away, where some tool makes it."""
        if not UNDOING & set(parts(tool.name)):
            return None
        source = maker(tool, self._all)
        calls = self._calls(source, depth=1) if source else None
        if source is None or calls is None:
            return None
        made = calls[-1]["arguments"]
        own = self._calls(tool, depth=1) or [{"tool": tool.name, "arguments": {}}]
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

    def _use_fresh_credentials(self, calls: list[Call]) -> None:
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

    def _commonplace(self, tool: ToolSpec, name: str) -> Any | None:
        unsafe = schema.role(tool, name) is Role.CREDENTIAL or "id" in parts(name)
        if unsafe or schema.kind(tool.parameters[name]) != "string":
            return None
        return schema.common(name, self._rng)

    def _may_page(self, tool: ToolSpec) -> bool:
        words = {w for n in tool.parameters for w in parts(n)}
        return schema.is_read(tool) and bool(words & {"cursor", "page", "offset"})

    def _paged_calls(self, tool: ToolSpec) -> list[Call] | None:
        calls = self._calls(tool, depth=0)
        if calls is None:
            return None
        kept = {n: v for n, v in calls[-1]["arguments"].items() if n in tool.required}
        return [*calls[:-1], {"tool": tool.name, "arguments": kept, "all_pages": True}]

    def _with_companion(self, tool: ToolSpec, calls: list[Call]) -> list[Call]:
        """Append a call of a related, little practised tool."""
        used = {c["tool"] for c in calls}
        near = sorted(
            (t for t in self._all if t.name not in used),
            key=lambda t: (self._weight(t.name), -self._kin(tool.name, t.name)),
        )
        related = [t for t in near if self._kin(tool.name, t.name) > 0.12][:4]
        for other in related:
            more = self._undoing(other) or self._calls(other, depth=1)
            if more is None:
                continue
            fresh = [c for c in more[:-1] if c["tool"] not in used]
            if len(calls) + len(fresh) + 1 <= MAX_CHAIN + 1:
                return [*calls, *fresh, more[-1]]
        return calls
