"""What was found of a tool's schema, kept: a server lists the same ones whenever it is opened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from memoryapp.domain.kept import Kept

T = TypeVar("T")
KEPT_BYTES = 1_000_000
#: what one finding takes beside its text: its digest, and its place among the others.
_ENTRY_BYTES = 200


def judged_once(judge: Callable[[Any], T]) -> Callable[[Any], T]:
    """Return a ``judge`` of schemas that asks itself once for each digest of a schema.

    Held against the schema of schemas, thirteen tools take 27 ms. What it finds must follow from
    the schema alone. What it raises is not kept.
    """
    found: Kept[bytes, T] = Kept(KEPT_BYTES, size=_size)

    @wraps(judge)
    def judged(schema: Any) -> T:
        try:
            # As it is written, types and order and all: 1, 1.0 and "1" are different values.
            written = repr(schema)
        except RecursionError:
            return judge(schema)
        name = hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()
        known = found.get(name)
        if known is None:
            known = judge(schema)
            found.put(name, known)
        return known

    return judged


def _size(finding: Any) -> int:
    return _ENTRY_BYTES + len(str(finding))
