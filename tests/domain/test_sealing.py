"""Sealing: for one purpose, under the first key, readable under the others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.sealing import Seal, Unreadable


@given(st.binary(max_size=2000), st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True))
def test_what_any_key_sealed_opens(secret: bytes, keys: list[str]) -> None:
    for key in keys:
        assert Seal(keys, "webhook").open(Seal([key], "webhook").close(secret)) == secret


def test_it_opens_for_no_other_purpose() -> None:
    sealed = Seal(["k"], "webhook").close(b"s")
    with pytest.raises(Unreadable, match="SEALING_KEYS"):
        Seal(["k"], "environment").open(sealed)


def test_it_opens_under_no_other_key() -> None:
    with pytest.raises(Unreadable):
        Seal(["new"], "webhook").open(Seal(["old"], "webhook").close(b"s"))


def test_a_changed_text_does_not_open() -> None:
    sealed = Seal(["k"], "webhook").close(b"secret")
    for place in (0, len(sealed) // 2, len(sealed) - 3):
        # The last character may have bits that stand for nothing; these two differ in the others.
        other = "A" if sealed[place] not in "ABCDEFGHIJKLMNOP" else "w"
        changed = sealed[:place] + other + sealed[place + 1 :]
        with pytest.raises(Unreadable):
            Seal(["k"], "webhook").open(changed)


def test_it_is_renewed_once() -> None:
    both = Seal(["new", "old"], "webhook")
    renewed = both.renewed(Seal(["old"], "webhook").close(b"s"))
    assert renewed is not None
    assert Seal(["new"], "webhook").open(renewed) == b"s"
    assert both.renewed(renewed) is None
