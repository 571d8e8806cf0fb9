"""Rules of the operator's own: read strictly, matched in linear time, masked like the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain import masking
from memoryapp.domain.redaction import MOST_RULES, BadRule, own_rules

EMPLOYEE = {"employee number": r"EMP-[0-9]{6}"}


@pytest.fixture(autouse=True)
def _no_rules_stay() -> Iterator[None]:
    yield
    masking.install(())


def test_it_masks_what_a_rule_names_and_the_secrets_that_are_known() -> None:
    masking.install(own_rules(EMPLOYEE))
    said = masking.redact("EMP-123456 has the password=hunter2!")
    assert said == "[redacted: employee number] has the password=[redacted: password]"
    assert "employee number" in masking.secrets_in("EMP-123456")


def test_it_masks_in_every_value_of_a_document() -> None:
    masking.install(own_rules(EMPLOYEE))
    masked = masking.redact_value({"EMP-123456": ["EMP-123456", {"x": "é EMP-123456"}]})
    assert "123456" not in str(masked)


@given(st.text(alphabet=st.characters(), max_size=200))
def test_masking_twice_changes_nothing_more(given_text: str) -> None:
    masking.install(own_rules({**EMPLOYEE, "initials": r"\b[A-Z]{2}\b"}))
    once = masking.redact(given_text)
    assert masking.redact(once) == once


def test_a_pattern_that_hangs_other_engines_is_done_at_once() -> None:
    (rule,) = own_rules({"evil": r"(a+)+b"})
    # Another engine would need longer than the universe is old; the suite's own limit ends it.
    assert rule.mask("a" * 200_000) == "a" * 200_000


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"x": "("}, "cannot be read"),
        ({"x": r"(a)\1"}, "without back-references"),
        ({"x": "(?=a)"}, "look-around"),
        ({"x": "a*"}, "matches empty text"),
        ({"x": "redacted"}, "the mark it leaves"),
        ({"x": ""}, "1 to 500"),
        ({"x": "a" * 501}, "1 to 500"),
        ({"": "a"}, "cannot name"),
        ({"a]": "b"}, "cannot name"),
        ({f"kind {n}": "abc" for n in range(MOST_RULES + 1)}, "At most 50"),
    ],
)
def test_a_rule_that_cannot_be_used_says_what_to_write(rules: dict[str, str], said: str) -> None:
    with pytest.raises(BadRule, match=said):
        own_rules(rules)
