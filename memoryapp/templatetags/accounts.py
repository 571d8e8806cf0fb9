"""What the pages of signing in ask of the installation."""

from __future__ import annotations

from django import template
from django.conf import settings

register = template.Library()


@register.simple_tag
def mail_is_sent() -> bool:
    """Whether a mail server is configured, so that a link to set a password anew arrives."""
    backend: str = settings.EMAIL_BACKEND
    return backend != "django.core.mail.backends.dummy.EmailBackend"
