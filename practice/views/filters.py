"""Chips and selects of a filtered list: every choice is a link with its true total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest

PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class Chip:
    label: str
    count: int | None
    url: str
    pressed: bool


def link(request: HttpRequest, **changes: str) -> str:
    """The current address with some parameters changed; an empty value leaves one out."""
    asked = {name: request.GET[name] for name in request.GET if name not in {"page", "seen"}}
    kept = {name: value for name, value in (asked | changes).items() if value}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def chips(
    request: HttpRequest,
    name: str,
    choices: Iterable[tuple[str, str]],
    counts: Mapping[str, int],
    *,
    all_label: str = "All",
) -> list[Chip]:
    """One chip for everything, one per choice that has rows or is chosen."""
    chosen = request.GET.get(name, "")
    total = sum(counts.values())
    found = [Chip(all_label, total, link(request, **{name: ""}), pressed=not chosen)]
    for value, label in choices:
        count = counts.get(value, 0)
        if count or value == chosen:
            url = link(request, **{name: value})
            found.append(Chip(label, count, url, pressed=value == chosen))
    return found
