"""Whether a release on trial does worse, and who gets it."""

from __future__ import annotations

import random

import pytest

from memoryapp.domain.canary import Tally, difference, is_on_trial, regressed


@pytest.mark.parametrize(
    ("canary", "stable", "is_worse"),
    [
        (Tally(0, 9), Tally(100, 0), False),  # too few to say
        (Tally(0, 10), Tally(9, 0), False),
        (Tally(0, 10), Tally(10, 0), True),
        (Tally(30, 30), Tally(54, 6), True),
        (Tally(50, 10), Tally(54, 6), False),
        (Tally(54, 6), Tally(30, 30), False),
        (Tally(), Tally(), False),
    ],
)
def test_it_tells_a_regression(canary: Tally, stable: Tally, is_worse: bool) -> None:
    assert regressed(canary, stable) is is_worse


def test_it_says_how_far_apart_they_may_be() -> None:
    middle, low, high = difference(Tally(6, 14), Tally(40, 2))
    assert middle == pytest.approx(0.3 - 40 / 42)
    assert -1 <= low < middle < high < 0
    assert difference(Tally(), Tally(40, 2)) == (0.0, -1.0, 1.0)
    assert difference(Tally(5, 5), Tally(5, 5))[0] == 0


def trial(seed: int, canary_share: float, stable_share: float, outcomes: int) -> int | None:
    """After how many outcomes of the canary it is reverted, looking after each one."""
    draw = random.Random(seed)
    counts = {True: [0, 0], False: [0, 0]}
    for number in range(outcomes):
        for is_canary, share in ((True, canary_share), (False, stable_share)):
            counts[is_canary][draw.random() >= share] += 1
        if regressed(Tally(*counts[True]), Tally(*counts[False])):
            return number + 1
    return None


def test_it_reverts_a_bad_one_soon() -> None:
    after = [trial(seed, 0.6, 0.9, 200) for seed in range(60)]
    assert all(count is not None for count in after)
    assert sorted(count or 0 for count in after)[30] <= 60


def test_it_rarely_reverts_one_that_is_as_good() -> None:
    wrong = sum(trial(seed, 0.8, 0.8, 300) is not None for seed in range(200))
    assert wrong <= 0.05 * 200


def test_it_gives_about_its_share_and_always_to_the_same() -> None:
    agents = [f"agent-{number}" for number in range(2_000)]
    chosen = [agent for agent in agents if is_on_trial(agent, trial="1:2", share=20)]
    assert 340 <= len(chosen) <= 460
    wider = {agent for agent in agents if is_on_trial(agent, trial="1:2", share=50)}
    assert set(chosen) <= wider
    other = [agent for agent in agents if is_on_trial(agent, trial="1:3", share=20)]
    assert set(other) != set(chosen)
