"""Groups of texts that say nearly the same thing."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.clusters import clusters
from memoryapp.domain.retrieval import NEAR, similarity


def test_it_groups_what_hangs_together() -> None:
    texts = [
        ("a", "Verify the customer before every refund"),
        ("b", "Dates are written as year, month, day"),
        ("c", "Verify the customer before each and every refund"),
        ("d", "Verify the customer before every refund now"),
    ]
    (group,) = clusters(texts)
    assert list(group.members) == ["a", "c", "d"]
    assert NEAR <= group.likeness < 1


def test_it_puts_the_largest_group_first() -> None:
    texts = [(n, "one two three four") for n in range(2)] + [
        (n, "five six seven") for n in (7, 8, 9)
    ]
    assert [len(group.members) for group in clusters(texts)] == [3, 2]


def test_it_finds_none_among_different_texts() -> None:
    assert clusters([(1, "alpha beta"), (2, "gamma delta"), (3, "")]) == []


@given(st.lists(st.text("abc ", max_size=12), max_size=12))
def test_it_agrees_with_comparing_every_pair(words: list[str]) -> None:
    together = {frozenset(group.members) for group in clusters(enumerate(words))}
    for one, other in combinations(range(len(words)), 2):
        if similarity(words[one], words[other]) >= NEAR:
            assert any({one, other} <= group for group in together)
    for group in together:
        for member in group:
            others = (n for n in group if n != member)
            assert any(similarity(words[member], words[n]) >= NEAR for n in others)
