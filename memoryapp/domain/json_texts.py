"""A JSON value as text, and the texts in it, however deep.

Whoever reads the value bounds its depth (``nesting.py``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

#: made once: `json.dumps` makes an encoder for every value where it is asked for more than ASCII.
_encoded = json.JSONEncoder(ensure_ascii=False).encode


def as_text(value: Any) -> str:
    """A text as it is, any other value as its JSON."""
    return value if isinstance(value, str) else _encoded(value)


def texts_in(value: Any, *, names: bool = False) -> Iterator[str]:
    """Every text of a JSON value in order; with ``names`` those of its members too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if names:
                yield name
            yield from texts_in(item, names=names)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from texts_in(item, names=names)


def each_text(
    value: Any, change: Callable[[str], str], *, odd: Callable[[float], Any] = float
) -> Any:
    """Return a JSON value with each of its texts changed, those that name members too.

    ``odd`` replaces numbers that JSON cannot write, such as NaN; without it they stay. Tuples
    become lists.
    """
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(str(name)): each_text(item, change, odd=odd) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [each_text(item, change, odd=odd) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return odd(value)
    return value
