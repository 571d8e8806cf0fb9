"""How values flow from call to call: where an identifier came from, and what worked in sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, leaves, noun_of, parse, records
from practice.agents.rules.mistakes import origin
from practice.agents.rules.schema import Role
from practice.agents.rules.words import GENERIC, nouns, parts
from practice.domain.types import Step, TaskSpec, ToolSpec

Lesson = dict[str, Any]


def sources(task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """Where an identifier was taken from, unless the producer is named after the very thing."""
    for consumer, name, producer, field in links(task, steps, known):
        # What a bare ``id`` is of says the name of its tool.
        about = set(parts(noun_of(name))) or set(nouns(consumer.tool)[-1:])
        if about and about <= set(parts(producer.tool)):
            continue
        where = origin(steps, consumer, consumer.arguments[name])
        under = where[2] if where and where[0] == producer.tool else ""
        yield {
            "kind": "source",
            "key": f"source:{producer.tool}:{field}",
            "field": field,
            "shown": _raw_name(producer, consumer.arguments[name]) or field,
            "producer": producer.tool,
            "under": under,
            "makes": not schema.is_read(known[producer.tool]),
            "consumers": [[consumer.tool, name]],
            "steps": [producer.number, consumer.number],
        }


def makers(task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """Which call made the thing a later call was about: it answered with it, or was told it."""
    yield from _named(steps, known)
    for consumer, name, producer, field in links(task, steps, known):
        if schema.is_read(known[producer.tool]) or "id" not in parts(name):
            continue
        if schema.role(known[consumer.tool], name) is not Role.ENTITY:
            continue
        yield {
            "kind": "made",
            "key": f"made:{producer.tool}:{field}",
            "field": field,
            "producer": producer.tool,
            "consumers": [[consumer.tool, name]],
            "steps": [producer.number, consumer.number],
        }


def _named(steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """A thing that was made under a name, and a call that then worked with it under that name."""
    good = [s for s in steps if not failure(s)]
    for place, producer in enumerate(good):
        for name, value in producer.arguments.items():
            made = known[producer.tool]
            if name not in made.parameters or schema.role(made, name) is not Role.NEW:
                continue
            for consumer in good[place + 1 :]:
                yield from _working_with(value, name, producer, consumer, known[consumer.tool])


def _working_with(
    value: Any, name: str, producer: Step, consumer: Step, tool: ToolSpec
) -> Iterator[Lesson]:
    """Yield what a call that was given the name of something made before shows."""
    for asked, given in consumer.arguments.items():
        if given == value and asked in tool.parameters and schema.role(tool, asked) is Role.ENTITY:
            yield {
                "kind": "made",
                "key": f"made:{producer.tool}:{name}",
                "field": "",
                "producer": producer.tool,
                "consumers": [[consumer.tool, asked]],
                "steps": [producer.number, consumer.number],
            }


def links(
    task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec]
) -> Iterator[tuple[Step, str, Step, str]]:
    """Yield (consumer, parameter, producer, field) where a value was taken from an observation.

    A value the task itself states proves nothing about where it comes from.
    """
    for place, consumer in enumerate(steps):
        if failure(consumer):
            continue
        for name, value in consumer.arguments.items():
            tool = known[consumer.tool]
            if name not in tool.parameters or not _distinct(value, task):
                continue
            if schema.role(tool, name) not in (Role.ENTITY, Role.CREDENTIAL):
                continue
            offered = schema.examples(tool.parameters[name])
            if value in offered:
                continue
            for earlier in steps[:place]:
                field = "" if failure(earlier) else _field_of(earlier, value)
                if field and earlier.tool != consumer.tool and _names(name, field, earlier):
                    yield consumer, name, earlier, field
                    break


def _distinct(value: Any, task: TaskSpec) -> bool:
    plain = isinstance(value, (str, int)) and not isinstance(value, bool)
    return plain and str(value) not in ("", "0", ".") and str(value) not in task.instruction


def _names(parameter: str, field: str, producer: Step) -> bool:
    """Whether a value identifies something: chance equality of other values teaches nothing."""
    identifying = {"id", "key", "token", "code", "symbol", "number", "name", "cursor"}
    words = set(parts(parameter)) | set(parts(field))
    plain = any(list(r) == [field] for r in records(producer.observation, producer.tool))
    same = parts(parameter) == parts(field) and set(parts(field)) - GENERIC
    return bool(identifying & words or plain or same)


def _raw_name(step: Step, value: Any) -> str:
    """Return the name an answer itself gives a value: ``id``, where ``field`` is ``order_id``.

    Nothing for the key of a table, which has no name.
    """
    told = leaves(step.observation, step.tool)
    leaf = next((leaf for leaf in told if str(leaf.value) == str(value)), None)
    if leaf is None or (leaf.raw == "key" and "id" in leaf.words):
        return ""  # the key of a table
    return leaf.raw


def _field_of(step: Step, value: Any) -> str:
    if str(value) in {str(v) for v in step.arguments.values()}:
        return ""
    for leaf in leaves(step.observation, step.tool):
        if str(leaf.value) == str(value):
            return leaf.field
    return ""


def sequence(
    task: TaskSpec,
    steps: list[Step],
    known: dict[str, ToolSpec],
    enabling: Sequence[tuple[str, Sequence[int]]] = (),
) -> Iterator[Lesson]:
    """The calls that led to a change: values flow between them, or one made the next possible.

    ``enabling`` holds (tool, steps) of each lesson about a call that had to come before that tool.
    """
    good = {s.number: s for s in steps if not failure(s)}
    flow = list(links(task, steps, known))
    for last in reversed(list(good.values())):
        if schema.is_read(known[last.tool]):
            continue
        chain = _chain(last, flow, enabling, good)
        changes = {s.tool for s in chain if not schema.is_read(known[s.tool])}
        if len({s.tool for s in chain}) >= 3 and len(changes) >= 2:
            yield {
                "kind": "sequence",
                "key": f"sequence:{last.tool}",
                "tool": last.tool,
                "purpose": known[last.tool].description,
                "calls": [_written(s, chain, steps, task) for s in chain],
                "steps": [s.number for s in chain],
            }
            return


def _chain(
    last: Step,
    flow: list[tuple[Step, str, Step, str]],
    enabling: Sequence[tuple[str, Sequence[int]]],
    good: Mapping[int, Step],
) -> list[Step]:
    needed = {last.number: last}
    grown = True
    while grown:
        size = len(needed)
        for consumer, _, producer, _ in flow:
            if consumer.number in needed:
                needed[producer.number] = producer
        tools = {s.tool for s in needed.values()}
        for tool, numbers in enabling:
            before = [good[n] for n in numbers if n in good and tool in tools]
            needed |= {s.number: s for s in before if s.number <= last.number}
        grown = len(needed) > size
    latest = {s.tool: s for _, s in sorted(needed.items())}
    if any(s.arguments != latest[s.tool].arguments for s in needed.values()):
        # The agent changed its mind on the way: that is no recipe.
        return []
    return sorted(latest.values(), key=lambda s: s.number)


def _written(step: Step, chain: list[Step], steps: list[Step], task: TaskSpec) -> Mapping[str, Any]:
    """Return a call with, for each argument, the call and the field it was taken from."""
    numbers = {s.number for s in chain}
    by_number = {s.number: s for s in steps}
    taken: dict[str, Any] = {}
    for name, value in step.arguments.items():
        stated = str(value) in task.instruction
        found = None if stated or isinstance(value, bool) else origin(steps, step, value)
        if found is not None and found[3] in numbers and _telling_value(value):
            taken[name] = [found[0], _written_path(by_number[found[3]], value, found[1])]
    return {"tool": step.tool, "arguments": {n: taken.get(n) for n in step.arguments}}


def _written_path(step: Step, value: Any, field: str) -> str:
    """Return where a value stands in an answer: ``shipping.postcode``, ``items[i].sku``."""
    leaf = next(o for o in leaves(step.observation, step.tool) if o.value == value)
    # Which of them it was is no rule of the world, where it was not simply the first.
    if _is_plain(step, value):
        return f"[{0 if leaf.path[-1][1] == 0 else 'i'}]"
    places = [(key, 0 if place == 0 else "i") for key, place in leaf.path]
    # The answer itself is the list where its items stand under no name.
    inside = [f"{key}[{place}]" for n, (key, place) in enumerate(places) if key or not n]
    if leaf.under and not (leaf.path and leaf.path[-1][0] == leaf.under):
        inside.append(leaf.under)
    return ".".join([*inside, field])


def _is_plain(step: Step, value: Any) -> bool:
    """Whether an answer is a list that holds the very value, and no records."""
    told = parse(step.observation)
    return isinstance(told, list) and value in told


def _telling_value(value: Any) -> bool:
    return isinstance(value, (str, int)) and len(str(value)) > 2
