"""Bodies of exports: unpacked in pieces, under a cap, line by line."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.traces.bodies import BodyTooLarge, BrokenBody, lines, unpacked


def reader(body: bytes) -> Any:
    rest = bytearray(body)

    def read(size: int) -> bytes:
        piece = bytes(rest[:size])
        del rest[:size]
        return piece

    return read


@given(st.lists(st.binary(max_size=300), max_size=3), st.integers(1, 64))
def test_it_unpacks_gzip_of_any_members(parts: list[bytes], piece: int) -> None:
    body = b"".join(map(gzip.compress, parts)) or gzip.compress(b"")
    found = unpacked(reader(body), encoding="gzip", limit=10_000, piece=piece)
    assert b"".join(found) == b"".join(parts)


def test_a_bomb_stops_at_the_limit() -> None:
    taken: list[bytes] = []
    bomb = gzip.compress(b"0" * 50_000_000)
    with pytest.raises(BodyTooLarge, match="more than 1000000 bytes"):
        taken.extend(unpacked(reader(bomb), encoding="gzip", limit=1_000_000))
    assert sum(map(len, taken)) <= 1_000_000


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (gzip.compress(b"x" * 5000, mtime=0)[:-9], "gzip", "cut off"),
        (b"plain", "gzip", "labelled gzip"),
        (b"", "gzip", "cut off"),
        (b"x", "br", "is not supported here"),
    ],
)
def test_it_says_what_is_wrong_with_a_body(body: bytes, encoding: str, said: str) -> None:
    with pytest.raises(BrokenBody, match=said):
        list(unpacked(reader(body), encoding=encoding, limit=10_000))


@given(st.lists(st.sampled_from([b"", b" ", b"a", b"bc\r", b"\xc3\xa9"])), st.integers(1, 8))
def test_lines_are_the_same_in_whatever_pieces_they_come(parts: list[bytes], piece: int) -> None:
    body = b"\n".join(parts)
    found = list(lines(unpacked(reader(body), encoding="", limit=10_000, piece=piece), limit=100))
    stripped = ((number, part.strip()) for number, part in enumerate(parts))
    assert found == [(number, part) for number, part in stripped if part]


class Piece(bytes):
    """Counts how often pieces are put together with others one by one."""

    joined = 0

    def __radd__(self, other: bytes) -> bytes:
        Piece.joined += 1
        return other + bytes(self)


def test_a_long_line_is_put_together_once() -> None:
    (found,) = lines(iter([Piece(b"x" * 10)] * 1_000), limit=10_000)
    assert found == (0, b"x" * 10_000)
    assert Piece.joined == 0


def test_more_lines_than_are_read_are_refused_before_their_end() -> None:
    """Sixty million ends of lines are sixty kilobytes of gzip."""
    bomb = gzip.compress(b"\n" * 20_000_000)
    began = time.process_time()
    with pytest.raises(BodyTooLarge, match="more than 1000000 lines"):
        list(lines(unpacked(reader(bomb), encoding="gzip", limit=2**30), limit=100))
    assert time.process_time() - began < 3


def test_a_line_without_end_stops_at_its_limit() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100

    with pytest.raises(BodyTooLarge, match="One line"):
        list(lines(endless(), limit=1000))
