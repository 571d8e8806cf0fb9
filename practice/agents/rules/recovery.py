"""What to try after an error: better arguments, or another call first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from difflib import SequenceMatcher
from typing import Any

from practice.agents.rules import checking, schema
from practice.agents.rules.errors import Diagnosis
from practice.agents.rules.schema import Role
from practice.agents.rules.words import content, parts, stem
from practice.domain.types import Json, ToolSpec

_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%B %d, %Y", "%d %B %Y", "%Y/%m/%d")
CLOSE = 0.6


@dataclass(frozen=True, slots=True)
class Fix:
    """Other arguments for the same call, and why."""

    arguments: Json
    why: str


def fixes(found: Diagnosis, tool: ToolSpec, arguments: Json) -> Iterator[Fix]:
    """Yield corrected arguments an error text itself asks for, most likely first."""
    name = found.parameter
    wanted = tool.parameters.get(name, {})
    value = arguments.get(name)
    if found.allowed:
        for option in nearest(value, found.allowed)[:3]:
            fixed = checking.coerce(option, wanted)
            yield Fix(
                {**arguments, name: [fixed] if schema.kind(wanted) == "array" else fixed},
                f"The error lists the values {name} takes, so I use {option!r}.",
            )
    if found.format:
        for other in reformatted(value, found.format):
            yield Fix(
                {**arguments, name: other, **_siblings(tool, name, arguments, found.format)},
                f"The error shows the form {name} must have, so I write it as {other!r}.",
            )
    if found.days and (shorter := narrowed(arguments, found.period, found.days)):
        yield Fix(
            shorter, f"The error allows {found.days} days at once, so I ask period by period."
        )
    number = _number(value)
    if number is not None and (found.low is not None or found.high is not None):
        low = found.low if found.low is not None else number
        high = found.high if found.high is not None else number
        within = checking.coerce(min(max(number, low), high), wanted)
        if isinstance(value, str):
            within = f"{min(max(number, low), high):.{len(value.partition('.')[2])}f}"
        yield Fix({**arguments, name: within}, f"The error limits {name}, so I use {within}.")
    if name and value is not None and name not in tool.required and not found.allowed:
        rest = {k: v for k, v in arguments.items() if k != name}
        yield Fix(rest, f"{name} is optional and was not accepted, so I leave it out.")


def narrowed(arguments: Json, period: tuple[str, str], days: int) -> dict[str, Any] | None:
    """Return ``arguments`` with the period cut to ``days``; ``None`` where it is short enough."""
    first, last = (_day(arguments.get(name)) for name in period)
    if first is None or last is None or (last - first).days <= days:
        return None
    return {**arguments, period[1]: (first + timedelta(days=days)).isoformat()}


def following(arguments: Json, period: tuple[str, str], last: str, days: int) -> dict[str, Any]:
    """Return ``arguments`` for the period after theirs, until ``last``; empty at the end."""
    done, end = _day(arguments.get(period[1])), _day(last)
    if done is None or end is None or done >= end:
        return {}
    first = done + timedelta(days=1)
    upto = min(end, first + timedelta(days=days))
    return {**arguments, period[0]: first.isoformat(), period[1]: upto.isoformat()}


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    if isinstance(value, str) and re.fullmatch(r"\d+(?:\.\d+)?", value):
        return float(value)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _siblings(tool: ToolSpec, name: str, arguments: Json, shown: str) -> dict[str, Any]:
    """Return the other dates of a call in the form that was asked for one of them."""
    if schema.role(tool, name) is not Role.DATE:
        return {}
    found: dict[str, Any] = {}
    for other, value in arguments.items():
        if other != name and other in tool.parameters and schema.role(tool, other) is Role.DATE:
            found[other] = next(iter(reformatted(value, shown)), value)
    return found


def nearest(value: Any, allowed: Sequence[Any]) -> list[Any]:
    """Return ``allowed`` with the options closest to ``value`` first; ties keep their order."""
    told = str(value).lower()

    def closeness(option: Any) -> float:
        word = str(option).lower()
        if told == word:
            return 2.0
        if set(parts(told)) & set(parts(word)):
            return 1.5
        return SequenceMatcher(None, told, word).ratio()

    return sorted(allowed, key=lambda o: -round(closeness(o), 3))


def reformatted(value: Any, shown: str) -> list[str]:
    """Return ``value`` rewritten in the form of the example or pattern ``shown``."""
    text = str(value)
    for pattern in _DATES:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            continue
        target = schema.date_format("", {"description": shown}) or _date_like(shown)
        return [moment.strftime(target)] if target else []
    if re.fullmatch(r"\d+\.\d+", shown) and re.fullmatch(r"\d+(?:\.\d+)?", text):
        return [f"{float(text):.{len(shown.partition('.')[2])}f}"]
    digits = re.findall(r"\d+", text)
    example = re.findall(r"\d+", shown)
    prefix = re.match(r"[A-Za-z]+[-_]?", shown)
    if digits and prefix and len(digits) >= len(example) == 1:
        return [f"{prefix.group()}{digits[-1].zfill(len(example[0]))}"]
    if text.upper() != text and shown.upper() == shown:
        return [text.upper()]
    return []


def _date_like(shown: str) -> str:
    for pattern in _DATES:
        try:
            datetime.strptime(shown, pattern)  # noqa: DTZ007 - only the shape is of interest
        except ValueError:
            continue
        return pattern
    return ""


def variants(tool: ToolSpec, said: str, base: Json) -> list[dict[str, Any]]:
    """Return argument sets for a call an error asked for, the likeliest first, at most four.

    ``base`` holds what is already known. Flags and choices are what an error speaks of ("must be
    locked", "release the brake"), so these vary.
    """
    spoken = content(said)
    guesses = [dict(base)]
    for name in tool.parameters:
        if name not in tool.required and name not in base:
            continue
        wanted = tool.parameters[name]
        options = _guesses(tool, name, wanted, said, spoken)
        if options:
            guesses = [{**g, name: option} for option in options for g in guesses]
    return guesses[:4]


def _guesses(
    tool: ToolSpec, name: str, wanted: Json, said: str, spoken: frozenset[str]
) -> list[Any]:
    kind = schema.role(tool, name)
    if kind is Role.FLAG:
        undoes = name.lower().startswith(("un", "dis", "no_"))
        return [not undoes, undoes]
    options = schema.choices(wanted)
    if kind is Role.LIST and options:
        named = [o for o in options if str(o).lower() in said.lower()]
        return [options, named] if named and named != options else [options]
    if kind is Role.CHOICE:
        return sorted(options, key=lambda o: not ({stem(w) for w in parts(str(o))} & spoken))[:3]
    if kind is Role.NUMBER:
        _, high = schema.bounds(wanted)
        return [checking.coerce(high, wanted)] if high is not None else []
    return []


def same_thing(value: Any, candidates: Sequence[Any]) -> Any | None:
    """Return the observed value that plainly is ``value`` in another spelling, or ``None``."""
    told = re.sub(r"\W+", "", str(value)).lower()
    best: tuple[float, Any] = (0.0, None)
    for candidate in candidates:
        word = re.sub(r"\W+", "", str(candidate)).lower()
        if not word or candidate == value:
            continue
        if word == told:
            return candidate
        if re.search(r"\d", told) or re.search(r"\d", word):
            continue
        score = SequenceMatcher(None, told, word).ratio()
        if len(told) > 3 and (told in word or word in told):
            score = max(score, 0.9)
        if score > best[0]:
            best = (score, candidate)
    return best[1] if best[0] > 1 - CLOSE / 3 else None
