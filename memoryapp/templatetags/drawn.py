"""What every form says besides its token: the workspace it was drawn in. A built-in of templates.

The session knows one workspace, and a browser may have pages of two open. ``access.gate`` lets a
form act where it was drawn.
"""

from __future__ import annotations

from django import template
from django.template.base import Parser, Token
from django.template.defaulttags import CsrfTokenNode
from django.utils.html import format_html
from django.utils.safestring import SafeString

from memoryapp.access import DRAWN_IN_FIELD, drawn_for

register = template.Library()


class TokenAndPlace(CsrfTokenNode):
    def render(self, context: template.Context) -> SafeString:
        place = drawn_in(context)
        field = format_html('<input type="hidden" name="{}" value="{}">', DRAWN_IN_FIELD, place)
        return SafeString(super().render(context)) + (field if place else SafeString(""))


@register.tag
def csrf_token(parser: Parser, token: Token) -> TokenAndPlace:
    """``{% csrf_token %}`` of Django, and the workspace beside it."""
    return TokenAndPlace()


@register.simple_tag(takes_context=True)
def drawn_in(context: template.Context) -> str:
    """The workspace that a page is drawn in, for the headers that htmx sends; empty outside."""
    request = context.get("request")
    return drawn_for(request) if request is not None else ""
