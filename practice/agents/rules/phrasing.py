"""Instructions as a person would write them, from calls and their arguments."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from typing import Any

from practice.agents.rules import goals
from practice.agents.rules.documents import noun_of
from practice.agents.rules.words import imperative, joined, phrase, sentence
from practice.domain.types import Json, ToolSpec

MAX_WORDS = 18
_OPENERS = ("", "", "I need you to ", "Can you ", "Help me ")
_LINKS = ("Then", "After that,", "When that is done,", "Next,")


def instruction(calls: Sequence[tuple[ToolSpec, Json]], rng: random.Random) -> str:
    """Return the instruction for intended calls, in order."""
    sentences = []
    for place, (tool, call) in enumerate(calls):
        said = _clause(tool, call.get("arguments", {}))
        if call.get("all_pages"):
            said = f"{said}, go through every page and tell me how many there are"
        if place == 0:
            opener = rng.choice(_OPENERS)
            text = f"{opener}{said}"
            ending = "?" if opener.startswith("Can") else "."
            sentences.append(f"{sentence(text).rstrip('.')}{ending}")
        else:
            sentences.append(sentence(f"{rng.choice(_LINKS)} {said}"))
    return " ".join(sentences)


def _clause(tool: ToolSpec, arguments: Json) -> str:
    doing = _shortened(imperative(tool.description, tool.name))
    told = [_argument(name, value) for name, value in arguments.items()]
    told = [t for t in told if t]
    return f"{doing}, {_preposition(told)}{joined(told)}" if told else doing


def _preposition(told: Sequence[str]) -> str:
    return "" if told[0].startswith(("for ", "using ", "with ", "without ")) else "with "


def _argument(name: str, value: Any) -> str:
    said = phrase(name)
    if goals.is_reference(value):
        return _reference(name, value)
    if isinstance(value, bool):
        said = re.sub(r"^(is|use|include) ", "", said)
        return f"{said} turned {'on' if value else 'off'}"
    if isinstance(value, dict):
        inner = [f"{phrase(k)} {_value(v)}" for k, v in value.items()]
        return f"{said} {joined(inner)}"
    if isinstance(value, list):
        return f"{said} {joined([_value(v) for v in value])}"
    return f"{said} {_value(value)}"


def _reference(name: str, value: Json) -> str:
    thing = noun_of(str(value["$field"])) or noun_of(name) or phrase(name)
    if where := value.get("$where"):
        (field, told), *_ = where.items()
        attribute = phrase(field).replace(f"{thing} ", "", 1)
        return f"for the {thing} whose {attribute} is {_value(told)}"
    order = "next" if value.get("$skip") or value.get("$call") else "first"
    return f"using the {phrase(name)} you find {order}"


def _value(value: Any) -> str:
    if isinstance(value, str) and (" " in value or not value.strip()):
        return f'"{value}"'
    return str(value)


def _shortened(text: str) -> str:
    head = re.split(r"[;:]|, (?:which|where|so|and then)\b| - ", text)[0].strip()
    words = head.split()
    return " ".join(words[:MAX_WORDS]) if len(words) > MAX_WORDS else head
