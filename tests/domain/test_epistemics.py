"""Whether the memory knows an answer, as far as can be told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.epistemics import confidence_of, covered, judge


@pytest.mark.parametrize(
    ("similarity", "answer"), [(0.9, "known"), (0.4, "weak"), (0.05, "unknown"), (-0.3, "unknown")]
)
def test_it_says_how_sure_one_may_be(similarity: float, answer: str) -> None:
    found = judge("refund", ["Verify before a refund."], similarity)
    assert (found.answer, found.similarity) == (answer, similarity)


@pytest.mark.parametrize("found", [[], ["Verify before a refund."]])
def test_it_does_not_guess_from_words_alone(found: list[str]) -> None:
    said = judge("verify a refund", found, None)
    assert (said.answer, said.confidence) == ("weak", 0.5)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_it_is_surer_of_what_is_closer(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert 0 < confidence_of(low) <= confidence_of(high) < 1


def test_it_counts_words_by_their_beginnings() -> None:
    assert covered("Refunded orders?", "How to refund an order_id") == 1.0
    assert covered("reboot mainframe", "How to refund an order") == 0.0
    assert covered("the of and", "anything") == 0.0
