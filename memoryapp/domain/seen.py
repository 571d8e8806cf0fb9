"""What somebody saw of a thing they act on: its digest, and the way back to it. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def shown(values: Any) -> str:
    """Return the digest of what a page or an answer shows.

    Whoever acts on it sends it back as ``seen``; if it is another one by then, somebody changed
    what they saw.
    """
    said = json.dumps(values, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()
