"""Every hour that a page writes has its zone beside it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "templates").rglob("*.html"))
#: An hour or a zone in letters by the filter ``date``; the value of a field that says UTC is none.
BARE = re.compile(r"""(?<!\|utc)\|(?:date|time):["'][^"']*[AaGgHhPfTe][^"']*["']""")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_it_writes_hours_by_the_tags_that_name_the_zone(path: Path) -> None:
    """``exact_time``, ``exact_hour``, ``time_span`` and ``relative_time`` of ``formats``."""
    assert BARE.findall(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "is_bare"),
    [
        ('{{ at|date:"M j, H:i" }}', True),
        ('{{ at|date:"T" }}', True),
        ('{{ at|time:"H:i" }}', True),
        ('{{ at|date:"M j, Y" }}', False),
        ('{{ at|utc|date:"Y-m-d\\TH:i:s" }}', False),
    ],
)
def test_it_knows_an_hour_when_it_sees_one(source: str, is_bare: bool) -> None:
    assert bool(BARE.search(source)) is is_bare
