"""Shares as people read them: nearly all is not all."""

from __future__ import annotations

import pytest

from memoryapp.domain.playbook import Op
from memoryapp.domain.review import Policy, reasons_to_ask
from memoryapp.domain.shares import percent


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
