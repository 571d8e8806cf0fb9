from __future__ import annotations

import pytest

from practice.domain.metrics import (
    entropy_bits,
    infeasible_share,
    invocations,
    unique_tools,
    weighted_recall,
)
from practice.domain.types import Category, PracticeRecord

HISTORY = (
    PracticeRecord("a", Category.TRIVIAL, calls=(("read", False), ("read", False))),
    PracticeRecord("b", Category.INFEASIBLE, calls=(("write", True),)),
    PracticeRecord("c", Category.UNSOLVED, used_tools=("list",)),
    PracticeRecord("d", Category.BOUNDARY),
)


def test_it_counts_executed_tools_and_calls() -> None:
    assert unique_tools(HISTORY) == 3
    assert invocations(HISTORY) == {"read": 2, "write": 1, "list": 1}


def test_it_measures_the_infeasible_share_of_tasks() -> None:
    assert infeasible_share(HISTORY) == 0.25
    assert infeasible_share(()) == 0.0


@pytest.mark.parametrize(
    ("counts", "bits"),
    [({}, 0.0), ({"a": 9}, 0.0), ({"a": 1, "b": 1}, 1.0), ({"a": 2, "b": 1, "c": 1}, 1.5)],
)
def test_it_measures_entropy_in_bits(counts: dict[str, int], bits: float) -> None:
    assert entropy_bits(counts) == pytest.approx(bits)


def test_it_weighs_recall_by_test_time_calls() -> None:
    assert weighted_recall({"read"}, {"read": 3, "write": 1}) == 0.75
    assert weighted_recall({"read"}, {}) == 0.0
