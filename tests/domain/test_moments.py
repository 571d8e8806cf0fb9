"""How moments are written: every hour with its zone."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from memoryapp.domain import moments


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "UTC+1"),
        ("Asia/Kolkata", "UTC+5:30"),
        ("America/St_Johns", "UTC−3:30"),
        ("America/Chicago", "UTC−6"),
        ("Asia/Shanghai", "UTC+8"),
    ],
)
def test_it_tells_a_zone_by_its_offset(name: str, said: str) -> None:
    """CST is Chicago and Shanghai; IST is Kolkata, Dublin and Jerusalem."""
    assert moments.zone(datetime(2026, 11, 3, tzinfo=ZoneInfo(name))) == said


def test_it_tells_summer_from_winter() -> None:
    july = datetime(2026, 7, 3, 14, 23, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    assert moments.exact(july) == "Jul 3, 2026, 14:23 UTC+2"
    assert moments.exact(july, seconds=True) == "Jul 3, 2026, 14:23:09 UTC+2"
    assert moments.hour(july) == "14:23 UTC+2"


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (timedelta(), "Nov 3, 2026, 23:10 UTC+1"),
        (timedelta(minutes=40), "Nov 3, 2026, 23:10 to 23:50 UTC+1"),
        (timedelta(hours=1), "Nov 3, 2026, 23:10 to Nov 4, 2026, 00:10 UTC+1"),
        (timedelta(days=150), "Nov 3, 2026, 23:10 UTC+1 to Apr 2, 2027, 23:10 UTC+2"),
    ],
)
def test_it_says_of_a_span_what_differs(later: timedelta, said: str) -> None:
    first = datetime(2026, 11, 3, 23, 10, tzinfo=ZoneInfo("Europe/Berlin"))
    assert moments.span(first, first + later) == said
