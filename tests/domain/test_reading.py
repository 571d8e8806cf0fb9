"""JSON from outside: bounded, storable, and read up to where it was cut."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.domain.cutting import clip
from practice.domain.reading import (
    TooDeep,
    characters_cut,
    is_blank,
    is_unreadable,
    read_cut,
    read_json,
)

BOOKS = [{"id": f"BK-{n:06}", "title": "a, b] {c"} for n in range(2_000)]


@pytest.mark.parametrize("document", [BOOKS, {"page": 1, "books": BOOKS}])
def test_it_reads_the_records_before_a_cut(document: Any) -> None:
    shown, truncated = clip(json.dumps(document))

    found = read_cut(shown)

    assert truncated
    assert characters_cut(shown) > 10_000
    books = found if isinstance(found, list) else found["books"]
    assert len(books) > 100
    assert books == BOOKS[: len(books)]


@pytest.mark.parametrize(
    "text", ["[1, 2]", '{"a": [1, 2', "prose\n[9 more characters were cut]", "\n[9 more]"]
)
def test_it_reads_nothing_of_what_was_not_cut_or_holds_no_item(text: str) -> None:
    with pytest.raises(ValueError, match=r"cut"):
        read_cut(text)


@pytest.mark.parametrize("levels", [101, 900, 50_000])
def test_it_refuses_what_is_nested_too_deeply(levels: int) -> None:
    with pytest.raises(TooDeep, match="more than 100 levels"):
        read_json("[" * levels + "]" * levels)


def test_it_replaces_what_no_database_holds() -> None:
    assert read_json('["\\ud800", "\\ud83d\\ude00", "a\\u0000"]') == ["\ufffd", "😀", "a\ufffd"]


@pytest.mark.parametrize(
    "number", ["NaN", "-Infinity", "1e400", "-1E+400", "9" * 400 + ".5", "9" * 230 + "e99"]
)
@pytest.mark.parametrize("kind", [str, str.encode])
def test_numbers_that_json_does_not_have_are_nothing(number: str, kind: Any) -> None:
    assert read_json(kind(f'{{"a": [{number}, 1.5e10]}}')) == {"a": [None, 1.5e10]}


def test_a_text_may_say_what_is_no_number() -> None:
    assert read_json('["NaN", 1e3]') == ["NaN", 1e3]


@pytest.mark.parametrize(
    ("text", "unreadable", "blank"),
    [
        ("[image/png, 4,200 bytes]", True, False),
        (
            "[image, image/png, 8 characters of base64]\n[resource file:///a.bin, not text]",
            True,
            False,
        ),
        ("[HTTP 204, no content]", False, True),
        (" ", False, True),
        ("[image/png, 4,200 bytes]\nA lamp.", False, False),
        ("[]", False, False),
    ],
)
def test_it_tells_what_can_be_read(text: str, unreadable: bool, blank: bool) -> None:
    assert (is_unreadable(text), is_blank(text)) == (unreadable, blank)
