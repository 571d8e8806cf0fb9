"""How deeply a JSON value is nested. Beyond some depth no reader of ours may follow it.

Python follows a value by calling itself, and its stack ends somewhere between 300 and 1,000
levels. Whoever takes JSON from outside asks here first, so that nothing behind has to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: levels a value from outside may have. No tool, trajectory or file of ours comes near.
DEEPEST = 100


def nested_beyond(value: Any, deepest: int = DEEPEST) -> bool:
    """Whether lists and objects stand in each other more than ``deepest`` levels deep."""
    level = [value]
    for _ in range(deepest + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []
