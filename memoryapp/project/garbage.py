"""When the garbage collector looks through what a process holds.

While modules are loaded next to nothing is garbage, and everything is looked at again and again as
it grows: a sixth of the time that a command takes to begin.
"""

from __future__ import annotations

import gc

USUAL = gc.get_threshold()


def put_off() -> None:
    """Look so seldom that loading everything is done before all of it is looked at once.

    Enough for a command, which ends soon. What runs on says ``all_is_loaded``.
    """
    gc.set_threshold(50_000, 20, 20)


def all_is_loaded() -> None:
    """Look as usual from now on, but never again through what is there: it stays.

    Called before a server forks: processes share what nobody touches.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*USUAL)
