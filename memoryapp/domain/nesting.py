"""How deeply a JSON value is nested.

Python code that walks such a value recursively runs out of stack somewhere between 300 and 1,000
levels. Whoever takes in JSON from outside asks here first, so that nothing behind has to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

#: levels a value from outside may have. No tool, trajectory or file of ours comes near.
DEEPEST = 100


def nested_beyond(value: Any, deepest: int = DEEPEST) -> bool:
    """Whether lists and objects are nested more than ``deepest`` levels deep."""
    level, depth = _containers([value]), 0
    while level:
        depth += 1
        if depth > deepest:
            return True
        level = [inner for outer in level for inner in _containers(_inside(outer))]
    return False


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, Mapping | list | tuple)]


def _inside(container: Any) -> Iterable[Any]:
    return container.values() if isinstance(container, Mapping) else container
