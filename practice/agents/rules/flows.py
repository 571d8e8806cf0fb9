"""How values flow from call to call: where an identifier came from, and what worked in sequence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, leaves, records
from practice.agents.rules.schema import Role
from practice.agents.rules.words import parts
from practice.domain.types import Step, TaskSpec, ToolSpec

Lesson = dict[str, Any]


def sources(task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    for consumer, name, producer, field in links(task, steps, known):
        yield {
            "kind": "source",
            "key": f"source:{producer.tool}:{field}",
            "field": field,
            "producer": producer.tool,
            "consumers": [[consumer.tool, name]],
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
            for earlier in reversed(steps[:place]):
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
    return bool(identifying & words or plain)


def _field_of(step: Step, value: Any) -> str:
    if str(value) in {str(v) for v in step.arguments.values()}:
        return ""
    for leaf in leaves(step.observation, step.tool):
        if str(leaf.value) == str(value):
            return leaf.field
    return ""


def sequence(task: TaskSpec, steps: list[Step], known: dict[str, ToolSpec]) -> Iterator[Lesson]:
    """A call sequence in which values flow from call to call and that ends in a change."""
    good = {s.number: s for s in steps if not failure(s)}
    flow = list(links(task, steps, known))
    for last in reversed(list(good.values())):
        if schema.is_read(known[last.tool]):
            continue
        chain = _chain(last, flow)
        tools = [s.tool for s in chain]
        if len(set(tools)) >= 3:
            yield {
                "kind": "sequence",
                "key": f"sequence:{'+'.join(sorted(set(tools)))}",
                "tool": last.tool,
                "purpose": known[last.tool].description,
                "calls": [_written(s, flow) for s in chain],
                "steps": [s.number for s in chain],
            }
            return


def _chain(last: Step, flow: list[tuple[Step, str, Step, str]]) -> list[Step]:
    needed = {last.number: last}
    grown = True
    while grown:
        grown = False
        for consumer, _, producer, _ in flow:
            if consumer.number in needed and producer.number not in needed:
                needed[producer.number] = producer
                grown = True
    return [needed[n] for n in sorted(needed)]


def _written(step: Step, flow: list[tuple[Step, str, Step, str]]) -> Mapping[str, Any]:
    taken = {name: [p.tool, f] for c, name, p, f in flow if c.number == step.number}
    return {"tool": step.tool, "arguments": {n: taken.get(n) for n in step.arguments}}
