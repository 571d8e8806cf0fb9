"""How a sum of money with unknown parts is written. Usage: ``{% load costs %}``."""

from __future__ import annotations

from decimal import Decimal

from django import template

from memoryapp.templatetags.formats import count_of, money
from practice.domain.prices import Total

register = template.Library()


@register.filter
def total(amount: Total) -> str:
    """Return ``$1.20``, ``at least $1.20, 3 calls of unknown cost`` or ``unknown``."""
    if amount.is_unknown:
        return "unknown"
    if amount.is_least:
        calls = count_of(amount.unpriced, "call")
        return f"at least {money(amount.known)}, {calls} of unknown cost"
    return money(amount.known)


@register.filter
def total_short(amount: Total) -> str:
    """The same where there is little room: ``$1.20 or more``."""
    return f"{money(amount.known)} or more" if amount.is_least else total(amount)


@register.filter
def cost(amount: Decimal | None) -> str:
    """Return what one call cost; ``unknown`` without a price."""
    return "unknown" if amount is None else money(amount)
