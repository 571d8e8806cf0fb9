"""What a tool answered, shown briefly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest

from memoryapp.domain.excerpts import DIGEST_CHARS, WHOLE_CHARS, digest, laid_out, named_in

TICKETS = json.dumps(
    {
        "tickets": [{"ticket_id": f"TIC-{n:05}", "status": "open"} for n in range(40, 20, -1)],
        "total": 31,
        "next_cursor": "after-5",
    }
)


def shown(answer: str, *named: str) -> str:
    """A digest with what the bullet speaks of between square brackets."""
    return "".join(f"[{p.text}]" if p.is_named else p.text for p in digest(answer, named))


def test_it_reads_the_names_and_values_out_of_a_bullet() -> None:
    bullet = "`search` gives 5 rows before you go on; pass its `next_cursor`, as in ORD-17."
    assert named_in(bullet) == ("next_cursor", "search", "ORD-17", "5")
    assert named_in("Confirm the date before you offer it.") == ()


def test_it_shows_the_place_the_bullet_rests_on_and_a_little_around_it() -> None:
    said = shown(TICKETS, "next_cursor", "5")
    assert said.startswith("… ")
    assert said.endswith('"total": 31, "[next_cursor]": "after-5"}')
    assert len(said) <= DIGEST_CHARS


def test_places_that_lie_apart_are_shown_apart() -> None:
    said = shown(TICKETS, "TIC-00040", "next_cursor")
    assert said.startswith('{"tickets": [{"ticket_id": "[TIC-00040]"')
    assert " … " in said
    assert said.endswith('"[next_cursor]": "after-5"}')


def test_a_short_answer_is_its_own_digest() -> None:
    assert shown("refundable:  184.00,\nto: card", "184.00") == "refundable: [184.00], to: card"


@pytest.mark.parametrize("answer", ["word " * 900, "x" * 5000, TICKETS])
def test_a_long_one_that_names_nothing_begins_and_says_that_it_goes_on(answer: str) -> None:
    said = shown(answer, "refund")
    assert len(answer) > WHOLE_CHARS
    assert said.endswith(" …")
    assert answer.startswith(said.removesuffix(" …"))
    assert len(said) <= DIGEST_CHARS + 2


def test_a_part_of_another_name_is_not_it() -> None:
    assert shown("next_cursor after-5 1.5", "cursor", "5") == "next_cursor after-5 1.5"


def test_json_is_laid_out_also_where_it_was_cut() -> None:
    assert laid_out('{"a":[],"b":{"c":"x, {y}"}}') == (
        '{\n  "a": [],\n  "b": {\n    "c": "x, {y}"\n  }\n}'
    )
    assert laid_out('{"a": [1,2], "b": {}, "c": "x, {') == (
        '{\n  "a": [\n    1,\n    2\n  ],\n  "b": {},\n  "c": "x, {'
    )


@pytest.mark.parametrize("text", ["refund made", "[HTTP 204, no content]", "]", "[" * 5000, "{]]"])
def test_what_is_no_json_stays_as_it_is(text: str) -> None:
    assert laid_out(text) == text


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (laid_out, f"[{' ' * 19_900}x,"),
        (laid_out, f"[:{' ' * 19_900}x,"),
        (named_in, "a." * 10_000),
        (named_in, "a-." * 6_600),
    ],
)
def test_a_text_made_to_be_slow_is_read_at_once(read: Callable[[str], object], text: str) -> None:
    """It took seven seconds of a web process for each place it is shown at."""
    begun = time.process_time()
    read(text)
    assert time.process_time() - begun < 1
