"""The ASVS list names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = (TESTS.parent / "docs" / "asvs.md").read_text()
ROWS = re.findall(r"^\| (\d[^|]*) \| ([^|]*) \| (.*) \|$", PAGE, re.MULTILINE)


def test_every_test_it_names_is_there() -> None:
    named = set(re.findall(r"`((?:\w+/)(?:\w+\.py)?)`", PAGE))
    # of the code, not of the tests
    named -= {"domain/masking.py", "domain/text.py", "memoryapp/access.py", "tests/"}
    assert [path for path in sorted(named) if not (TESTS / path).exists()] == []


def test_every_item_has_a_state_and_a_reason() -> None:
    assert len(ROWS) > 60
    assert {state for _, state, _ in ROWS} <= {"yes", "partly", "gap", "n/a"}
    assert [item for item, _, reason in ROWS if len(reason) < 6] == []
