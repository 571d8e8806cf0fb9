"""A long file of JSON lines as batches of whole lines, read as they are needed."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from greenroom_client.errors import Refused

#: Bytes of a batch; a line that is longer is one by itself.
BATCH = 4 * 1024 * 1024
#: The counts of an answer, and what is said of single entries.
COUNTS, ROWS = ("accepted", "known", "refused_count"), ("refused", "remarks")


def batches(pieces: Iterable[bytes], *, packed: bool) -> Iterator[bytes]:
    """Yield whole lines of at most ``BATCH`` bytes together; one batch of nothing for none.

    Raises:
        Refused: ``packed`` and no whole gzip.
    """
    lines: Any = io.BufferedReader(_Pieces(pieces))
    if packed:
        lines = gzip.GzipFile(fileobj=lines)
    held: list[bytes] = []
    size, is_first = 0, True
    try:
        for line in lines:
            if held and size + len(line) > BATCH:
                yield b"".join(held)
                held, size, is_first = [], 0, False
            held.append(line)
            size += len(line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Refused(f"The file is not complete gzip: {error}.") from error
    if held or is_first:
        yield b"".join(held)


def added_up(answers: Iterable[tuple[bytes, dict[str, Any]]]) -> dict[str, Any]:
    """The answers to all batches as one, in which places count from the beginning of the file.

    Each answer comes with its batch, whose lines it counted, blank ones too.
    """
    total: dict[str, Any] = dict.fromkeys(COUNTS, 0) | {name: [] for name in ROWS}
    before = 0
    for batch, answer in answers:
        for name in ROWS:
            total[name] += [{**row, "place": row["place"] + before} for row in answer[name]]
        for name in COUNTS:
            total[name] += answer[name]
        before += batch.count(b"\n")
    return total


class _Pieces(io.RawIOBase):
    """What comes in pieces, as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        super().__init__()
        self._pieces, self._rest = iter(pieces), memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = memoryview(next(self._pieces))
            except StopIteration:
                return 0
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)
