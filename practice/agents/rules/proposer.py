"""The proposer without a model: candidates from schemas, observed values, coverage and gaps.

Never-used tools come first. An identifier is one that was observed or that an earlier call of the
same task produces; a credential is one the schema offers. Nothing else is ever put in a task.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.documents import schema_fields
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.linking import STRONG, WEAK, kinship, match, producers
from practice.agents.rules.observed import Observed, handle
from practice.agents.rules.phrasing import instruction
from practice.agents.rules.schema import Role
from practice.agents.rules.words import nouns, parts
from practice.domain.coverage import coverage
from practice.domain.types import (
    Briefing,
    Category,
    Json,
    PracticeRecord,
    Proposal,
    TaskSpec,
    ToolSpec,
)

MAX_CHAIN = 3
OPTIONAL_SHARE = 0.3
HANDLE_SHARE = 0.35
PAIR_SHARE = 0.6
REFUSAL_SHARE = 0.4
#: words of parameters that describe a thing instead of naming one.
_DESCRIBING = frozenset(
    {"type", "status", "mode", "class", "category", "unit", "currency", "city", "location"}
)
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
        for _ in range(3):
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
        self._blocked = Counter(t for r in briefing.history for t in _culprits(r))
        self._barren = Counter(t for r in briefing.history for t in _barren(r))
        self._refused = {json.dumps(v) for r in briefing.history for v in _refused(r)}
        self._paged = {
            str(c.get("tool"))
            for r in briefing.history
            for c in r.goal.get("calls", ())
            if c.get("all_pages")
        }
        self._planned: Counter[str] = Counter()

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
            n for n in tool.parameters
            if n not in tool.required and n not in asked and self._tries(tool, n)
        ]
        entity = [n for n in (*asked, *optional) if schema.role(tool, n) is Role.ENTITY]
        picks = self._observed.picks(tool, entity, self._rng)
        before: list[Call] = []
        arguments: dict[str, Any] = {}
        for name in dict.fromkeys((*tool.required, *asked, *optional)):
            if name in picks:
                arguments[name] = self._pointed(picks[name])
                continue
            value = self._literal(tool, name, arguments)
            if value is None and name in asked:
                made = self._produced(tool, name, depth, before)
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
                return schema.coerce(self._choice(options), wanted)
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
        earlier = [n for n in given if n in tool.parameters
                   and schema.role(tool, n) is Role.DATE]
        days = 60 * len(earlier) + self._rng.randint(7, 60)
        form = schema.date_format(name, tool.parameters[name])
        return (_TODAY + timedelta(days=days)).strftime(form)

    def _fresh(self, tool: ToolSpec, name: str, options: list[Any], given: Json) -> list[Any]:
        """Leave out what was refused before and what a sibling parameter already has."""
        taken = [v for n, v in given.items() if schema.choices(tool.parameters[n]) == options]
        left = [
            o for o in options
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

    def _choice(self, options: list[Any]) -> Any:
        """Prefer the first of the options, which schemas put where it always makes sense."""
        return options[0] if self._rng.random() < 0.5 else self._rng.choice(options)

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
        self, tool: ToolSpec, name: str, depth: int, before: list[Call]
    ) -> Json | None:
        """Return a reference to an earlier call that shows a value; its calls go to ``before``."""
        if depth >= MAX_CHAIN - 1:
            return None
        credential = schema.role(tool, name) is Role.CREDENTIAL
        least = STRONG if credential or _DESCRIBING & set(parts(name)) else WEAK
        options = [p for p in producers(tool, name, self._all) if p.score >= least]
        options.sort(key=lambda p: self._barren[p.tool.name])
        for option in options[:3]:
            planned = [c for c in before if c["tool"] == option.tool.name]
            again = bool(planned) and bool(planned[0]["arguments"])
            calls = self._calls(option.tool, depth + 1) if again or not planned else []
            if calls is None or len(before) + len(calls) > MAX_CHAIN:
                continue
            before += calls
            found: dict[str, Any] = {"$from": option.tool.name, "$field": option.field}
            return {**found, "$call": len(planned)} if again else found
        return None

    def _undoing(self, tool: ToolSpec) -> list[Call] | None:
        """Return calls that first make what ``tool`` takes away, where some tool makes it."""
        if not UNDOING & set(parts(tool.name)):
            return None
        maker = self._maker(tool)
        calls = self._calls(maker, depth=1) if maker else None
        if maker is None or calls is None:
            return None
        made = calls[-1]["arguments"]
        own = self._calls(tool, depth=1) or [{"tool": tool.name, "arguments": {}}]
        arguments = dict(own[-1]["arguments"])
        for name in tool.required:
            field = _shown(maker, tool, name)
            same = _same_parameter(tool, name, maker)
            if field:
                arguments[name] = {"$from": maker.name, "$field": field}
            elif same in made:
                arguments[name] = made[same]
            elif name not in arguments:
                return None
        return [*calls, {"tool": tool.name, "arguments": arguments}]

    def _maker(self, tool: ToolSpec) -> ToolSpec | None:
        """Return the tool that makes what ``tool`` takes away: same subject, opposite verb."""
        best: tuple[float, ToolSpec | None] = (1.0, None)
        for other in self._all:
            if schema.is_read(other) or UNDOING & set(parts(other.name)):
                continue
            score = 2 * self._kin(tool.name, other.name)
            score += 0.7 * len(set(parts(tool.name)) & set(parts(other.name)))
            score += sum(bool(_shown(other, tool, n)) for n in tool.required)
            score += sum(bool(_same_parameter(tool, n, other)) for n in tool.required)
            signs_in = {"login", "authenticate"} & set(parts(other.name))
            if "logout" in parts(tool.name):
                score += 1.0 if signs_in else -1.0
            if score > best[0]:
                best = (score, other)
        return best[1]

    def _use_fresh_credentials(self, calls: list[Call]) -> None:
        """Point at a credential an earlier call of the task shows; the old one may be void."""
        for place, call in enumerate(calls):
            tool = self._tools[str(call["tool"])]
            for name in call["arguments"]:
                if name not in tool.parameters or schema.role(tool, name) is not Role.CREDENTIAL:
                    continue
                for earlier in calls[:place]:
                    source = self._tools[str(earlier["tool"])]
                    field = _shown(source, tool, name)
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


def _shown(maker: ToolSpec, tool: ToolSpec, name: str) -> str:
    """Return the result field of ``maker`` that fills a parameter of ``tool``, or nothing."""
    fields = [f for f, _ in schema_fields(maker.output_schema, maker.name)]
    best = max(fields, key=lambda f: match(tool, name, f), default="")
    return best if best and match(tool, name, best) >= STRONG else ""


def _same_parameter(tool: ToolSpec, name: str, maker: ToolSpec) -> str:
    """Return the parameter of ``maker`` that means the same as ``name`` of ``tool``."""
    if name in maker.parameters:
        return name
    words = set(parts(name))
    for other in maker.required:
        shared = words & set(parts(other))
        if len(shared) >= 2 or (shared and len(words) == 1):
            return other
    return ""


def _culprits(record: PracticeRecord) -> Iterator[str]:
    """Yield the intended tools of an infeasible task that never worked in it."""
    if record.category is Category.INFEASIBLE:
        worked = {tool for tool, had_error in record.calls if not had_error}
        yield from (t for t in record.intended_tools if t not in worked)


def _barren(record: PracticeRecord) -> Iterator[str]:
    """Yield the sources of an infeasible task: they showed nothing that could be used."""
    if record.category is Category.INFEASIBLE:
        for call in record.goal.get("calls", ()):
            for value in call.get("arguments", {}).values():
                if goals.is_reference(value):
                    yield str(value.get("$from", ""))


def _refused(record: PracticeRecord) -> Iterator[list[Any]]:
    """Yield (tool, parameter, value) of calls that never worked in an infeasible task."""
    culprits = set(_culprits(record))
    for call in record.goal.get("calls", ()):
        if call.get("tool") in culprits:
            for name, value in call.get("arguments", {}).items():
                if isinstance(value, (str, int, float)):
                    yield [call["tool"], name, value]
