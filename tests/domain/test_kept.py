"""What a process keeps at hand: bounded in bytes, the longest unused first to go."""

from __future__ import annotations

import threading
import time

import pytest

from memoryapp.domain.kept import Kept


@pytest.fixture
def kept() -> Kept[str, bytes]:
    return Kept(12, size=len)


def names(kept: Kept[str, bytes]) -> str:
    return "".join(name for name in "abcdef" if kept.get(name) is not None)


def test_it_gives_back_what_was_put(kept: Kept[str, bytes]) -> None:
    kept.put("a", b"one")
    assert (kept.get("a"), kept.get("b")) == (b"one", None)


def test_it_lets_go_of_what_was_put_first(kept: Kept[str, bytes]) -> None:
    for name in "abcde":
        kept.put(name, b"123")
    assert names(kept) == "bcde"


def test_what_was_asked_for_stays_longer(kept: Kept[str, bytes]) -> None:
    for name in "abcd":
        kept.put(name, b"123")
    kept.get("a")
    kept.put("e", b"123")
    assert names(kept) == "acde"


def test_a_name_that_is_put_again_counts_once(kept: Kept[str, bytes]) -> None:
    for name in "abcd":
        kept.put(name, b"123")
    for _ in range(5):
        kept.put("d", b"12")
    assert names(kept) == "abcd"
    assert kept.get("d") == b"12"


def test_several_go_where_one_is_not_enough(kept: Kept[str, bytes]) -> None:
    for name in "abcdef":
        kept.put(name, b"12")
    kept.put("a", b"123")
    assert names(kept) == "acdef"


def test_one_that_takes_over_a_quarter_is_not_kept(kept: Kept[str, bytes]) -> None:
    kept.put("a", b"123")
    kept.put("b", b"1234")
    assert names(kept) == "a"


def test_it_keeps_what_is_empty(kept: Kept[str, bytes]) -> None:
    kept.put("a", b"")
    assert kept.get("a") == b""


def test_many_threads_may_put_at_once() -> None:
    """Each gives way in the middle of a ``put``, where what is not locked goes wrong."""

    def size(value: bytes) -> int:
        time.sleep(0)
        return len(value)

    kept: Kept[int, bytes] = Kept(40, size=size)
    failed: list[Exception] = []

    def put() -> None:
        try:
            for turn in range(200):
                kept.put(turn % 9, b"1" * (turn % 11))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=put) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    for name in range(4):
        kept.put(name, b"1" * 10)
    assert all(kept.get(name) for name in range(4))
