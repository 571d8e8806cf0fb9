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
    """Arguments as an object. Anything else is kept under ``input``."""
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
    message = _message(made)
    return made if message is None else message["content"]


def answered_call(value: Any) -> tuple[str, bool]:
    """Which call a tool's message answers, and whether it says that it failed; else neither."""
    if isinstance(value, str) and "tool_call_id" not in value:
        return "", False  # most answers are no messages, and may be long
    made = parsed(value)
    if isinstance(made, Mapping) and "tool_call_id" not in made:
        made = parsed(made["output"]) if isinstance(made.get("output"), Mapping | str) else made
    message = _message(made)
    if message is None:
        return "", False
    return str(message["tool_call_id"] or ""), message.get("status") == "error"


def _message(made: Any) -> Mapping[str, Any] | None:
    """The message a tool answers with, out of what LangChain dumps it as."""
    if not isinstance(made, Mapping):
        return None
    inner = {"constructor": "kwargs", "tool": "data"}.get(str(made.get("type")), "")
    body = made[inner] if isinstance(made.get(inner), Mapping) else made
    return body if "tool_call_id" in body and "content" in body else None


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
