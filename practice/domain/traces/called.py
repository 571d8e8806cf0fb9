"""What a tool was called with and what it answered, without what libraries wrap around both.

OpenLLMetry and Langfuse write how a Python function was called (``args``, ``kwargs``); OpenLLMetry
what LangChain told it besides (``input_str``, ``tags``, ``metadata``); LangChain itself prints the
arguments as Python does. A tool that answers with a message is answered by what it says.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

from practice.domain.deployment import ARGUMENTS_CAP
from practice.domain.traces.messages import parsed

#: What a call was given, as OpenLLMetry writes it of LangChain, and what it says beside that.
GIVEN = {"input_str", "inputs"}
BESIDE = {"tags", "metadata", "kwargs"}


def as_object(value: Any) -> dict[str, Any]:
    """Arguments as an object. Anything that is none is kept under ``input``."""
    found = _literal(parsed(value))
    if isinstance(found, Mapping):
        return dict(found)
    return {} if found in (None, "") else {"input": found}


def values(value: Any) -> Any:
    """The values a function was called with, by their names, or the one value."""
    given = parsed(value)
    if not isinstance(given, Mapping):
        return given
    names = set(given)
    if names == {"args", "kwargs"}:
        listed, named = given["args"], given["kwargs"]
        if not listed:
            return named
        is_one = isinstance(listed, list) and len(listed) == 1 and not named
        return listed[0] if is_one else given
    # Without what was given it is no wrapper: a tool may itself take tags, or metadata.
    if names & GIVEN and names & BESIDE and names <= BESIDE | GIVEN:
        held = given.get("inputs")
        if held not in (None, "", {}) or "input_str" not in names:
            return held
        return _literal(parsed(given["input_str"]))
    return given


def answer(value: Any) -> Any:
    """What a function answered."""
    made = parsed(value)
    if isinstance(made, Mapping):
        names = set(made)
        for name in ("output", "outputs"):
            if name in names and names <= BESIDE | {name}:
                made = parsed(made[name])
                break
    if not isinstance(made, Mapping):
        return made
    body = made.get("kwargs") if made.get("type") == "constructor" else made
    is_message = isinstance(body, Mapping) and "tool_call_id" in body and "content" in body
    return body["content"] if is_message and isinstance(body, Mapping) else made


def _literal(value: Any) -> Any:
    """An object as Python prints it: ``{'order': 9}``."""
    if not isinstance(value, str) or value[:1] != "{" or len(value) > ARGUMENTS_CAP:
        return value
    try:
        read = ast.literal_eval(value)
        json.dumps(read)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return value
    return read if isinstance(read, dict) else value
