"""Where the arguments of a call come from: the task, the same record, a reader, a maker.

Values of one thing stay together: the postcode that goes with an order is the postcode of *that*
order, wherever in its record it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from practice.agents.rules import checking, goals, schema
from practice.agents.rules.documents import failure, records, schema_fields
from practice.agents.rules.equality import scalars
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.execution import Execution, telling
from practice.agents.rules.handles import is_page, under
from practice.agents.rules.knowledge import Knowledge
from practice.agents.rules.linking import WEAK, cursor_parameter, match, producers
from practice.agents.rules.makers import shown
from practice.agents.rules.paging import cursor
from practice.agents.rules.schema import Role
from practice.agents.rules.words import GENERIC, parts
from practice.domain.types import Json, Step, ToolSpec

MAX_PAGES = 10
MAX_DEPTH = 3
OBSERVABLE = (Role.ENTITY, Role.CREDENTIAL, Role.NUMBER)

Perform = Callable[[ToolSpec, dict[str, Any], int, Json], Step | None]


class Filler:
    """Finds arguments for one attempt; ``perform`` makes the calls that takes."""

    def __init__(self, run: Execution, knowledge: Knowledge, perform: Perform) -> None:
        self._run = run
        self._knowledge = knowledge
        self._perform = perform

    def resolve(
        self, tool: ToolSpec, intended: dict[str, Any], depth: int, near: Json
    ) -> dict[str, Any]:
        """Return executable arguments: references looked up, missing required ones filled.

        ``near`` holds the arguments of the call this one serves, so that both are about one thing.
        """
        resolved: dict[str, Any] = {}
        for name, value in intended.items():
            if goals.is_reference(value):
                found = self._follow(tool, name, value, depth, tuple(resolved.values()))
                if found is not None:
                    resolved[name] = checking.coerce(found, tool.parameters.get(name, {}))
            else:
                resolved[name] = value
        for name in tool.required:
            if name not in resolved:
                found = self.fill(tool, name, depth, {**near, **resolved})
                if found is not None:
                    resolved[name] = found
        return resolved

    def fill(self, tool: ToolSpec, name: str, depth: int, near: Json) -> Any | None:
        """Return a value for a required parameter from wherever one may come, or ``None``."""
        run = self._run
        found = run.from_task(tool, name)
        if found is not None:
            return found
        if name in near and schema.role(tool, name) is Role.AMOUNT:
            return near[name]
        if schema.signs_in(tool) and schema.role(tool, name) is Role.CREDENTIAL:
            # What the operator offers is an account; a name that was seen is somebody else.
            offered = schema.examples(tool.parameters[name])
            if offered:
                return checking.coerce(offered[0], tool.parameters[name])
        found = self._learned(tool, name, depth, near)
        if found is not None:
            return found
        makers = list(self._makers(tool, name)) if telling(near) else []
        if schema.role(tool, name) in OBSERVABLE:
            found = self._of_the_same(tool, name, near)
            if found is None and not makers:
                # Where one goes from is not where one goes to.
                found = run.from_observations(tool, name, avoid=list(near.values()))
        for maker in makers:
            if found is None and depth < MAX_DEPTH and self.fillable(maker, near, depth + 1):
                found = self._made(tool, name, maker, depth, near)
        if found is None:
            found = run.from_schema(tool, name)
        if found is None and depth < MAX_DEPTH:
            found = self._produce(tool, name, depth, near)
        return found

    def _learned(self, tool: ToolSpec, name: str, depth: int, near: Json) -> Any | None:
        """Return a value from where the playbook says such values come from, or ``None``."""
        producer, field = self._knowledge.source(tool.name, name)
        source = self._run.by_name.get(producer)
        if source is None or not schema.is_read(source) or depth >= MAX_DEPTH:
            return None
        if not self._run.worked(producer):
            asked = {n: near[n] for n in source.required if n in near}
            if not self.fillable(source, asked, depth + 1):
                return None
            self._perform(source, asked, depth + 1, {})
        wanted = tool.parameters.get(name, {})
        values = [
            checking.coerce(leaf.value, wanted)
            for step, leaf in self._run.observed()
            if step.tool == producer and leaf.field == field and checking.fits(leaf.value, wanted)
        ]
        # Where one goes from is not where one goes to.
        return next((v for v in values if v not in near.values()), None)

    def _of_the_same(self, tool: ToolSpec, name: str, near: Json) -> Any | None:
        """Return the value a record of the thing at hand holds, reading its details if needed."""
        if not telling(near) or schema.role(tool, name) is Role.CREDENTIAL:
            return None
        found = self._run.from_observations(tool, name, near=near)
        if found is not None:
            return found
        for reader in self._readers(tool, near):
            if not _may_show(reader, tool, name):
                continue
            asked = {n: near[n] for n in reader.required}
            again = any(
                s.tool == reader.name and dict(s.arguments) == asked for s in self._run.steps
            )
            if not again and self._perform(reader, asked, MAX_DEPTH, {}) is not None:
                found = self._run.from_observations(tool, name, near=near)
                if found is not None:
                    return found
        return None

    def _readers(self, tool: ToolSpec, near: Json) -> Iterator[ToolSpec]:
        """Yield read-only tools that ask for nothing but what is known: they show its details."""
        for other in self._run.tools:
            ids = [n for n in other.required if "id" in parts(n)]
            known = bool(ids) and all(n in near for n in other.required)
            if known and schema.is_read(other) and other.name != tool.name:
                yield other

    def _makers(self, tool: ToolSpec, name: str) -> Iterator[ToolSpec]:
        """Yield tools that make a thing of the kind ``name`` identifies, by their names."""
        about = set(parts(name)) - GENERIC
        if "id" not in parts(name) or not about:
            return
        for other in self._run.tools:
            words = set(parts(other.name))
            takes = name in other.parameters or other.name == tool.name
            if takes or not about <= words or schema.is_read(other) or UNDOING & words:
                continue
            # Who is followed is not made: what a tool answers with decides, where that is known.
            if not other.output_schema or shown(other, tool, name):
                yield other

    def _made(
        self, tool: ToolSpec, name: str, maker: ToolSpec, depth: int, near: Json
    ) -> Any | None:
        shared = {n: near[n] for n in maker.parameters if n in near}
        step = self._perform(maker, shared, depth + 1, near)
        if step is None:
            return None
        return self._run.from_observations(tool, name, near=shared)

    def _produce(self, tool: ToolSpec, name: str, depth: int, near: Json) -> Any | None:
        options = producers(tool, name, self._run.tools)
        for option in options[:3]:
            if self._run.worked(option.tool.name) or not schema.is_read(option.tool):
                continue
            if not self.fillable(option.tool, {}, depth + 1):
                continue
            self._perform(option.tool, {}, depth + 1, {})
            found = self._run.from_observations(tool, name, avoid=list(near.values()))
            if found is not None:
                return found
        return None

    def fillable(self, tool: ToolSpec, base: Json, depth: int) -> bool:
        """Whether every required argument can be had without inventing one."""
        run = self._run
        for name in tool.required:
            if name in base or schema.role(tool, name) not in (Role.ENTITY, Role.CREDENTIAL):
                continue
            known = (
                run.from_task(tool, name),
                run.from_observations(tool, name),
                run.from_schema(tool, name),
            )
            if any(value is not None for value in known) or any(self._readers(tool, base)):
                continue
            options = producers(tool, name, run.tools)[:3]
            if depth >= MAX_DEPTH or not any(
                schema.is_read(p.tool) and self.fillable(p.tool, {}, depth + 1) for p in options
            ):
                return False
        return True

    def _follow(
        self, tool: ToolSpec, name: str, ref: Json, depth: int, taken: Sequence[Any]
    ) -> Any | None:
        """Return the value a reference points to, calling and paging its source as needed.

        Another observed value that is not ``taken`` by a sibling parameter stands in for it.
        """
        others = () if ref.get("$skip") else taken
        source = self._run.by_name.get(str(ref.get("$from", "")))
        found = self._seen(ref, name, others)
        if found is not None or source is None or depth >= MAX_DEPTH:
            return found if found is not None else self._run.from_observations(tool, name, taken)
        if not self._run.worked(source.name):
            step = self._perform(source, dict(ref.get("$arguments", {})), depth + 1, {})
            found = self._seen(ref, name, others)
            if found is None and step is not None and ref.get("$where"):
                self.pages(source, step, until=ref)
                found = self._seen(ref, name, others)
        return found if found is not None else self._run.from_observations(tool, name, taken)

    def _seen(self, ref: Json, name: str = "", taken: Sequence[Any] = ()) -> Any | None:
        """Return the referenced value from what was observed, the latest observation first."""
        where: Mapping[str, Any] = ref.get("$where", {})
        source, field = ref.get("$from"), str(ref["$field"])
        shown = [s for s in self._run.steps if s.tool == source and not failure(s)]
        if "$call" in ref:
            shown = shown[ref["$call"] :][:1]
        if not where:
            # What is found first stands on the first page.
            shown = [s for s in shown if not is_page(s)] or shown
        for step in reversed(shown):
            found = [
                value
                for r in self._made_first(step)
                for value in under(r, field)
                if value not in (None, "") and all(r.get(k) == v for k, v in where.items())
            ]
            if found:
                distinct = _likely(name, list(dict.fromkeys(found)), taken)
                return distinct[min(int(ref.get("$skip", 0)), len(distinct) - 1)]
        return None

    def _made_first(self, step: Step) -> Sequence[Mapping[str, Any]]:
        """Return the records of an answer; of one that makes things, what it was told first.

        A tool may answer with everything there is: the thing it made bears what it was given.
        """
        rows = list(records(step.observation, step.tool))
        if schema.is_read(self._run.by_name[step.tool]):
            return rows
        told = {v for a in step.arguments.values() for v in scalars(a) if len(str(v)) > 2}
        ids = {v for n, v in step.arguments.items() if "id" in parts(n) and isinstance(v, str)}
        return sorted(rows, key=lambda row: not any(v in told - ids for v in scalars(dict(row))))

    def pages(self, tool: ToolSpec, step: Step, until: Json | None = None) -> None:
        """Follow a result to its last page, or until ``until`` is found."""
        for _ in range(MAX_PAGES):
            following = cursor(step.observation)
            if following is None or (until is not None and self._seen(until) is not None):
                return
            name = cursor_parameter(tool, following[0])
            if not name:
                return
            value = checking.coerce(following[1], tool.parameters[name])
            thought = f"There is a next page, so I pass {following[0]} as {name}."
            step = self._run.call(tool.name, {**step.arguments, name: value}, thought)
            if failure(step):
                return

    def other_record(self, tool: ToolSpec, name: str, value: Any, code: str) -> Iterator[Any]:
        """Yield other observed values for a choice that was refused with ``code``.

        A record that has what the code asks for (``order_not_delivered``: a status of delivered)
        comes first.
        """
        used = [s.arguments.get(name) for s in self._run.steps if s.tool == tool.name]
        offers = self._run.offers(tool, name)
        refused: Mapping[str, Any] = next((r for v, r in offers if v == value), {})
        wanted = set(parts(code))
        ranked = sorted(offers, key=lambda o: -_promise(o[1], refused, wanted))
        yield from dict.fromkeys(v for v, _ in ranked if v != value and v not in used)


def _may_show(reader: ToolSpec, tool: ToolSpec, name: str) -> bool:
    """Whether a reader can answer with a parameter's value, as far as it says what it answers."""
    fields = schema_fields(reader.promised, reader.name)
    return not fields or any(match(tool, name, field) >= WEAK for field, _ in fields)


def _likely(name: str, values: list[Any], taken: Sequence[Any]) -> list[Any]:
    """Return the values that look like what is asked for and that no sibling parameter has."""
    fit = [v for v in values if schema.kind_of_path(name, v)] or values
    return [v for v in fit if v not in taken] or fit


def _promise(record: Mapping[str, Any], refused: Mapping[str, Any], wanted: set[str]) -> int:
    """Return how many fields of a record differ from the refused one in what the code names."""
    score = 0
    for field, value in record.items():
        if field in refused and refused[field] == value:
            continue
        if isinstance(value, bool):
            score += bool(set(parts(field)) & wanted)
        elif isinstance(value, str) and set(parts(value)) & wanted:
            score += 1
    return score
