"""Requests are worked on in their order, two at a time, and one that waits holds up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from memoryapp.project import web_turns
from memoryapp.project.web_turns import AT_ONCE, MOMENT, Turns

THREADS = 6


@pytest.fixture
def turns() -> Iterator[Turns]:
    pool = Turns(THREADS)
    yield pool
    pool.shutdown(wait=True)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing takes longer than a moment, however busy the machine is."""
    monkeypatch.setattr(web_turns, "MOMENT", 60.0)


def let_on_until_done(turns: Turns) -> None:
    """What the loop of a serving process does."""
    for _ in range(2_000):
        waits = turns.held_up()
        if waits is None:
            return
        time.sleep(min(waits, 0.01))
        turns.let_on()
    raise AssertionError("The line never came to its end.")


@pytest.mark.usefixtures("unhurried")
def test_short_work_is_done_two_at_a_time(turns: Turns) -> None:
    lock, at_once, most = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.002)
        with lock:
            at_once -= 1
        return number

    done = [turns.submit(work, number) for number in range(40)]
    assert [one.result(30) for one in done] == list(range(40))
    assert most == AT_ONCE


@pytest.mark.usefixtures("unhurried")
def test_who_comes_first_is_served_first(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_turns, "AT_ONCE", 1)
    begun = list[int]()
    done = [turns.submit(begun.append, number) for number in range(40)]
    done[-1].result(30)
    assert begun == list(range(40))


def test_what_waits_for_something_holds_up_nobody(turns: Turns) -> None:
    until = threading.Event()
    slow = [turns.submit(until.wait, 30) for _ in range(THREADS - 1)]
    quick = turns.submit(time.monotonic)
    begun = time.monotonic()
    let_on_until_done(turns)
    quick.result(30)
    assert time.monotonic() - begun < 100 * MOMENT
    assert not any(one.done() for one in slow)
    until.set()


def test_no_more_than_its_threads_work_and_the_rest_waits(turns: Turns) -> None:
    until = threading.Event()
    slow = [turns.submit(until.wait, 30) for _ in range(THREADS)]
    let_on_until_done(turns)
    last = turns.submit(lambda: "last")
    time.sleep(3 * MOMENT)
    turns.let_on()
    assert turns.held_up() is None  # only an end can let it on, and it does so by itself
    assert not last.done()
    until.set()
    assert last.result(30) == "last"
    assert all(one.result(30) for one in slow)


def test_an_error_is_for_who_asks_and_the_line_goes_on(turns: Turns) -> None:
    def fail() -> None:
        raise LookupError("gone")

    failed, after = turns.submit(fail), turns.submit(lambda: "after")
    with pytest.raises(LookupError, match="gone"):
        failed.result(30)
    assert after.result(30) == "after"


def test_what_was_called_off_is_left_out(turns: Turns) -> None:
    until = threading.Event()
    for _ in range(THREADS):
        turns.submit(until.wait, 30)
    let_on_until_done(turns)
    off, after = turns.submit(lambda: "off"), turns.submit(lambda: "after")
    assert off.cancel()
    until.set()
    assert after.result(30) == "after"
    assert off.cancelled()


def test_a_probe_is_answered_while_all_threads_wait(turns: Turns) -> None:
    goes_on = threading.Event()
    waiting = [turns.submit(goes_on.wait, 30) for _ in range(THREADS + 3)]
    for _ in range(THREADS):
        time.sleep(MOMENT * 2)
        turns.let_on()
    behind = turns.submit(str, "in line")
    assert turns.submit_aside("alive", str, "aside").result(10) == "aside"
    assert not behind.done()
    ready = turns.submit_aside("ready", goes_on.wait, 30)
    last = turns.submit_aside("ready", str, "in line")
    assert turns.submit_aside("alive", str, "aside").result(10) == "aside"
    assert not last.done(), "what anybody may ask takes no more threads than these"
    goes_on.set()
    let_on_until_done(turns)
    assert all(one.result(30) for one in (*waiting, behind, ready, last))
