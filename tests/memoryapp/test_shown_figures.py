"""Times, money, durations, counts and JSON, as people read them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from memoryapp.templatetags import formats


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(days=-2, seconds=-60), "in 2 days"),
    ],
)
def test_it_writes_recent_times_relative(apart: timedelta, expected: str) -> None:
    assert f">{expected}</time>" in formats.relative_time(timezone.now() - apart)


def test_it_writes_older_times_as_a_date_with_the_exact_one_on_hover() -> None:
    moment = datetime(2019, 11, 3, 9, 41, tzinfo=ZoneInfo("UTC"))

    shown = formats.relative_time(moment)

    assert ">Nov 3, 2019</time>" in shown
    assert 'title="Nov 3, 2019, 09:41:00 UTC"' in shown


def test_it_writes_an_exact_time_with_its_zone() -> None:
    moment = datetime(2026, 11, 3, 13, 23, 9, tzinfo=ZoneInfo("UTC"))
    with timezone.override("Asia/Kolkata"):
        day, hour = formats.exact_time(moment), formats.exact_hour(moment, seconds=True)
        assert formats.zone_name() == "Asia/Kolkata"
    machine = 'datetime="2026-11-03T18:53:09+05:30"'
    whole = "Nov 3, 2026, 18:53:09 UTC+5:30"
    assert day == f"<time {machine}>Nov 3, 2026, 18:53 UTC+5:30</time>"
    assert hour == f'<time {machine} title="{whole}">18:53:09 UTC+5:30</time>'


def test_it_says_never_where_there_is_no_time() -> None:
    assert formats.relative_time(None) == "never"


@pytest.mark.parametrize(("hours", "expected"), [(7 * 24, "in 7 days"), (6 * 24 + 2, "in 6 days")])
def test_a_time_to_come_is_the_nearest_day(hours: int, expected: str) -> None:
    moment = timezone.now() + timedelta(hours=hours) - timedelta(minutes=1)
    assert f">{expected}</time>" in formats.relative_time(moment)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (Decimal("0.004"), "under $0.01"),
        (-3, "\N{MINUS SIGN}$3.00"),
        (None, "not priced"),
    ],
)
def test_it_writes_money_with_two_decimals(amount: Any, expected: str) -> None:
    assert formats.money(amount) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (402, "402 ms"),
        (1400, "1.4 s"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
        (None, "not measured"),
    ],
)
def test_it_writes_durations_in_the_unit_that_fits(milliseconds: Any, expected: str) -> None:
    assert formats.duration(milliseconds) == expected


def test_it_writes_counts_with_their_noun() -> None:
    assert formats.count_of(1, "bullet") == "1 bullet"
    assert formats.count_of(1200, "bullet") == "1,200 bullets"
    assert formats.count_of(0, "entry,entries") == "0 entries"


@pytest.mark.parametrize(
    ("count", "expected"),
    [(999, "999"), (9_999, "9,999"), (12_400, "12.4 k"), (1_900_000, "1.9 M")],
)
def test_it_shortens_large_counts(count: int, expected: str) -> None:
    assert formats.compact(count) == expected


def test_it_says_where_there_is_no_share() -> None:
    assert (formats.percent(None), formats.percent(0.995)) == ("no data", "99.5%")


def test_it_escapes_json_and_keeps_letters_readable() -> None:
    shown = formats.pretty_json({"b": "<script>", "é": 1})

    assert "<script>" not in shown
    assert "é" in shown


def test_it_writes_the_arguments_of_a_call_on_one_line() -> None:
    assert formats.arguments({"order": "48213", "deep": {"a": [1]}}) == (
        'order: 48213, deep: {"a": [1]}'
    )
    assert formats.arguments(None) == ""
