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


def test_it_compares_long_texts_by_their_common_ends() -> None:
    before = "start " + "a " * diff.MAX_TOKENS + "end"
    after = "start " + "b " * diff.MAX_TOKENS + "end"

    segments = word_diff(before, after)

    assert [segment.kind for segment in segments] == ["equal", "delete", "insert", "equal"]
    assert joined(segments, "equal", "insert") == after
