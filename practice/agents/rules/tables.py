"""Tables drawn in text, as servers answer people: cells between bars, a line of dashes on top."""

from __future__ import annotations

import re

#: as few lines are no table but a sentence that goes on.
LEAST = 2
_NAMED = re.compile(r"\s*(?:[-*•] )?([A-Za-z][\w-]{0,40}): (.{1,300})")


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of every table in ``text``, cells by the words of their column.

    Where no line of dashes stands under its names, a table is nothing but rows of as many cells.
    Lines such as "- north: four places" are rows of a name and what is said of it.
    """
    lines = text.splitlines() if "---" in text else []
    found: list[dict[str, str]] = []
    if not lines:
        return _plain(text)
    for place, line in enumerate(lines):
        if not place or not _is_rule(line):
            continue
        names = _cells(lines[place - 1])
        for below in lines[place + 1 :]:
            cells = _cells(below)
            if len(cells) != len(names):
                break
            found.append(dict(zip(names, cells, strict=True)))
    return found


def _plain(text: str) -> list[dict[str, str]]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) < LEAST:
        return []
    if " | " in text:
        names, *cells = [_cells(line) for line in lines]
        headed = len(names) > 1 and all(re.fullmatch(r"[A-Za-z][\w #-]{0,30}", n) for n in names)
        if headed and all(len(row) == len(names) for row in cells):
            return [dict(zip(names, row, strict=True)) for row in cells]
        return []
    told = [_NAMED.fullmatch(line) for line in lines]
    return [{"name": m[1], "detail": m[2]} for m in told if m] if all(told) else []


def _is_rule(line: str) -> bool:
    return "|" in line and "---" in line and set(line) <= set("|-: \t\r")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
