"""Where files lie that are kept under the SHA-256 of what they hold. Pure."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

_DIGEST = re.compile(r"[0-9a-f]{64}")


def place_of(store: Path, digest: str) -> Path:
    """The place of ``digest`` in ``store``, and never one outside of it.

    A row may come from a file that anybody made, and hold a path instead: what is no digest has a
    place of its own, where nothing is.
    """
    is_one = _DIGEST.fullmatch(digest)
    return store / (digest if is_one else hashlib.sha256(digest.encode()).hexdigest())
