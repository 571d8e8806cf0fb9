"""How much memory there is, and what of it the embedded database keeps pages in."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

MB = 1024 * 1024
#: the share of all memory, the least and the most, in MB: what a search reads of 100,000 bullets
#: should be held, or each one copies pages from the system.
SHARE, LEAST_MB, MOST_MB = 8, 128, 1_024
#: limits of a container, version 2 and 1 of control groups; "max" and absurdly large mean none.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def total_bytes() -> int:
    """Return the memory this process may use: the host's, or less where a container limits it."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        with suppress(OSError, ValueError):
            found = min(found, int(path.read_text()))
    return found


def shared_buffers_mb(total: int) -> int:
    """Return PostgreSQL's ``shared_buffers`` in MB for a host of ``total`` bytes."""
    return max(LEAST_MB, min(MOST_MB, total // SHARE // MB))
