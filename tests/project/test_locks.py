"""Rows are locked so that others may still point at them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCK = re.compile(r"select_for_update\(((?:[^()]|\([^()]*\))*)\)")
SOURCES = [
    path
    for part in ("memoryapp", "practice")
    for path in sorted((ROOT / part).rglob("*.py"))
    if "migrations" not in path.parts and LOCK.search(path.read_text())
]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_lock_lets_others_add_rows_that_point_at_what_is_locked(path: Path) -> None:
    """A full lock waits for every transaction that added such a row: two of them deadlock."""
    for found in LOCK.finditer(path.read_text()):
        assert "no_key=True" in found[1], found[0]
