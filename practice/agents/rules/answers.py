"""The final answer of an attempt, made of what was observed and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from practice.agents.rules import goals
from practice.agents.rules.documents import failure, is_empty, leaves, parse, records
from practice.agents.rules.errors import message
from practice.agents.rules.words import parts, phrase, sentence
from practice.domain.types import Step, TaskSpec

MAX_FIELDS = 6
MAX_VALUE = 120
#: words in the names of what a page says of itself.
_PAGING = frozenset({"total", "count", "cursor", "next", "previous", "page", "pages", "more"})


def answer(task: TaskSpec, steps: Sequence[Step]) -> str:
    """Return one sentence per intended call: what it showed, or why it could not be done."""
    said: list[str] = []
    for tool in dict.fromkeys(str(call["tool"]) for call in goals.calls(task)):
        own = [s for s in steps if s.tool == tool]
        good = [s for s in own if not failure(s)]
        if good:
            said.append(_result(tool, _asked(task, good), _pages(task, tool)))
        elif own:
            said.append(f"`{tool}` did not work: {_short(message(failure(own[-1])))}")
        else:
            said.append(f"`{tool}` was not called")
    return " ".join(sentence(part) for part in said) or "No call was made."


def _asked(task: TaskSpec, good: Sequence[Step]) -> Sequence[Step]:
    """Leave out what was looked up on the way for another call: it is no answer."""
    wanted = [
        {k: v for k, v in call["arguments"].items() if not goals.is_reference(v)}
        for call in goals.calls(task)
        if call["tool"] == good[0].tool
    ]
    told = [s for s in good if any(_has(s, literal) for literal in wanted)]
    return told or good


def _has(step: Step, literal: Mapping[str, Any]) -> bool:
    return all(str(step.arguments.get(name)) == str(value) for name, value in literal.items())


def _pages(task: TaskSpec, tool: str) -> bool:
    return any(c["tool"] == tool and c.get("all_pages") for c in goals.calls(task))


def _result(tool: str, good: Sequence[Step], all_pages: bool) -> str:
    last = good[-1]
    if all_pages and len(good) > 1:
        firsts = [first for step in good for first in _listed(step)]
        count = f"{len(firsts)} {'record' if len(firsts) == 1 else 'records'}"
        listed = f": {', '.join(map(str, firsts))}" if firsts else ""
        return f"`{tool}` lists {count} on {len(good)} pages{listed}"
    if is_empty(last.observation):
        return f"`{tool}` is done and returned nothing"
    found = leaves(last.observation, last.tool)
    if not found:
        text = last.observation if parse(last.observation) is None else "done"
        return f"`{tool}` returned: {_short(text)}"
    fields = [f"{phrase(leaf.field)} {_value(leaf.value)}" for leaf in found[:MAX_FIELDS]]
    more = f" and {len(found) - MAX_FIELDS} more values" if len(found) > MAX_FIELDS else ""
    return f"`{tool}`: {', '.join(fields)}{more}"


def _listed(step: Step) -> list[Any]:
    """Return the first value of each thing a page lists, as many values as there are things.

    Lists inside of a thing (the features of a bed) are not counted, nor what a page says of itself.
    """
    found = leaves(step.observation, step.tool)
    lists = Counter(key for key, _ in {leaf.path[0] for leaf in found if leaf.path})
    if not lists and _lists_nothing(step):
        return []
    if not lists:
        rows = records(step.observation, step.tool)
        return [
            next(iter(r.values())) for r in rows if not all(_PAGING & {*parts(name)} for name in r)
        ]
    longest = lists.most_common(1)[0][0]
    firsts: dict[int, Any] = {}
    for leaf in found:
        if leaf.path and leaf.path[0][0] == longest:
            firsts.setdefault(leaf.path[0][1], leaf.value)
    return list(firsts.values())


def _lists_nothing(step: Step) -> bool:
    told = parse(step.observation)
    return told == [] or (isinstance(told, Mapping) and [] in told.values())


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "empty" if value in (None, "") else _short(str(value))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_VALUE else f"{line[: MAX_VALUE - 1]}…"
