"""How numbers, times and JSON are written. Usage in a template: ``{% load formats %}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from memoryapp.domain import moments, shares

register = template.Library()

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
#: A time further away than this is written as a date.
_RELATIVE = timedelta(days=14)


@register.simple_tag
def relative_time(moment: datetime | None, never: str = "never") -> SafeString | str:
    """Return ``3 min ago`` for recent times and a date for others, the exact time on hover."""
    if moment is None:
        return never
    zone = timezone.get_current_timezone()
    local = moment.astimezone(zone)
    # Nothing in it is anybody's text.
    return mark_safe(
        f'<time datetime="{_machine(local)}" title="{moments.exact(local, seconds=True)}">'
        f"{_spoken(local, datetime.now(zone))}</time>"
    )


@register.simple_tag
def exact_time(moment: datetime, *, seconds: bool = False) -> SafeString:
    """Return ``Nov 3, 2026, 14:23 UTC``, for what is compared with a clock elsewhere."""
    local = moment.astimezone(timezone.get_current_timezone())
    return _element(local, moments.exact(local, seconds=seconds))


@register.simple_tag
def exact_hour(moment: datetime, *, seconds: bool = False) -> SafeString:
    """Return ``14:23 UTC``, where the day is said beside it or is today; the day on hover."""
    local = moment.astimezone(timezone.get_current_timezone())
    day = f' title="{moments.exact(local, seconds=True)}"'
    return _element(local, moments.hour(local, seconds=seconds), day)


@register.simple_tag
def time_span(first: datetime, last: datetime) -> str:
    """Return ``Nov 3, 2026, 14:23 to 15:10 UTC``."""
    zone = timezone.get_current_timezone()
    return moments.span(first.astimezone(zone), last.astimezone(zone))


@register.simple_tag
def zone_name() -> str:
    """Return the zone of the pages, in which a day begins: ``UTC``, ``Europe/Berlin``."""
    return timezone.get_current_timezone_name()


def _element(local: datetime, said: str, more: str = "") -> SafeString:
    return mark_safe(f'<time datetime="{_machine(local)}"{more}>{said}</time>')


def _machine(local: datetime) -> str:
    return local.isoformat(timespec="seconds")


def _spoken(moment: datetime, now: datetime) -> str:
    apart = now - moment
    if abs(apart) > _RELATIVE:
        year = "" if moment.year == now.year else f", {moment.year}"
        return f"{moment:%b} {moment.day}{year}"
    seconds = int(abs(apart).total_seconds())
    if seconds < _MINUTE:
        return "just now"
    if seconds < _HOUR:
        amount = f"{seconds // _MINUTE} min"
    elif seconds < _DAY:
        amount = f"{seconds // _HOUR} h"
    else:
        # What ends in a week says so for its first half day, too.
        days = (seconds + (_DAY // 2 if apart < timedelta(0) else 0)) // _DAY
        amount = f"{days} day" if days == 1 else f"{days} days"
    return f"{amount} ago" if apart > timedelta(0) else f"in {amount}"


@register.filter
def money(amount: Decimal | float | None) -> str:
    """Return US dollars with two decimals; what was not measured is said."""
    if amount is None:
        return "not priced"
    dollars = Decimal(str(amount))
    sign = "\N{MINUS SIGN}" if dollars < 0 else ""
    if 0 < abs(dollars) < Decimal("0.01"):
        return f"{sign}under $0.01"
    return f"{sign}${abs(dollars):,.2f}"


@register.filter
def small_money(amount: Decimal | None) -> str:
    """Return US dollars of one step: below a cent with the digits that say something."""
    if amount is None or not 0 < amount < Decimal("0.01"):
        return money(amount)
    return f"${amount:.4f}" if amount >= Decimal("0.0001") else f"${amount:.6f}"


@register.filter
def duration(milliseconds: float | None) -> str:
    """Return ``402 ms``, ``1.4 s``, ``3 min 20 s`` or ``2 h 5 min``."""
    if milliseconds is None:
        return "not measured"
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"


@register.filter
def seconds(milliseconds: float | None) -> str:
    """Return seconds with one decimal for columns that share a unit; below 0.1 s milliseconds."""
    if milliseconds is None:
        return ""
    return f"{milliseconds / 1000:.1f} s" if milliseconds >= 100 else f"{milliseconds:.0f} ms"


@register.filter
def compact(count: float | None) -> str:
    """Return ``999``, ``12.4 k`` or ``1.9 M``."""
    if count is None:
        return "not counted"
    for size, unit in ((1_000_000, "M"), (10_000, "k")):
        if abs(count) >= size:
            return f"{count / (1_000_000 if unit == 'M' else 1000):.1f} {unit}"
    return f"{count:,.0f}"


@register.filter
def count_of(count: int, noun: str) -> str:
    """Return ``1 bullet`` or ``3 bullets``; ``"entry,entries"`` names an irregular plural."""
    one, _, many = noun.partition(",")
    return f"{count:,} {one if count == 1 else many or one + 's'}"


@register.filter
def percent(share: float | None) -> str:
    """Return a share between 0 and 1 as ``domain.shares`` writes it."""
    return "no data" if share is None else shares.percent(share)


@register.filter
def points(difference: float | None) -> str:
    """Return a difference of shares as ``domain.shares`` writes it."""
    return "no data" if difference is None else shares.points(difference)


@register.filter(name="json")
def pretty_json(value: Any) -> SafeString:
    """Return a value as indented, escaped JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, cls=DjangoJSONEncoder)
    return format_html('<pre class="json" tabindex="0">{}</pre>', text)


@register.filter
def arguments(value: Mapping[str, Any] | None) -> str:
    """Return the arguments of a tool call on one line: ``order: 48213, amount: 184.00``."""
    return ", ".join(f"{name}: {_plain(item)}" for name, item in (value or {}).items())


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)
