"""When a value that was passed is the value that was asked for, written another way.

Environments want dates, amounts and identifiers in forms of their own, so an agent that rewrites
"5 July 2025" as "2025-07-05" did what it was told. Another date, amount or thing is not the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from practice.agents.rules.recovery import reformatted, same_thing

_NUMERIC = re.compile(r"-?\d+(?:\.\d+)?")


def same(asked: Any, passed: Any) -> bool:
    """Whether ``passed`` means ``asked``: equal, or the same number, date, identifier or word."""
    if isinstance(asked, bool) or isinstance(passed, bool) or asked is None or passed is None:
        return asked is passed
    if isinstance(asked, Mapping) and isinstance(passed, Mapping):
        return set(asked) == set(passed) and all(same(asked[k], passed[k]) for k in asked)
    if isinstance(asked, list) and isinstance(passed, list):
        return _same_items(asked, passed)
    if isinstance(asked, list) != isinstance(passed, list):
        one, other = (asked, passed) if isinstance(asked, list) else (passed, asked)
        return len(one) == 1 and same(one[0], other)
    if isinstance(asked, Mapping) or isinstance(passed, Mapping):
        return False
    left, right = str(asked).strip(), str(passed).strip()
    if _NUMERIC.fullmatch(left) and _NUMERIC.fullmatch(right):
        return float(left) == float(right)
    return _squashed(left) == _squashed(right) or right in reformatted(left, right)


def respelled(asked: Any, passed: Any, shown: str) -> bool:
    """Whether ``passed`` is the spelling the environment itself uses for what was asked.

    ``shown`` is everything that was observed: a name the agent met there may replace the one it
    was told, where the two are plainly one and the told one was never met.
    """
    if not isinstance(asked, str) or not isinstance(passed, str):
        return False
    met = passed.lower() in shown.lower() and asked.lower() not in shown.lower()
    return met and same_thing(asked, [passed]) == passed


def scalars(value: Any) -> list[Any]:
    """Return the scalars of a value in order, those of nested lists and mappings included."""
    if isinstance(value, Mapping):
        return [t for v in value.values() for t in scalars(v)]
    if isinstance(value, list):
        return [t for v in value for t in scalars(v)]
    return [value]


def _same_items(asked: list[Any], passed: list[Any]) -> bool:
    """Whether two lists hold the same items; plain values may stand in another order."""
    if len(asked) != len(passed):
        return False
    if all(same(a, p) for a, p in zip(asked, passed, strict=True)):
        return True
    if any(isinstance(item, (Mapping, list)) for item in (*asked, *passed)):
        return False
    return sorted(map(json.dumps, asked)) == sorted(map(json.dumps, passed))


def _squashed(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().lower() if text else text
