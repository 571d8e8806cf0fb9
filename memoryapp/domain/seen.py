"""What somebody saw of a thing they act on: its digest, and the way back to it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any


def shown(values: Any) -> str:
    """Return the digest of what a page or an answer shows.

    Whoever acts on it sends it back as ``seen``; if it is another one by then, somebody changed
    what they saw.
    """
    said = json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def rewound(
    now: Mapping[str, Any], seen: str, befores: Iterable[Mapping[str, Any]]
) -> tuple[int, dict[str, Any]] | None:
    """Take changes back, newest first, until what is left is what was seen.

    ``befores`` says of each change what its fields were until then. Returns how many changes that
    are and the values as they were seen; ``None`` where the changes do not lead there.
    """
    values, taken = dict(now), 0
    for before in befores:
        if shown(values) == seen:
            return taken, values
        values |= {name: value for name, value in before.items() if name in values}
        taken += 1
    return (taken, values) if shown(values) == seen else None
