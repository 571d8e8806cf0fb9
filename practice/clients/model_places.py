"""How many processes of a worker may wait for a model at once: all but one, and at least one.

A provider that hangs must not keep a worker from everything else. A place is a lock of the kernel
on one byte of a file without a name, so a process that is killed gives it back.
"""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO


class Places:
    """The places of one worker. Made before it forks; each process takes one at a time."""

    def __init__(self, processes: int) -> None:
        self._count = max(1, processes - 1)
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # lives as long as we do

    def take(self) -> int | None:
        for place in range(self._count):
            try:
                # Not ``flock``: a forked process would share its parent's.
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                continue
            return place
        return None

    def give_back(self, place: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)


_places: Places | None = None


def share(processes: int) -> None:
    """Have this worker keep one of its processes free of models. Call it before they fork."""
    global _places
    _places = Places(processes)


@contextmanager
def place() -> Iterator[bool]:
    """Whether this process may wait for a model now. Outside of a worker it always may."""
    if _places is None:
        yield True
        return
    taken = _places.take()
    try:
        yield taken is not None
    finally:
        if taken is not None:
            _places.give_back(taken)
