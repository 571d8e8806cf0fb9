"""Templates rendered as pages render them, for the tests of what tags write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from django.template import Engine, RequestContext
from django.test import RequestFactory

LIBRARIES = {
    "humanize": "django.contrib.humanize.templatetags.humanize",
    **{
        name: f"memoryapp.templatetags.{name}"
        for name in ("ui", "formats", "charts", "steps", "frame")
    },
}


def render(source: str, path: str = "/", **context: Any) -> str:
    request = RequestFactory().get(path)
    engine = Engine(dirs=Engine.get_default().dirs, libraries=LIBRARIES)
    loaded = "{% load ui formats charts steps %}" + source
    return engine.from_string(loaded).render(RequestContext(request, context))


def step_row(**changes: Any) -> SimpleNamespace:
    row = {
        "number": 4,
        "tool": "refunds.create",
        "arguments": {"order": "48213", "amount": 184},
        "observation": "ref_9034 created",
        "is_error": False,
        "duration_ms": 900,
        "started_ms": 1000,
        "input_tokens": 200,
        "output_tokens": 54,
    }
    return SimpleNamespace(**{**row, **changes})
