"""The targets of ``benchmarks/fuzz_parsers.py`` still find their parsers, and find nothing in them.

Each gets its seeds and a few hundred of them changed by chance; the benchmark sends millions.
"""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.fuzz_making import Target, raw
from benchmarks.fuzz_parsers import all_targets, by_chance

#: seconds one target may take here. Slow ones have fewer inputs, and at least their seeds.
MOST = 0.15
TARGETS = all_targets()


def run(target: Any, *, inputs: int = 300) -> Any:
    return by_chance(target, inputs=inputs, seconds=MOST, seed=1, patient=20.0)


@pytest.mark.parametrize("name", TARGETS)
def test_it_finds_nothing_in_its_seeds_and_near_them(name: str) -> None:
    done = run(TARGETS[name])
    assert done.inputs >= len(TARGETS[name].seeds)
    assert [*done.found.values()] == []


def test_it_finds_an_error_that_no_parser_declares_once_for_each_place() -> None:
    def parser(data: bytes) -> None:
        if data:
            raise KeyError(data)
        raise ValueError

    done = run(raw("broken", parser, [b"x", b"y", b""], (ValueError,)), inputs=3)
    (found,) = done.found.values()
    assert (done.inputs, found["said"]) == (3, "KeyError: b'x'")


def test_it_finds_an_input_that_takes_too_long() -> None:
    def parser(data: bytes) -> None:
        while data:
            pass

    slow: Target = raw("slow", parser, [b"x"])
    done = by_chance(slow, inputs=1, seconds=0.0, seed=1, patient=0.1)
    assert "TooSlow" in next(iter(done.found))
