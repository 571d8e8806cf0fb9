"""What the frame of every page draws. Usage in a template: ``{% load frame %}``.

It costs more than the content of a small page, and is nearly the same on all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django import template
from django.template.base import NodeList, Parser, Token
from django.urls import get_script_prefix
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from memoryapp.templatetags import ui

register = template.Library()


class Once(template.Node):
    """Markup that is the same for everybody: drawn once in the life of a process.

    Drawn anew where the server puts another prefix before all addresses than the last time.
    """

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist
        self.drawn: tuple[str, SafeString] | None = None

    def render(self, context: template.Context) -> SafeString:
        prefix, drawn = get_script_prefix(), self.drawn
        if drawn is None or drawn[0] != prefix:
            # Without what the request brought: nothing of one reader is shown to the next.
            self.drawn = drawn = (prefix, self.nodelist.render(context.new({})))
        return drawn[1]


@register.tag
def once(parser: Parser, token: Token) -> Once:
    """Draw what stands between the tags once and show it on every page.

    Names of the context are not known in there. ``{% once %}…{% endonce %}``
    """
    nodelist = parser.parse(("endonce",))
    parser.delete_first_token()
    return Once(nodelist)


@register.simple_tag
def places(group: Iterable[Mapping[str, Any]]) -> SafeString:
    """Return the places of one group of the rail (``views.shell``) as list items."""
    return mark_safe("".join(_place(**item) for item in group))


@register.filter
def place_of(groups: Iterable[Iterable[Mapping[str, Any]]]) -> str:
    """Return the name of the place the reader is in, empty outside of all."""
    return "".join(item["label"] for group in groups for item in group if item["current"])


@lru_cache(maxsize=512)
def _place(
    label: str, url: str, icon: str, key: str, count: int, count_word: str, current: bool
) -> SafeString:
    # Of eleven places, one is another than on the page before.
    word = format_html('<span class="w"> {}</span>', count_word) if count_word else ""
    return format_html(
        '<li><a href="{}" title="{}"{} data-go="{}">{}<span class="t">{}</span>'
        '<span class="n" data-count="{}">{}{}</span></a></li>',
        url,
        label,
        mark_safe(' aria-current="page"') if current else "",
        key,
        ui.icon(icon),
        label,
        label.lower(),
        f"{count:,}" if count else "",
        word if count else "",
    )
