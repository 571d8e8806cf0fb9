"""What was measured of a playbook, as tables with bars. Usage: ``{% load evaluations %}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template

from memoryapp.templatetags.formats import percent, points

register = template.Library()

#: the color of an arm by what it is there for; what was measured stands out.
TONES = {"memory": "accent", "production": "ink"}


@register.inclusion_tag("memoryapp/parts/arms.html")
def arms_table(figures: Mapping[str, Any], *, whole: bool = False) -> dict[str, Any]:
    """Show tasks solved and cost per arm; ``whole`` adds clean solves, calls, masked arms."""
    rows = [_arm(arm) for arm in figures.get("arms", ()) if whole or arm.get("role") != "masked"]
    return {"rows": rows, "whole": whole}


def _arm(arm: Mapping[str, Any]) -> dict[str, Any]:
    n = arm["n"]
    share = arm["successes"] / n if n else 0.0
    spoken = f"{percent(arm['low'])} to {percent(arm['high'])}"
    return {
        "cost": None,
        **arm,
        "share": share,
        "tone": TONES.get(arm.get("role", ""), "past"),
        "said": f"{arm['name']}: {arm['successes']} of {n} tasks, interval {spoken}",
        "milliseconds": 1000 * arm.get("seconds", 0),
    }


@register.inclusion_tag("memoryapp/parts/effects.html")
def effects_table(figures: Mapping[str, Any], *, limit: int = 0) -> dict[str, Any]:
    """Show what each masked bullet adds, the most helpful first; ``limit`` 0 shows all."""
    found = sorted(
        (_effects(label, seen) for label, seen in figures.get("bullets", {}).items()),
        key=lambda row: (*(-each["effect"] for each in row["effects"]), row["label"]),
    )
    shown = found[:limit] if limit else found
    return {"rows": shown, "left_out": len(found) - len(shown)}


def _effects(label: str, seen: Mapping[str, Any]) -> dict[str, Any]:
    """One bullet's effect by each measure; those before clean solves were kept have one."""
    effects = [
        {**found, "what": what, "said": f"{label}, {what}: {_spoken(found)}"}
        for what, found in (("solved", seen), ("no failed call", seen.get("clean")))
        if found
    ]
    return {"label": label, "tokens": seen["tokens"], "effects": effects}


def _spoken(found: Mapping[str, Any]) -> str:
    between = f"{points(found['low'])} to {points(found['high'])}"
    return f"{points(found['effect'])}, interval {between}"
