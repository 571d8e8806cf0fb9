"""The difference of two shares over the same pairs."""

from __future__ import annotations

import pytest

from memoryapp.domain.statistics import mcnemar, paired_difference, wilson


def test_it_gives_the_interval_newcombe_prints() -> None:
    # Newcombe (1998), method 10: 36 both, 12 and 2 apart, none neither.
    difference, low, high = paired_difference(36, 12, 2, 0)
    assert (round(difference, 4), round(low, 4), round(high, 4)) == (0.2, 0.0569, 0.3404)


def test_it_is_the_mirror_image_for_the_other_order() -> None:
    difference, low, high = paired_difference(10, 3, 1, 6)
    assert paired_difference(10, 1, 3, 6) == pytest.approx((-difference, -high, -low))


def test_it_knows_nothing_without_a_pair() -> None:
    assert paired_difference(0, 0, 0, 0) == (0.0, -1.0, 1.0)


def test_it_stays_within_bounds_where_all_pairs_differ() -> None:
    assert paired_difference(0, 9, 0, 0)[2] == 1.0


@pytest.mark.parametrize(("first", "second", "p"), [(0, 0, 1.0), (8, 0, 2 / 256), (2, 1, 1.0)])
def test_it_counts_mcnemar_exactly(first: int, second: int, p: float) -> None:
    assert mcnemar(first, second) == pytest.approx(p)


def test_it_bounds_a_share_of_nothing_by_everything() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)
