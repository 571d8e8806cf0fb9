"""Numbers by which texts that say nearly the same are found among very many."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.retrieval import BANDS, bands, similarity

WORDS = [f"word{number}" for number in range(200)]
sentences = st.lists(st.sampled_from(WORDS), min_size=16, max_size=40, unique=True)


@given(sentences)
def test_one_changed_word_still_shares_a_number(words: list[str]) -> None:
    one, other = " ".join(words), " ".join([*words[:-1], "another"])
    assert similarity(one, other) > 0.8
    assert set(bands(one)) & set(bands(other))


@given(sentences)
def test_texts_without_a_word_in_common_share_none(words: list[str]) -> None:
    half = len(words) // 2
    assert not set(bands(" ".join(words[:half]))) & set(bands(" ".join(words[half:])))


def test_case_and_punctuation_say_nothing() -> None:
    assert bands("Verify first.") == bands("verify FIRST!")


@pytest.mark.parametrize(
    ("one", "other", "third"),
    [
        (
            "Проверяйте клиента перед каждым возвратом денег.",
            "Проверяйте клиента перед каждым возвратом.",
            "Даты пишутся как год, месяц, день.",
        ),
        ("退款前请先核实客户的身份信息", "退款前请先核实客户的身份", "日期按年月日的顺序书写"),
    ],
)
def test_every_script_has_words(one: str, other: str, third: str) -> None:
    assert similarity(one, other) > 0.6
    assert similarity(one, third) < 0.2
    assert bands(one)


def test_a_letter_with_an_accent_is_a_letter() -> None:
    assert similarity("één", "èèn") == 0


def test_they_are_few_and_fit_the_column() -> None:
    found = bands("Verify the customer before every refund.")
    assert 0 < len(found) <= BANDS
    assert all(0 <= number < 2**31 for number in found)
    assert bands("…") == []


def test_they_are_the_same_in_every_version() -> None:
    assert bands("Verify the customer before every refund.")[:2] == [138_142_831, 474_546_317]
