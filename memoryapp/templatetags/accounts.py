"""What the pages of signing in ask of the installation."""

from __future__ import annotations

import re

from django import template
from django.conf import settings
from django.contrib.auth.password_validation import (
    MinimumLengthValidator,
    get_default_password_validators,
)
from django.forms import BaseForm, BoundField

register = template.Library()

#: A capital that only a title gives a word; abbreviations and names such as OpenID keep theirs.
_TITLED = re.compile(r"(?<=[\s-])[A-Z](?=[a-z]+\b)")

#: What a browser's name for itself holds; those that pass for others stand before these.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


@register.simple_tag
def mail_is_sent() -> bool:
    """Whether a mail server is configured, so that a link to set a password anew arrives."""
    backend: str = settings.EMAIL_BACKEND
    return backend != "django.core.mail.backends.dummy.EmailBackend"


@register.inclusion_tag("components/form/strength.html")
def strength(field: BoundField) -> dict[str, object]:
    """How hard a new password is to guess, told while it is typed. In the page, never by us."""
    user = getattr(field.form, "user", None)
    known = (user.get_username(), user.email, user.get_full_name()) if user else ()
    lengths = [
        validator.min_length
        for validator in get_default_password_validators()
        if isinstance(validator, MinimumLengthValidator)
    ]
    own = " ".join(filter(None, ("Greenroom", *known)))
    return {"field_id": field.id_for_label, "own": own, "least": max(lengths, default=1)}


@register.filter
def sentence_case(heading: str) -> str:
    """Return a heading as this house writes it: ``Two-factor authentication``.

    django-allauth writes its headings and buttons in title case.
    """
    return _TITLED.sub(lambda capital: capital[0].lower(), heading.strip())


@register.filter
def browser(user_agent: str) -> str:
    """Return what a browser calls itself as people call it: ``Firefox on Windows``.

    Whatever is not known keeps the first word it says of itself, such as ``curl/8.5.0``.
    """
    name = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if not name:
        name = user_agent.split(" ", 1)[0][:60] or "Unknown"
    return f"{name} on {system}" if system else name


@register.filter
def plainly_labelled(form: BaseForm) -> BaseForm:
    """Give the fields of a form of django-allauth labels in sentence case, said once each."""
    for field_name, field in form.fields.items():
        said = field.label or field.widget.attrs.get("placeholder") or field_name.replace("_", " ")
        # That a field may stay empty is said beside every label alike.
        field.label = sentence_case(str(said).removesuffix(" (optional)"))
        field.widget.attrs.pop("placeholder", None)
    return form
