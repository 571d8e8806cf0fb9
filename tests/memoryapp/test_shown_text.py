"""Texts of a bullet: what is shown of them, and that no markup in them is let through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.templatetags import ui


def test_it_shows_names_in_backticks_as_code() -> None:
    assert ui.memory("Call `refunds.quote` first") == "Call <code>refunds.quote</code> first"


def test_it_shows_lines_that_are_calls_as_code() -> None:
    said = "To record a return:\nfound = search_tickets()\nreceive(id=found[0].id)\nThen `end`."
    assert ui.memory(said) == (
        "To record a return:\n<code>found = search_tickets()</code>\n"
        "<code>receive(id=found[0].id)</code>\nThen <code>end</code>."
    )
    marked = f"As here:\nan_{ui.MARK_START}order{ui.MARK_END} = get_order()"
    assert "<code>an_<mark>order</mark> = get_order()</code>" in ui.memory_marked(marked)


@pytest.mark.parametrize("text", ["get_order(order_id)", "Ask first:\nsee the page (of help)"])
def test_it_takes_no_sentence_for_a_call(text: str) -> None:
    assert "<code>" not in ui.memory(text)


@given(st.text())
def test_it_never_lets_markup_of_a_bullet_through(text: str) -> None:
    shown = ui.memory(f"<img src=x>{text}")

    assert "<img" not in shown


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\u2066", "\U000e0041", "\x07", "\ufeff"])
def test_it_makes_characters_no_one_can_see_visible(char: str) -> None:
    shown = ui.memory(f"Do this{char} now")

    assert f"U+{ord(char):04X}" in shown
    assert char not in shown


@pytest.mark.parametrize(
    ("text", "most", "shown"),
    [
        ("Call `ask` first", 20, "Call <code>ask</code> first"),
        ("Call it first, and then again", 15, "Call it first,…"),
        ("Call `refunds.quote` first", 14, "Call <code>refunds…</code>"),
        ("Call `refunds.quote` first", 7, "Call…"),
        ("So:\nfound = ask(the_order)\nEnd.", 14, "So:\n…"),
        ("So:\nwrite a letter to them", 14, "So:\nwrite a l…"),
    ],
)
def test_it_cuts_a_bullet_without_breaking_its_code(text: str, most: int, shown: str) -> None:
    assert ui.memory_start(text, most) == shown


@given(st.text(alphabet="a` \n=()"), st.integers(1, 30))
def test_it_shows_no_more_of_a_bullet_than_was_asked(text: str, most: int) -> None:
    bare = ui.memory_start(text, most).replace("<code>", "").replace("</code>", "")
    assert len(bare) <= most + 1


def test_it_leaves_line_breaks_alone() -> None:
    assert ui.memory("one\ntwo") == "one\ntwo"


def test_it_marks_a_word_diff_with_ins_and_del() -> None:
    shown = ui.worddiff("Over $200 ask.", "Over $150 ask.")

    assert '<del>$200</del><ins class="close">$150</ins>' in shown


def test_it_keeps_white_space_outside_of_the_marks() -> None:
    assert "<ins>new words</ins>" in ui.worddiff("end", "end new words")


def test_it_escapes_what_a_diff_shows() -> None:
    assert "<b>" not in ui.worddiff("<b>old</b>", "<b>new</b>")
