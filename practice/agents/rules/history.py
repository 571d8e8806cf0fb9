"""What practice history says about which tools and values led nowhere."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from practice.agents.rules import goals
from practice.agents.rules.schema import is_read
from practice.agents.rules.words import nouns, parts
from practice.domain.types import Category, PracticeRecord, ToolSpec


def culprits(record: PracticeRecord) -> list[str]:
    """Return the intended tools an infeasible task failed at.

    Where the reason names some of those that never worked, only these: the others wanted for what
    the named one would have given.
    """
    if record.category is not Category.INFEASIBLE:
        return []
    worked = {tool for tool, had_error in record.calls if not had_error}
    never = [t for t in record.intended_tools if t not in worked]
    named = set(re.findall(r"`(\w+)`", record.reason))
    return [t for t in never if t in named] or never


def emptied(record: PracticeRecord) -> list[str]:
    """Return the tools that are said to have nothing about what the task names."""
    return re.findall(r"`(\w+)` has nothing", record.reason)


def barren(record: PracticeRecord) -> Iterator[str]:
    """Yield the sources of calls that could not be made: they showed nothing to use."""
    if record.category is Category.INFEASIBLE:
        yield from emptied(record)
        called = {tool for tool, _ in record.calls}
        for call in record.goal.get("calls", ()):
            if call.get("tool") in called:
                continue
            for value in call.get("arguments", {}).values():
                if goals.is_reference(value):
                    yield str(value.get("$from", ""))


def refused(history: Sequence[PracticeRecord]) -> set[str]:
    """Return JSON of (tool, parameter, value) of calls that never worked in infeasible tasks.

    A value with which the tool worked in another task is not what was refused.
    """
    spurned: set[str] = set()
    accepted: set[str] = set()
    for record in history:
        failing = {*culprits(record), *barren(record)}
        worked = {tool for tool, had_error in record.calls if not had_error} - failing
        for call in record.goal.get("calls", ()):
            told = {
                json.dumps([call["tool"], name, value])
                for name, value in call.get("arguments", {}).items()
                if isinstance(value, (str, int, float))
            }
            spurned |= told if call["tool"] in failing else set()
            accepted |= told if call["tool"] in worked else set()
    return spurned - accepted


def changed(
    history: Sequence[PracticeRecord], tools: Sequence[ToolSpec]
) -> set[tuple[str, str, str]]:
    """Return (tool, parameter, value) of calls that changed something and worked."""
    writes = {tool.name for tool in tools if not is_read(tool)}
    found: set[tuple[str, str, str]] = set()
    for record in history:
        worked = {t for t, had_error in record.calls if not had_error} - {*culprits(record)}
        for call in record.goal.get("calls", ()):
            if call.get("tool") in worked & writes:
                given = call.get("arguments", {}).items()
                name = str(call["tool"])
                found |= {(name, n, str(v)) for n, v in given if isinstance(v, (str, int))}
    return found


def followed(record: PracticeRecord) -> Iterator[str]:
    """Yield the tools whose pages were asked for and followed."""
    called = Counter(tool for tool, _ in record.calls)
    for call in record.goal.get("calls", ()):
        name = str(call.get("tool"))
        if call.get("all_pages") and (called[name] > 1 or not record.calls):
            yield name


def loose(record: PracticeRecord) -> Iterator[str]:
    """Yield the parameters whose identifiers a task wrote in small letters."""
    for call in record.goal.get("calls", ()):
        for name, value in call.get("arguments", {}).items():
            if isinstance(value, str) and re.fullmatch(r"[a-z]+-[a-z0-9-]*\d", value):
                yield name


def enabling(history: Sequence[PracticeRecord], tools: Sequence[ToolSpec]) -> dict[str, str]:
    """Return per tool that was refused a change that sets what the refusal speaks of.

    "Balance is less than budget limit" speaks of what ``set_budget_limit`` sets.
    """
    found: dict[str, str] = {}
    for record in history:
        said = set(parts("_".join(re.findall(r"[A-Za-z]+", record.reason.partition(": ")[2]))))
        for name in culprits(record):
            for tool in tools:
                about = set(nouns(tool.name))
                if len(about) > 1 and about <= said and tool.name != name and not is_read(tool):
                    found.setdefault(name, tool.name)
    return found


def states(history: Sequence[PracticeRecord]) -> dict[str, frozenset[str]]:
    """Return per tool the states its refusals asked for: ``order_not_delivered``: delivered."""
    found: dict[str, frozenset[str]] = {}
    for record in history:
        for code in re.findall(r"\b[a-z]+(?:_[a-z]+)*_not_(?:yet_)?([a-z_]+)\b", record.reason):
            for tool in record.intended_tools:
                found[tool] = found.get(tool, frozenset()) | frozenset(parts(code))
    return found
