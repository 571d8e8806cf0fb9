"""Every text of a JSON value is found, and changed, wherever it stands."""

from __future__ import annotations

import math

from memoryapp.domain.json_texts import each_text, texts_in

VALUE = {"order": ["a", {"note": "b", "paid": True}], "total": 3.5, "none": None}


def test_it_finds_texts_in_order() -> None:
    assert list(texts_in(VALUE)) == ["a", "b"]


def test_it_finds_the_names_of_members_where_it_is_asked_to() -> None:
    assert list(texts_in(VALUE, names=True)) == ["order", "a", "note", "b", "paid", "total", "none"]


def test_it_changes_texts_and_names_and_nothing_else() -> None:
    assert each_text(VALUE, str.upper) == {
        "ORDER": ["A", {"NOTE": "B", "PAID": True}],
        "TOTAL": 3.5,
        "NONE": None,
    }


def test_it_leaves_the_value_as_it_was() -> None:
    each_text(VALUE, lambda _: "")
    assert list(texts_in(VALUE)) == ["a", "b"]


def test_a_number_json_has_no_word_for_is_what_the_caller_says() -> None:
    assert each_text([math.inf, 1.5], str, odd=lambda _: None) == [None, 1.5]
    assert each_text(math.inf, str) == math.inf
