"""Bodies of exports: unpacked in pieces, under a cap, line by line."""

from __future__ import annotations

import gzip
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
        (b"plain", "gzip", "says it is gzip"),
        (b"", "gzip", "cut off"),
        (b"x", "br", "is not read here"),
    ],
)
def test_it_says_what_is_wrong_with_a_body(body: bytes, encoding: str, said: str) -> None:
    with pytest.raises(BrokenBody, match=said):
        list(unpacked(reader(body), encoding=encoding, limit=10_000))


def test_a_line_without_end_stops_at_its_limit() -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100

    with pytest.raises(BodyTooLarge, match="One line"):
        list(lines(endless(), limit=1000))
