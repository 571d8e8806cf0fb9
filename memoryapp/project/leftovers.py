"""What killed servers leave: processes that outlive whoever started them, and empty folders."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

PATIENCE_SECONDS = 8.0
#: An empty folder that nobody touched for so long is left over; servers fill theirs within seconds.
KEPT_SECONDS = 3600.0


def remove_empty(*folders: Path) -> None:
    """Remove those that are empty, unless they may be of servers that are about to start."""
    long_ago = time.time() - KEPT_SECONDS
    for folder in folders:
        with suppress(OSError):  # something is in it, or it is somebody else's or gone
            if folder.lstat().st_mtime < long_ago:
                folder.rmdir()


def end_server(cluster: Path) -> None:
    """End a server that outlived a killed supervisor: it holds the cluster's lock.

    Its backends outlive a server that was killed itself for as long as their statement takes, and
    hold the memory that the next one needs. What they did is in the log it recovers from, so they
    are killed too.
    """
    with suppress(OSError, ValueError, IndexError):
        pid = int((cluster / "postmaster.pid").read_text().splitlines()[0])
        for signum in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if not _serves(pid, cluster):
                break
            os.kill(pid, signum)
            _wait_while(lambda: _serves(pid, cluster))
    for pid in _backends(cluster):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_while(lambda: bool(_backends(cluster)))


def _wait_while(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while there() and time.monotonic() < deadline:
        time.sleep(0.05)


def _serves(pid: int, cluster: Path) -> bool:
    """Whether this very process is a server of that cluster; process ids are used again."""
    try:
        return str(cluster).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _backends(cluster: Path) -> list[int]:
    """Processes of PostgreSQL that work in the cluster's folder, as all of its server do."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        # It ends while it is looked at, or is somebody else's.
        with suppress(OSError):
            is_postgres = (process / "exe").readlink().name == "postgres"
            if is_postgres and (process / "cwd").readlink() == cluster:
                found.append(int(process.name))
    return found
