"""Lessons as sentences a person wants to read: specific, imperative, with the tool names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from practice.agents.rules.words import imperative, joined, phrase, sentence

SECTIONS = {
    "prerequisite": "strategies",
    "effect": "strategies",
    "condition": "pitfalls",
    "refusal": "pitfalls",
    "enum": "pitfalls",
    "limit": "pitfalls",
    "required": "pitfalls",
    "spelling": "pitfalls",
    "format": "apis",
    "pagination": "apis",
    "source": "apis",
    "shape": "apis",
    "sequence": "code_snippets",
}
MAX_ERROR = 140

Lesson = Mapping[str, Any]


def content(lesson: Lesson) -> str:
    """Return the bullet text of a lesson."""
    match lesson["kind"]:
        case "prerequisite":
            return _prerequisite(lesson)
        case "enum":
            return _enum(lesson)
        case "limit":
            limits = f"{_limits(lesson)}{_told(lesson)}"
            return f"Keep `{lesson['parameter']}` of `{lesson['tool']}` {limits}."
        case "required":
            return (
                f"Give `{lesson['parameter']}` to `{lesson['tool']}` although its schema calls it "
                f"optional{_told(lesson)}."
            )
        case "spelling":
            return (
                f"Spell `{lesson['parameter']}` of `{lesson['tool']}` exactly as the environment "
                f"does: {_v(lesson['accepted'])} works and {_v(lesson['rejected'])} is not found."
            )
        case "format":
            return (
                f"Write `{lesson['parameter']}` of `{lesson['tool']}` as {_v(lesson['accepted'])}; "
                f"{_v(lesson['rejected'])} is rejected{_told(lesson, ' with')}."
            )
        case "pagination":
            return _pagination(lesson)
        case "source":
            return _source(lesson)
        case "shape":
            return (
                f"`{lesson['tool']}` returns summaries only; call `{lesson['detail']}` with the ID "
                f"for {joined([phrase(f) for f in lesson['extra']])}."
            )
        case "condition":
            return (
                f"For `{lesson['tool']}`, pick a `{lesson['parameter']}` whose "
                f"{phrase(lesson['field'])} is {_v(lesson['wanted'])}; any other is refused"
                f"{_told(lesson, ' with')}."
            )
        case "refusal":
            return _refusal(lesson)
        case "effect":
            return (
                f"`{lesson['tool']}` moves {phrase(lesson['field'])} from {_v(lesson['from'])} to "
                f"{_v(lesson['to'])}; check the {phrase(lesson['field'])} before you call it again."
            )
        case _:
            return _sequence(lesson)


def _prerequisite(lesson: Lesson) -> str:
    settings = [f"`{k}` = {_v(v)}" for k, v in lesson["settings"].items()]
    given = [phrase(n) for n in lesson["given"]]
    how = ""
    if settings:
        how = f" with {joined(settings)}"
    elif given:
        how = f" ({joined(given)})"
    tools = joined([f"`{t}`" for t in lesson["tools"]])
    answer = lesson["code"] or f'"{_cut(lesson["error"])}"'
    verb = "answers" if len(lesson["tools"]) == 1 else "answer"
    it = "it" if len(lesson["tools"]) == 1 else "they"
    return f"Call `{lesson['needs']}`{how} before {tools}; otherwise {it} {verb} {answer}."


def _enum(lesson: Lesson) -> str:
    rejected = lesson.get("rejected")
    wrong = f"; {_v(rejected)} is rejected" if rejected not in (None, "") else ""
    values = joined([_v(v) for v in lesson["values"]], "or")
    return f"Set `{lesson['parameter']}` of `{lesson['tool']}` to {values}{wrong}."


def _limits(lesson: Lesson) -> str:
    low, high = lesson.get("low"), lesson.get("high")
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at {high:g} or below" if high is not None else f"at {low:g} or above"


def _pagination(lesson: Lesson) -> str:
    size = f" {lesson['size']} records at a time" if lesson["size"] > 1 else " one page at a time"
    return (
        f"`{lesson['tool']}` returns{size}: pass its `{lesson['field']}` as "
        f"`{lesson['parameter']}` and repeat until there is none, before you count or conclude "
        f"that something is missing."
    )


def _source(lesson: Lesson) -> str:
    uses = [f"`{name}` of `{tool}`" for tool, name in lesson["consumers"]]
    field = phrase(lesson["field"])
    return f"Take {joined(uses)} from the {field} that `{lesson['producer']}` shows."


def _refusal(lesson: Lesson) -> str:
    state = [f"{phrase(k)} is {_v(v)}" for k, v in lesson["state"].items() if v is not None]
    when = f" when the {joined(state)}" if state else ""
    code = f"{lesson['code']}: " if lesson["code"] and lesson["code"] not in lesson["error"] else ""
    return (
        f"`{lesson['tool']}` refuses{when} ({code}{_cut(lesson['error'])}); report that instead of "
        f"trying again."
    )


def _sequence(lesson: Lesson) -> str:
    lines = []
    names: dict[str, str] = {}
    for call in lesson["calls"]:
        tool = str(call["tool"])
        names[tool] = _variable(tool, names)
        told = [_parameter(n, taken, names) for n, taken in call["arguments"].items()]
        lines.append(f"{names[tool]} = {tool}({', '.join(told)})")
    doing = sentence(imperative(str(lesson["purpose"]), str(lesson["tool"]))).rstrip(".")
    last = lines[-1].partition(" = ")[2]
    return "\n".join([f"{doing}:", *lines[:-1], last])


def _parameter(name: str, taken: Sequence[str] | None, names: Mapping[str, str]) -> str:
    if taken is None:
        return f"{name}=…"
    return f"{name}={names.get(taken[0], taken[0])}.{taken[1]}"


def _variable(tool: str, names: Mapping[str, str]) -> str:
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", tool).lower())
    name = words[-1]
    return f"{name}_{len(names) + 1}" if name in names.values() else name


def _told(lesson: Lesson, link: str = ", or it answers") -> str:
    said = _cut(str(lesson.get("error", "")))
    return f'{link} "{said}"' if said else ""


def _cut(text: str) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 1]}…"


def _v(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_v(v) for v in value)}]"
    return f"`{value}`"
