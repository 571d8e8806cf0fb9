"""Tables and boxes that scroll say what they are to who hears the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TEMPLATES = sorted((Path(__file__).resolve().parents[2] / "templates").rglob("*.html"))
OURS = [path for path in TEMPLATES if "allauth" not in path.parts]
NAMED = re.compile(r"aria-label(ledby)?=")


def unnamed_tables(source: str) -> Iterator[str]:
    """Tables with no name of their own nor of the region right around them."""
    for found in re.finditer(r"<table\b[^>]*>", source):
        around = re.search(r"<[^<>]*role=\"region\"[^<>]*>\s*$", source[: found.start()])
        if not NAMED.search(found[0]) and not (around and NAMED.search(around[0])):
            yield found[0]


def bare_heads(source: str) -> list[str]:
    heads = "".join(re.findall(r"<thead>.*?</thead>", source, re.DOTALL))
    return re.findall(r"<th(?=[ >])(?![^>]*scope=)[^>]*>", heads)


def unnamed_boxes(source: str) -> list[str]:
    boxes = re.findall(r"<[^<>]*class=\"[^\"]*\bscroll-x\b[^\"]*\"[^<>]*tabindex[^<>]*>", source)
    return [box for box in boxes if not NAMED.search(box)]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_it_names_tables_their_heads_and_what_scrolls(path: Path) -> None:
    source = path.read_text()
    assert list(unnamed_tables(source)) == []
    assert bare_heads(source) == []
    assert unnamed_boxes(source) == []


def test_it_finds_what_has_no_name() -> None:
    bare = '<div class="scroll-x" tabindex="0"><table class="table"><thead><tr><th>A</th>'
    source = f"{bare}</tr></thead></table></div>"
    assert list(unnamed_tables(source)) == ['<table class="table">']
    assert bare_heads(source) == ["<th>"]
    assert unnamed_boxes(source) == ['<div class="scroll-x" tabindex="0">']
