"""The tabs that the lists of practice share. Usage: ``{% load sections %}{% practice_tabs %}``."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse

from memoryapp.templatetags.formats import count_of
from practice.domain.reading import characters_cut

register = template.Library()

#: label, page, and other lists that belong to the tab.
TABS = (
    ("Runs", "run-list", ()),
    ("Experiments", "experiment-list", ()),
    ("From agents", "sent-list", ()),
    ("Environments", "environment-list", ()),
    ("Calibration", "calibration", ()),
    ("Costs", "costs", ("call-list",)),
)


@register.inclusion_tag("practice/parts/tabs.html", takes_context=True)
def practice_tabs(context: template.Context) -> dict[str, Any]:
    """Show every tab on a list, the reader's marked; nothing on pages below a list."""
    request = context.get("request")
    path = request.path if request else ""
    tabs = []
    for label, page, others in TABS:
        url = reverse(page)
        is_current = path in {url, *(reverse(name) for name in others)}
        tabs.append({"label": label, "url": url, "current": is_current})
    return {"tabs": tabs if any(tab["current"] for tab in tabs) else []}


@register.filter
def answer_size(observation: str) -> str:
    """Say how long an answer is: ``9,977 characters``, and how much of it was cut."""
    cut = characters_cut(observation)
    size = count_of(len(observation), "character")
    return f"its first {size}, {cut:,} more were cut" if cut else size
