"""Steps of a trajectory. Usage in a template: ``{% load steps %}``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template

from memoryapp.domain.excerpts import WHOLE_CHARS, digest, laid_out
from memoryapp.templatetags.formats import arguments

register = template.Library()

#: Characters of an observation that the line of an uncited step begins with.
LINE_CHARS = 200


@register.inclusion_tag("components/step.html")
def step(
    row: Any, total_ms: float = 0, *, cited: bool = False, named: Sequence[str] = ()
) -> dict[str, Any]:
    """Show one step.

    ``row`` has ``number``, ``tool``, ``arguments`` (a mapping or a line of text), ``is_error`` and
    ``duration_ms``, and either ``observation`` (a step) or ``excerpt`` (evidence); ``started_ms``,
    the token counts and the cost are shown where it has them. ``total_ms`` is the length of the
    time axis, 0 hides the waterfall.
    ``cited`` fills the number and shows of a long observation the places where ``named`` stand, the
    names and values that a bullet speaks of; all of it opens below.
    """
    said = str(getattr(row, "observation", "") or getattr(row, "excerpt", ""))
    return {
        "number": row.number,
        "tool": row.tool,
        "shown_arguments": (
            row.arguments if isinstance(row.arguments, str) else arguments(row.arguments)
        ),
        "line": said[:LINE_CHARS],
        "digest": digest(said, named) if cited else (),
        "whole": laid_out(said) if cited and len(said) > WHOLE_CHARS else "",
        "characters": len(said),
        "is_error": row.is_error,
        "cited": cited,
        "start_ms": getattr(row, "started_ms", 0),
        "duration_ms": row.duration_ms,
        "total_ms": total_ms,
        "tokens": getattr(row, "input_tokens", 0) + getattr(row, "output_tokens", 0),
        "cost": getattr(row, "cost", None),
        "tone": "bad" if row.is_error else "",
    }
