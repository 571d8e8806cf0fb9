"""How a moment is written for people: never an hour without its zone. Pure.

A zone is given by its offset, ``UTC+1``: letters such as IST or CST stand for several.
"""

from __future__ import annotations

from datetime import datetime, timedelta

MINUS = "\N{MINUS SIGN}"


def zone(moment: datetime) -> str:
    """``UTC``, ``UTC+1`` or ``UTC+5:30``, as it is at that moment."""
    offset = moment.utcoffset() or timedelta()
    hours, minutes = divmod(round(abs(offset).total_seconds() / 60), 60)
    if not (hours or minutes):
        return "UTC"
    sign = MINUS if offset < timedelta() else "+"
    return f"UTC{sign}{hours}{f':{minutes:02}' if minutes else ''}"


def exact(moment: datetime, *, seconds: bool = False) -> str:
    """``Nov 3, 2026, 14:23 UTC``."""
    return f"{_day(moment)}, {hour(moment, seconds=seconds)}"


def hour(moment: datetime, *, seconds: bool = False) -> str:
    """``14:23 UTC``, where the day is said beside it or is today."""
    return f"{moment:{'%H:%M:%S' if seconds else '%H:%M'}} {zone(moment)}"


def span(first: datetime, last: datetime) -> str:
    """``Nov 3, 2026, 14:23 to 15:10 UTC``; the end with its day where that is another one."""
    if first == last:
        return exact(first)
    end = hour(last) if first.date() == last.date() else exact(last)
    begins = exact(first)
    if zone(first) == zone(last):
        begins = begins.removesuffix(f" {zone(first)}")
    return f"{begins} to {end}"


def _day(moment: datetime) -> str:
    return f"{moment:%b} {moment.day}, {moment.year}"
