"""When a run stops early, and where the next tasks should go."""

from __future__ import annotations

from typing import Any

import pytest

from practice.domain.stopping import RoundProgress, difficulty, stop_reason


def rounds(*brought: tuple[int, int], held_out: tuple[float, ...] = ()) -> list[RoundProgress]:
    scores = held_out or (None,) * len(brought)
    return [
        RoundProgress(n, tools, lessons, held_out=score)
        for n, ((tools, lessons), score) in enumerate(zip(brought, scores, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("brought", "patience", "stops"),
    [
        ([(5, 3), (0, 0)], 0, False),
        ([(5, 3), (0, 0)], 1, True),
        ([(5, 3), (0, 1)], 1, False),
        ([(5, 3), (1, 0)], 1, False),
        ([(5, 3), (0, 0)], 2, False),
        ([(5, 3), (0, 0), (0, 0)], 2, True),
        ([(0, 0)], 2, False),
    ],
)
def test_it_stops_after_rounds_that_brought_nothing(
    brought: Any, patience: int, stops: bool
) -> None:
    assert bool(stop_reason(rounds(*brought), patience)) is stops


def test_it_says_how_many_rounds_brought_nothing() -> None:
    said = stop_reason(rounds((2, 2), (0, 0), (0, 0)), 2)
    assert said.startswith("The last 2 rounds brought no new tool and no new lesson.")


def test_it_stops_when_the_held_out_score_no_longer_rises() -> None:
    still = rounds((3, 2), (1, 1), (1, 1), held_out=(0.5, 0.75, 0.75))
    assert "above 75%" in stop_reason(still, 1)
    assert not stop_reason(still, 2)
    rising = rounds((3, 2), (1, 1), held_out=(0.5, 0.75))
    assert not stop_reason(rising, 1)


def shares(*counts: tuple[int, int]) -> list[RoundProgress]:
    return [
        RoundProgress(n, 1, 1, feasible=feasible, successes=successes)
        for n, (successes, feasible) in enumerate(counts, start=1)
    ]


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ([(1, 10)], "easier"),
        ([(6, 10)], ""),
        ([(10, 10)], "harder"),
        ([(0, 10), (10, 10), (10, 10)], "harder"),
        ([(0, 0)], ""),
        ([], ""),
    ],
)
def test_it_steers_the_share_of_successes_into_the_band(counts: Any, wanted: str) -> None:
    assert difficulty(shares(*counts), (0.4, 0.8)) == wanted


def test_it_leaves_tasks_alone_without_a_band() -> None:
    assert difficulty(shares((0, 10)), ()) == ""
