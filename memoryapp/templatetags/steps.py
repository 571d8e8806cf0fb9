"""Steps of a trajectory. Usage in a template: ``{% load steps %}``."""

from __future__ import annotations

from typing import Any

from django import template

from memoryapp.templatetags.formats import arguments

register = template.Library()

#: Characters of an observation shown at once; the rest opens under the step.
SHOWN_CHARS = 1200


@register.inclusion_tag("components/step.html")
def step(
    row: Any, total_ms: float = 0, *, cited: bool = False, full: bool = False
) -> dict[str, Any]:
    """Show one step.

    ``row`` has ``number``, ``tool``, ``arguments`` (a mapping or a line of text), ``is_error`` and
    ``duration_ms``, and either ``observation`` (a step) or ``excerpt`` (evidence); ``started_ms``
    and the token counts are shown where it has them. ``total_ms`` is the length of the time axis,
    0 hides the waterfall.
    ``cited`` fills the number, ``full`` shows the observation without citing the step.
    """
    said = str(getattr(row, "observation", "") or getattr(row, "excerpt", ""))
    shown = said[:SHOWN_CHARS] if cited or full else said[:200]
    tokens = getattr(row, "input_tokens", 0) + getattr(row, "output_tokens", 0)
    return {
        "number": row.number,
        "tool": row.tool,
        "shown_arguments": (
            row.arguments if isinstance(row.arguments, str) else arguments(row.arguments)
        ),
        "observation": shown,
        "rest": said[len(shown) :] if cited or full else "",
        "hidden_chars": len(said) - len(shown) if cited or full else 0,
        "is_error": row.is_error,
        "cited": cited,
        "full": full,
        "start_ms": getattr(row, "started_ms", 0),
        "duration_ms": row.duration_ms,
        "total_ms": total_ms,
        "tokens": tokens,
        "tone": "bad" if row.is_error else "",
    }
