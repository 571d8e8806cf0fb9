"""A heartbeat beside a piece of work that may take long."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

logger = logging.getLogger(__name__)


@contextmanager
def beating(
    beat: Callable[[], bool], *, every: float, at_end: Callable[[], None]
) -> Iterator[Callable[[], bool]]:
    """Call ``beat`` each ``every`` seconds from a thread of its own until the block ends.

    The block gets a function that tells whether the work is still ours: it is until ``beat``
    returns False, which also ends the beating. A beat that fails decides nothing: the next one
    begins with a new connection. ``at_end`` closes the connection and runs in the thread.
    """
    done, lost = threading.Event(), threading.Event()

    def run() -> None:
        try:
            while not done.wait(every):
                try:
                    is_ours = beat()
                except Exception as error:
                    logger.warning("A heartbeat could not be sent: %s", error)
                    at_end()
                    continue
                if not is_ours:
                    lost.set()
                    return
        finally:
            at_end()

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield lambda: not lost.is_set()
    finally:
        done.set()
        thread.join(timeout=5)
