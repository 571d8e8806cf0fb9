"""The word diff."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain import diff
from memoryapp.domain.diff import Segment, word_diff

WORDS = st.lists(
    st.sampled_from(["refunds", "over", "$150", "`orders.get`", ",", ".", " ", "\n", "need", "é"]),
    max_size=30,
).map("".join)


def joined(segments: list[Segment], *kinds: str) -> str:
    return "".join(segment.text for segment in segments if segment.kind in kinds)


@given(before=WORDS | st.text(), after=WORDS | st.text())
def test_it_can_rebuild_both_texts(before: str, after: str) -> None:
    segments = word_diff(before, after)

    assert joined(segments, "equal", "delete") == before
    assert joined(segments, "equal", "insert") == after


@given(before=WORDS, after=WORDS)
def test_it_never_returns_empty_segments_or_equal_neighbors(before: str, after: str) -> None:
    segments = word_diff(before, after)

    assert all(segment.text for segment in segments)
    assert all(one.kind != other.kind for one, other in pairwise(segments))


def test_it_keeps_amounts_and_tool_names_whole() -> None:
    assert word_diff("Over $200 call `a.get`.", "Over $150 call `a.put`.") == [
        Segment("equal", "Over "),
        Segment("delete", "$200"),
        Segment("insert", "$150"),
        Segment("equal", " call "),
        Segment("delete", "`a.get`"),
        Segment("insert", "`a.put`"),
        Segment("equal", "."),
    ]


def test_it_reads_a_rewritten_phrase_as_one_change() -> None:
    assert word_diff("Warn the customer.", "Tell every person.") == [
        Segment("delete", "Warn the customer"),
        Segment("insert", "Tell every person"),
        Segment("equal", "."),
    ]


def test_it_says_nothing_changed_for_equal_texts() -> None:
    assert word_diff("same text", "same text") == [Segment("equal", "same text")]
    assert word_diff("", "") == []


def test_it_compares_white_space_where_the_words_are_the_same() -> None:
    assert word_diff(" Ask the  customer first.\n", " Ask the customer first.") == [
        Segment("equal", " Ask the"),
        Segment("delete", "  "),
        Segment("insert", " "),
        Segment("equal", "customer first."),
        Segment("delete", "\n"),
    ]


def test_it_compares_what_says_the_same_words_all_the_time_by_its_common_ends() -> None:
    before, after = "start " + "a " * 900 + "end", "start " + "b a " * 450 + "end"

    segments = word_diff(before, after)

    assert [segment.kind for segment in segments] == ["equal", "delete", "insert", "equal"]
    assert joined(segments, "equal", "delete") == before


def test_it_compares_a_long_text_in_which_many_words_come_again_word_by_word() -> None:
    before = [f"word{number % 90}" for number in range(1_500)]
    after = [*before]
    after[100:1_400:100] = [f"other{number}" for number in range(13)]

    segments = word_diff(" ".join(before), " ".join(after))

    assert [segment.text for segment in segments if segment.kind == "insert"] == after[
        100:1_400:100
    ]


def test_it_compares_long_texts_by_their_common_ends() -> None:
    before = "start " + "a " * diff.MAX_TOKENS + "end"
    after = "start " + "b " * diff.MAX_TOKENS + "end"

    segments = word_diff(before, after)

    assert [segment.kind for segment in segments] == ["equal", "delete", "insert", "equal"]
    assert joined(segments, "equal", "insert") == after
