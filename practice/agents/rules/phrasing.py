"""Instructions as a person would write them, from calls and their arguments.

A description is taken at its word: "Assign a ticket to an agent." with both given becomes
"Assign ticket TIC-00031 to agent AGT-04". What has no place in the sentence follows it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.documents import noun_of
from practice.agents.rules.doing import imperative
from practice.agents.rules.schema import Role
from practice.agents.rules.words import joined, phrase, sentence
from practice.domain.types import Json, ToolSpec

MAX_WORDS = 18
_OPENERS = ("", "", "", "I need you to ", "Can you ", "Help me ")
_LINKS = ("Then", "After that,", "Next,")
_PERIOD = re.compile(r"\b(?:in|within|for|during) (?:a|the|a given) (?:period|range|date range)\b")
_BY = re.compile(r" by [a-z ]+(?:, [a-z ]+)* or [a-z ]+$")


def instruction(calls: Sequence[tuple[ToolSpec, Json]], rng: random.Random) -> str:
    """Return the instruction for intended calls, in order."""
    sentences: list[str] = []
    told: set[str] = set()
    for place, (tool, call) in enumerate(calls):
        said = _clause(tool, call.get("arguments", {}), told)
        if call.get("all_pages"):
            said = f"{said}, go through every page and tell me how many there are"
        if place == 0:
            opener = rng.choice(_OPENERS)
            if said.startswith("show me") and opener.startswith("Help"):
                opener = ""
            ending = "?" if opener.startswith("Can") else "."
            sentences.append(f"{sentence(f'{opener}{said}').rstrip('.')}{ending}")
        else:
            sentences.append(sentence(f"{rng.choice(_LINKS)} {said}"))
    return " ".join(sentences)


def _clause(tool: ToolSpec, arguments: Json, told: set[str]) -> str:
    does = imperative(tool.description, tool.name, reads=schema.is_read(tool))
    doing = _shortened(_BY.sub("", does)).rstrip(" ,")
    left: list[str] = []
    dates = [n for n in arguments if n in tool.parameters and _is_date(tool, n, arguments[n])]
    if len(dates) == 2:
        first, last = (_plain(arguments[n]) for n in dates)
        doing = f"{_PERIOD.sub('', doing).strip()} from {first} to {last}"
    for name, value in arguments.items():
        if len(dates) == 2 and name in dates:
            continue
        placed = _placed(doing, name, value, told)
        if placed is not None:
            doing = placed
        else:
            left.append(_argument(tool, name, value, told))
    return f"{doing}, {_preposition(left)}{joined(left)}" if left else doing


def _is_date(tool: ToolSpec, name: str, value: Any) -> bool:
    return schema.role(tool, name) is Role.DATE and isinstance(value, str)


def _placed(doing: str, name: str, value: Any, told: set[str]) -> str | None:
    """Return the sentence with "a ticket" replaced by the ticket meant, or ``None``."""
    thing = noun_of(name)
    if "id" not in phrase(name).lower().split() or not thing or isinstance(value, (list, bool)):
        return None
    general = re.compile(rf"\b(?:an?|the|an existing|a specific) {re.escape(thing)}\b(?! and\b)")
    owned = re.compile(rf"\b(?:an?|the) {re.escape(thing)}'s (\w+)")
    is_owned = goals.is_reference(value) and owned.search(doing)
    if not is_owned and not general.search(doing):
        # Nothing was named: where it is said later, it is not "that" one.
        return None
    meant = _thing(thing, value, told)
    if is_owned:
        return owned.sub(lambda found: f"the {found.group(1)} of {meant}", doing, count=1)
    return general.sub(lambda _: meant, doing, count=1)


def _thing(thing: str, value: Any, told: set[str]) -> str:
    """Return "ticket TIC-00031", "the first ticket", or "that ticket" when it was named before."""
    if not goals.is_reference(value):
        return f"{thing} {value}"
    named = repr(sorted(value.items(), key=str))
    if named in told:
        return f"that {thing}"
    told.add(named)
    if where := value.get("$where"):
        (field, shown), *_ = where.items()
        attribute = phrase(field).replace(f"{thing} ", "", 1)
        return f"the {thing} with the {attribute} {_plain(shown)}"
    if value.get("$call"):
        return f"the next {thing} you find"
    return f"any {thing} you find" if value.get("$skip") else f"the first {thing} you find"


def _preposition(told: Sequence[str]) -> str:
    return "" if told[0].startswith(("for ", "using ", "with ", "without ", "up to ")) else "with "


def _argument(tool: ToolSpec, name: str, value: Any, told: set[str]) -> str:
    said = phrase(name)
    if goals.is_reference(value):
        thing = noun_of(str(value["$field"])) or noun_of(name) or said
        if value.get("$where"):
            return f"for {_thing(thing, value, told)}"
        order = "next" if value.get("$skip") or value.get("$call") else "first"
        return f"using the {said} you find {order}"
    if isinstance(value, bool):
        said = re.sub(r"^(is|use|include) ", "", said)
        return f"{said} turned {'on' if value else 'off'}"
    if name in tool.parameters:
        if schema.role(tool, name) is Role.AMOUNT:
            return f"up to {value}"
        if name == "query":
            return f"for {_value(value)}"
    return f"{said} {_value(value)}"


def _value(value: Any) -> str:
    """Return a value in words; of what holds others, each field with its own."""
    if isinstance(value, dict):
        return joined([f"{phrase(k)} {_value(v)}" for k, v in value.items()])
    if isinstance(value, list):
        return joined([_value(v) for v in value])
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and (" " in value or not value.strip()):
        return f'"{value}"'
    return str(value)


def _plain(value: Any) -> str:
    """Return a value without quotes where it reads as words: a date, a number."""
    return str(value) if re.match(r"\d", str(value)) else _value(value)


def _shortened(text: str) -> str:
    head = re.split(r"[;:]|, (?:which|where|so|and then)\b| - ", text)[0].strip()
    words = head.split()
    return " ".join(words[:MAX_WORDS]) if len(words) > MAX_WORDS else head
