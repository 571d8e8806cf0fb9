"""How many connections each serving process holds, seen by all of them.

All wait on the same listening socket, and the first to wake takes what is there: eight connections
opened at once often ended up in one process, which then answered a third of what two do, for as
long as clients kept them open. A process that holds more than another waits a moment first.
"""

from __future__ import annotations

import mmap
import struct
import time

#: seconds after which what a process said counts no more: a loop turns each second.
FRESH = 3.0
#: seconds for which a fuller process leaves a connection to the others.
MOMENT = 0.002
#: seconds after it in which that process takes what nobody took, however late its loop comes.
PATIENCE = 0.02

_SAID = struct.Struct("dd")
_PLACES = 64
#: made by the parent and inherited; torn reads do no harm, for all of it is a hint.
_BOARD = mmap.mmap(-1, _PLACES * _SAID.size)


def say(place: int, connections: int) -> None:
    """Let the other processes know how many this one, the ``place``-th started, holds now."""
    _SAID.pack_into(_BOARD, place % _PLACES * _SAID.size, connections, time.monotonic())


def leave(place: int) -> None:
    """Take this process out of the comparison: it accepts no connections any more."""
    _SAID.pack_into(_BOARD, place % _PLACES * _SAID.size, 0, 0)


def is_fuller(place: int, connections: int) -> bool:
    """Whether another process that serves holds fewer connections than this one."""
    since = time.monotonic() - FRESH
    return any(
        held < connections and said > since and other != place % _PLACES
        for other, (held, said) in enumerate(_SAID.iter_unpack(_BOARD))
    )
