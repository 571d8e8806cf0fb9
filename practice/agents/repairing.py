"""Reading a reply that is almost JSON: mended here, before the model is asked again.

Models wrap JSON in prose or code fences, leave a comma too many, write Python's ``True``, send the
object as a string inside a string, or one level too deep. None of that is worth another request.
What was cut off in the middle is not mended: half a reply is not the reply.
"""

from __future__ import annotations

import ast
import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

Reply = TypeVar("Reply", bound=BaseModel)

_FENCED = re.compile(r"```[a-zA-Z0-9]*\s*\n?(.*?)```", re.DOTALL)
_LITERAL_CAP = 200_000
PROBLEMS = 8
#: lists within lists within a reply.
CUTS = 3


class Unreadable(ValueError):
    """``str(error)`` tells the model what to correct."""


def read_reply(written: str | Mapping[str, Any] | None, reply: type[Reply]) -> Reply:
    """Return ``written`` as ``reply``.

    Raises:
        Unreadable: it holds no JSON object, or none that fits.
    """
    problem = ""
    known = {name for key, f in reply.model_fields.items() for name in (key, f.alias) if name}
    for found in _candidates(written):
        for shaped in _shapes(found, reply):
            if isinstance(shaped, dict) and shaped and not known & shaped.keys():
                problem = problem or f"The reply has none of the fields {', '.join(sorted(known))}."
                continue
            try:
                return _validated(shaped, reply)
            except ValidationError as error:
                # The first reading is what the model meant; what it got wrong there helps it most.
                problem = problem or _sentence(error)
    raise Unreadable(problem or "The reply holds no JSON object. Reply with the JSON object alone.")


def _validated(shaped: Any, reply: type[Reply]) -> Reply:
    """Return the value as ``reply``, lists that are too long cut to what is taken of them.

    Raises:
        ValidationError: it does not fit in any other way.
    """
    for _ in range(CUTS):
        try:
            return reply.model_validate(shaped)
        except ValidationError as error:
            cut = _cut(shaped, error)
            if cut is None:
                raise
            shaped = cut
    return reply.model_validate(shaped)


def _cut(value: Any, error: ValidationError) -> Any:
    """Return a copy with each list that is too long cut; ``None`` where there is none."""
    most = {
        each["loc"]: each["ctx"]["max_length"]
        for each in error.errors(include_url=False)
        if each["type"] == "too_long" and isinstance(each["input"], list)
    }
    if not most:
        return None
    copied = copy.deepcopy(value)
    for place, length in most.items():
        inner = copied
        for step in place:
            inner = inner[step]
        del inner[length:]
    return copied


def _candidates(written: str | Mapping[str, Any] | None) -> Iterator[Any]:
    """Yield what the text may mean as JSON, the likeliest first."""
    if written is None:
        return
    if not isinstance(written, str):
        yield dict(written)
        return
    texts = [written.strip()]
    texts += [fenced.strip() for fenced in _FENCED.findall(written)]
    texts += [text for text in (_outermost(written),) if text is not None]
    for text in dict.fromkeys(texts):
        found = _parsed(text)
        if isinstance(found, str):
            found = _parsed(found.strip())
        if isinstance(found, dict | list):
            yield found


def _parsed(text: str) -> Any:
    if not text:
        return None
    for attempt in (text, _without_trailing_commas(text)):
        try:
            # Not strict: models write line breaks into strings as they are.
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    if len(text) > _LITERAL_CAP or not text.startswith(("{", "[")):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _without_trailing_commas(text: str) -> str:
    """Drop commas before a closing bracket, outside of strings."""
    kept: list[str] = []
    for inside, character in _walk(text):
        if not inside and character in "]}":
            end = len(kept)
            while end and kept[end - 1].isspace():
                end -= 1
            if end and kept[end - 1] == ",":
                del kept[end - 1]
        kept.append(character)
    return "".join(kept)


def _walk(text: str) -> Iterator[tuple[bool, str]]:
    """Yield each character with whether it stands inside a JSON string."""
    inside = escaped = False
    for character in text:
        yield inside, character
        if escaped:
            escaped = False
        elif inside and character == "\\":
            escaped = True
        elif character == '"':
            inside = not inside


def _outermost(text: str) -> str | None:
    """Return the first complete object or list in a text."""
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        return None
    start, depth = min(starts), 0
    for place, (inside, character) in enumerate(_walk(text[start:]), start=start):
        if inside:
            continue
        if character in "{[":
            depth += 1
        elif character in "}]":
            depth -= 1
            if depth == 0:
                return text[start : place + 1]
    return None


def _shapes(found: Any, reply: type[BaseModel]) -> Iterator[Any]:
    """Yield the value as it is, then unwrapped or wrapped by one level where that may fit."""
    yield found
    fields = reply.model_fields
    if isinstance(found, dict) and len(found) == 1 and not set(found) & set(fields):
        (inner,) = found.values()
        if isinstance(inner, str):
            inner = _parsed(inner.strip())
        if isinstance(inner, dict):
            yield inner
        found = inner
    lists = [name for name, field in fields.items() if "list" in str(field.annotation)]
    if isinstance(found, list) and len(fields) == len(lists) == 1:
        yield {lists[0]: found}
    if isinstance(found, list) and len(found) == 1 and isinstance(found[0], dict):
        yield found[0]


def _sentence(error: ValidationError) -> str:
    told = []
    for each in error.errors(include_url=False, include_input=False)[:PROBLEMS]:
        place = ".".join(str(part) for part in each["loc"]) or "the reply"
        told.append(f"{place}: {each['msg']}")
    return "The reply does not fit: " + "; ".join(told) + "."
