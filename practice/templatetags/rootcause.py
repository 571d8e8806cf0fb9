"""Words and marks of root causes. Usage: ``{% load rootcause %}``."""

from __future__ import annotations

import re
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from memoryapp.templatetags.ui import status
from practice.domain.causal_layout import short
from practice.domain.rootcause.types import Closing, Verdict, Visit

register = template.Library()

_NODE = re.compile(r"^(service|pod|host):")
_CLOSED = {
    Closing.RECURSED: "",
    Closing.LEAF: "Leaf: it calls nothing that was seen.",
    Closing.NORMAL: "",
    Closing.REMEMBERED: "Answered from memory and re-checked.",
    Closing.SEEN: "Visited above.",
    Closing.BUDGET: "The budget was spent, so it was not judged.",
    Closing.CANCELLED: "Cancelled before it was judged.",
}


@register.filter
def node_name(node: str) -> str:
    """The name of a node without its kind."""
    return short(node)


@register.filter
def sentence(text: str) -> str:
    """A clause as a sentence of its own; names that it begins with are written as they are."""
    first = text.partition(" ")[0]
    begun = text[:1].upper() + text[1:] if first.isalpha() and first.islower() else text
    return begun if begun.endswith((".", "!", "?", ":")) or not begun else f"{begun}."


@register.filter
def pod_of(pod: str, node: str) -> str:
    """The name of a pod beside its component's: ``pod 7f8d7d756d-k7b9j``."""
    short_name = pod.removeprefix(f"{node}-")
    return f"pod {short_name}" if short_name != pod else pod


@register.filter
def coded(text: str) -> SafeString:
    """A sentence whose words in backticks are set as code, ids of components by their names."""
    parts = (
        format_html("<code>{}</code>", _NODE.sub("", part)) if number % 2 else part
        for number, part in enumerate(text.split("`"))
    )
    return format_html_join("", "{}", ((part,) for part in parts))


@register.simple_tag
def verdict(value: Verdict) -> SafeString:
    """A verdict as icon and word, for lists."""
    name = "unjudged" if value is Verdict.OPEN else value.value
    return status(name)


@register.filter
def closed(visit: Visit) -> str:
    """Why the recursion went no further from a visit; empty where it did or the verdict says it."""
    return _CLOSED[visit.closing]


@register.filter
def figure(value: float | None) -> str:
    """A measured figure in four significant digits at most: ``0.16``, ``1,204``, ``3.6e-05``."""
    if value is None:
        return "not measured"
    if value and not 1e-4 <= abs(value) < 1e9:
        return f"{value:.2e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


@register.filter
def took(seconds: Any) -> str:
    """How long a case took: ``0.42 s``, or ``4.1 ms`` below a tenth; empty where no case did."""
    if seconds is None or seconds == "":
        return ""
    return f"{seconds:.2f} s" if seconds >= 0.1 or not seconds else f"{seconds * 1000:.1f} ms"
