"""Shares as people read them: nearly all is not all."""

from __future__ import annotations

import pytest

from memoryapp.domain.playbook import Op
from memoryapp.domain.review import Policy, reasons_to_ask
from memoryapp.domain.shares import percent, points


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, "0%"),
        (0.0001, "under 0.1%"),
        (0.004, "0.4%"),
        (0.005, "0.5%"),
        (0.126, "13%"),
        (0.994, "99%"),
        (0.995, "99.5%"),
        (0.9996, "over 99.9%"),
        (sum([0.1] * 10), "100%"),
        (1, "100%"),
    ],
)
def test_only_all_is_100_percent_and_only_nothing_is_0(share: float, expected: str) -> None:
    assert percent(share) == expected


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (0, "0 points"),
        (0.3 - 0.1 - 0.2, "0 points"),
        (0.004, "+0.4 points"),
        (-0.004, "\N{MINUS SIGN}0.4 points"),
        (0.0004, "under +0.1 points"),
        (-0.0004, "over \N{MINUS SIGN}0.1 points"),
        (0.01, "+1 point"),
        (-0.012, "\N{MINUS SIGN}1 point"),
        (0.4, "+40 points"),
        (0.996, "+99.6 points"),
        (0.9999, "over +99.9 points"),
        (-0.9999, "under \N{MINUS SIGN}99.9 points"),
        (-1, "\N{MINUS SIGN}100 points"),
    ],
)
def test_only_no_difference_is_0_points(difference: float, expected: str) -> None:
    assert points(difference) == expected


def test_a_gate_just_below_certainty_is_told_as_it_is() -> None:
    said = reasons_to_ask(
        Policy(admit_from=0.995),
        op=Op.ADD,
        scores={"confidence": 0.99, "feasibility": 5, "completion": 5},
        warnings=[],
        evidence=1,
        labels=[],
    )
    assert said == ["The validator is less sure than 99.5%."]
