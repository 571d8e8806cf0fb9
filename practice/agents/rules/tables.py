"""Tables drawn in text, as servers answer people: cells between bars, a line of dashes on top."""

from __future__ import annotations


def rows(text: str) -> list[dict[str, str]]:
    """Return the rows of every Markdown table in ``text``, cells by the words of their column."""
    lines = text.splitlines() if "---" in text else []
    found: list[dict[str, str]] = []
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


def _is_rule(line: str) -> bool:
    return "|" in line and "---" in line and set(line) <= set("|-: \t\r")


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []
