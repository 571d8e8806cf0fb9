"""Meters, bars, heat cells and small charts as inline SVG. Usage: ``{% load charts %}``.

Positions are computed here and written as attributes, so that no style attribute is needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template

from memoryapp.templatetags.formats import compact

register = template.Library()

WIDTH, HEIGHT = 288, 104
_LEFT, _TOP, _BOTTOM = 26.0, 10.5, 86.5
_LINE_RIGHT = 250.0
_CELL = 14
_HEAT_STEPS = 5


def _n(value: float) -> str:
    """Write a coordinate the same in every language."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


@register.inclusion_tag("components/charts/score_meter.html")
def score_meter(
    value: float | None, of: int = 5, gate: int | None = None, label: str = "Score"
) -> dict[str, Any]:
    """Show a score as cells with a tick at the gate. ``None`` shows empty cells."""
    filled = value or 0
    return {
        "cells": [{"x": _CELL * i, "on": i < filled} for i in range(of)],
        "gate_x": _CELL * (gate - 1) if gate else None,
        "width": _CELL * of + 2,
        "value": value,
        "of": of,
        "gate": gate,
        "label": label,
    }


@register.inclusion_tag("components/charts/bar.html")
def bar(
    value: float,
    of: float,
    label: str = "",
    *,
    tick: float | None = None,
    tone: str = "accent",
    tall: bool = False,
) -> dict[str, Any]:
    """Show one share of a whole; ``tick`` marks an expected end. Values beyond ``of`` fill it."""
    whole = of or 1
    return {
        "parts": [{"x": "0", "width": _share(value, whole), "tone": tone}],
        "tick": _share(tick, whole) if tick is not None else None,
        "label": label or f"{_figure(value)} of {_figure(of)}",
        "tall": tall,
    }


@register.inclusion_tag("components/charts/bar.html")
def stacked_bar(
    parts: Iterable[Mapping[str, Any]], of: float, label: str, *, tall: bool = True
) -> dict[str, Any]:
    """Show several shares of a whole. A part has ``value`` and ``tone`` (a ``c-`` class name)."""
    whole, start, drawn = of or 1, 0.0, []
    for part in parts:
        drawn.append(
            {"x": _share(start, whole), "width": _share(part["value"], whole), "tone": part["tone"]}
        )
        start += part["value"]
    return {"parts": drawn, "tick": None, "label": label, "tall": tall}


@register.inclusion_tag("components/charts/interval.html")
def interval(value: float, low: float, high: float, label: str, tone: str = "") -> dict[str, Any]:
    """Show a share (0..1) as a bar and its interval as a whisker."""
    return {
        "width": _share(value, 1),
        "from": _share(low, 1),
        "span": _share(high - low, 1),
        "to": _share(high - 0.006, 1),
        "tone": tone or "accent",
        "label": label,
    }


@register.inclusion_tag("components/charts/effect.html")
def effect(value: float, low: float, high: float, label: str) -> dict[str, Any]:
    """Show a difference of shares (-1..1) as a dot on its interval, around a line at no effect."""
    return {
        "middle": _share(value + 0.98, 2),
        "from": _share(low + 1, 2),
        "span": _share(high - low, 2),
        "tone": "accent" if low > 0 else "danger" if high < 0 else "ink",
        "label": label,
    }


def _share(value: float, whole: float) -> str:
    return _n(max(0.0, min(100.0, 100 * float(value) / float(whole))))


@register.inclusion_tag("components/charts/waterfall.html")
def waterfall(
    start_ms: float, duration_ms: float, total_ms: float, tone: str = ""
) -> dict[str, Any]:
    """Show when a step ran on the time axis all steps share."""
    total = total_ms or 1
    width = max(3.5, 100 * duration_ms / total)
    start = max(0.0, min(100 - width, 100 * start_ms / total))
    return {"x": _n(start), "width": _n(min(width, 100.0)), "tone": tone}


@register.inclusion_tag("components/charts/round_cell.html")
def round_cell(done: float, running: float, total: float) -> dict[str, Any]:
    """Show one round: the finished share, the running share, and the rest."""
    whole = total or 1
    finished = 100 * done / whole
    return {
        "done": _n(min(100.0, finished)),
        "running": _n(max(0.0, min(100 - finished, 100 * running / whole))),
    }


@register.simple_tag
def heat(value: float | None, most: float) -> str:
    """Return the class ``h0`` (zero) to ``h5``; ``None`` is a time to come and returns ``hf``."""
    if value is None:
        return "hf"
    if value <= 0:
        return "h0"
    return f"h{min(_HEAT_STEPS, 1 + int(_HEAT_STEPS * value / ((most or 1) * 1.0001)))}"


@register.inclusion_tag("components/charts/bar_chart.html")
def bar_chart(values: Sequence[float], label: str, *, slots: int = 0) -> dict[str, Any]:
    """Show columns, the last one as now. ``slots`` leaves room for values to come."""
    places = max(slots, len(values), 1)
    top = _nice_top(values)
    width = (WIDTH - _LEFT) / places
    bars = []
    for place, value in enumerate(values):
        height = max(1.5, (_BOTTOM - _TOP) * value / top)
        x = _LEFT + width * place + width * 0.19
        bars.append(
            {
                "x": _n(x),
                "y": _n(_BOTTOM - 0.5 - height),
                "width": _n(width * 0.62),
                "height": _n(height),
                "middle": _n(x + width * 0.31),
                "text_y": _n(_BOTTOM - 3.5 - height),
                "value": _figure(value) if value else "",
                "now": place == len(values) - 1,
            }
        )
    return {"bars": bars, **_axes(values, label, places, top, width / 2)}


@register.inclusion_tag("components/charts/line_chart.html")
def line_chart(
    values: Sequence[float], label: str, *, slots: int = 0, top: float = 0, ends: Sequence[str] = ()
) -> dict[str, Any]:
    """Show a line with the last value written beside its end. ``top`` fixes the axis.

    ``ends`` names the first and the last place, where a number says nothing of them.
    """
    places = max(slots, len(values), 1)
    highest = top or _nice_top(values)
    width = (_LINE_RIGHT - _LEFT) / max(places - 1, 1)
    points = [
        (_LEFT + 6 + width * place, _BOTTOM - (_BOTTOM - _TOP) * min(value / highest, 1.0))
        for place, value in enumerate(values)
    ]
    axes = _axes(values, label, places, highest, 6.0)
    axes["ticks"] = _ticks(len(values), places, width, 6.0)
    if ends:
        axes["ticks"] = [
            {"x": _n(_LEFT + 6 + width * place), "text": text}
            for place, text in zip((0, places - 1), ends, strict=True)
        ]
    return {
        "points": " ".join(f"{_n(x)},{_n(y)}" for x, y in points),
        "end": {"x": _n(points[-1][0]), "y": _n(points[-1][1])} if points else None,
        "end_text": {"x": _n(points[-1][0] + 9), "y": _n(points[-1][1] + 4)} if points else None,
        "last": _brief(values[-1]) if values else "",
        **axes,
    }


def _axes(
    values: Sequence[float], label: str, places: int, top: float, offset: float
) -> dict[str, Any]:
    said = ", ".join(_figure(value) for value in values) or "no values"
    return {
        "label": f"{label}: {said}",
        "top": _brief(top),
        "width": WIDTH,
        "height": HEIGHT,
        "ticks": _ticks(len(values), places, (WIDTH - _LEFT) / places, offset),
    }


def _ticks(count: int, places: int, width: float, offset: float) -> list[dict[str, Any]]:
    """Number the first place, the last value and the last place."""
    named = sorted({1, count or 1, places})
    if places - (count or 1) == 1 and count > 1:
        named.remove(count)
    return [{"x": _n(_LEFT + offset + width * (place - 1)), "text": place} for place in named]


def _nice_top(values: Sequence[float]) -> float:
    """Return the smallest of 1, 2, 4, 5, 8, 10, 20, … above every value, so that figures fit."""
    highest = max(values, default=0)
    scale = 1.0
    while True:
        for step in (1, 2, 4, 5, 8):
            if step * scale > highest:
                return step * scale
        scale *= 10


def _brief(value: float) -> str:
    """A figure as it stands beside a line, where there is room for a few digits."""
    return _figure(value) if value < 10_000 else compact(value)


def _figure(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
