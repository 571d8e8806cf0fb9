"""Reading a request's body in pieces, unpacked, never more than was allowed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

PIECE = 64 * 1024
#: Values one JSON document may hold. Each costs up to two hundred bytes once it is read, and many
#: millions fit into a body, which gzip makes a few kilobytes of.
MOST_VALUES = 4_000_000


#: Lines that are read of one body, blank ones too: gzip makes a few kilobytes of many millions.
MOST_LINES = 1_000_000


class BodyTooLarge(ValueError):
    """The body is larger than what is read; the message says the limit."""


class BrokenBody(ValueError):
    """The body is cut off or not packed as it says."""


class UnreadEncoding(BrokenBody):
    """The body is packed in a way that is not read."""


def unpacked(
    read: Callable[[int], bytes], *, encoding: str, limit: int, piece: int = PIECE
) -> Iterator[bytes]:
    """Yield the body in pieces of at most ``piece`` bytes, unpacked from gzip where it is.

    The limit is on what comes out: a small gzip may hold gigabytes, and no more of it is unpacked
    than was asked for.

    Raises:
        BodyTooLarge: more than ``limit`` bytes.
        UnreadEncoding: neither gzip nor none.
        BrokenBody: not gzip, or cut off.
    """
    if encoding not in {"", "identity", "gzip"}:
        raise UnreadEncoding(
            f"Content-Encoding {encoding[:40]!r} is not supported here. Send gzip or none."
        )
    pieces = _inflated(read, piece) if encoding == "gzip" else _plain(read, piece)
    total = 0
    for part in pieces:
        total += len(part)
        if total > limit:
            raise BodyTooLarge(
                f"The body has more than {limit} bytes unpacked. Send it in smaller batches."
            )
        yield part


def lines(pieces: Iterator[bytes], *, limit: int) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a body without their ends, each with its number, counted from 0.

    Blank ones are counted and left out.

    Raises:
        BodyTooLarge: one line is longer than ``limit`` bytes, or there are more than
            ``MOST_LINES``.
    """
    # What has no end yet is put together once: joined piece by piece, a line of megabytes would be
    # copied hundreds of times.
    held: list[bytes] = []
    size = number = 0
    for piece in pieces:
        first, *others = piece.split(b"\n")
        held.append(first)
        size += len(first)
        for begun in others:
            if line := b"".join(held).strip():
                yield number, line
            number += 1
            held, size = [begun], len(begun)
        if number > MOST_LINES:
            raise BodyTooLarge(
                f"The body has more than {MOST_LINES} lines. Send it in smaller batches."
            )
        if size > limit:
            raise BodyTooLarge(f"One line has more than {limit} bytes. Write one object per line.")
    if line := b"".join(held).strip():
        yield number, line


def json_check(body: bytes | str) -> None:
    """Look, before it is taken apart, how many values a JSON document may hold at most.

    Raises:
        BodyTooLarge: more than ``MOST_VALUES``.
    """
    if len(body) <= MOST_VALUES:
        return
    begun = sum(map(body.count, ",{[")) if isinstance(body, str) else sum(map(body.count, b",{["))
    if begun > MOST_VALUES:
        raise BodyTooLarge(
            f"The JSON holds more than {MOST_VALUES} values. Send it in smaller batches."
        )


def _plain(read: Callable[[int], bytes], piece: int) -> Iterator[bytes]:
    while part := _read(read, piece):
        yield part


def _inflated(read: Callable[[int], bytes], piece: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    packed = b""
    try:
        while True:
            packed = inflate.unconsumed_tail or packed or _read(read, piece)
            part = inflate.decompress(packed, piece)
            if part:
                yield part
            elif not packed:
                raise BrokenBody("The gzip body is cut off.")
            packed = b""
            if inflate.eof:
                packed = inflate.unused_data or _read(read, piece)
                if not packed:
                    return
                # A gzip file may have several members, one after the other.
                inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    except zlib.error as error:
        raise BrokenBody("The body is labelled gzip but is not gzip.") from error


def _read(read: Callable[[int], bytes], piece: int) -> bytes:
    try:
        return read(piece)
    except (OSError, ValueError) as error:
        raise BrokenBody("The connection closed before the whole body arrived.") from error
