"""How a listing says that there is more of it, and what to ask for then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from practice.agents.rules.documents import parse
from practice.agents.rules.words import parts

#: what an answer calls the number of its page, how many there are, how many records a page has and
#: how many there are in all; by the words of the names.
_PAGE = frozenset({("page",), ("page", "number"), ("current", "page")})
_PAGES = frozenset({("total", "page"), ("page", "count"), ("last", "page"), ("num", "page")})
_SIZE = frozenset({("per", "page"), ("page", "size"), ("limit",), ("size",)})
_TOTAL = frozenset(
    {("total",), ("total", "count"), ("count",), ("total", "item"), ("total", "result")}
)
_OFFSET = frozenset({("offset",), ("skip",)})


def cursor(text: str) -> tuple[str, Any] | None:
    """Return the (field, value) that leads to the next page, or ``None`` on the last page.

    Where an answer only counts, what it counts by and the next of it: page 2 of 5, offset 20.
    """
    value = parse(text)
    if not isinstance(value, Mapping):
        return None
    scopes = [value, *(v for v in value.values() if isinstance(v, Mapping))]
    for scope in scopes:
        for key, item in scope.items():
            words = parts(str(key))
            usable = isinstance(item, (str, int)) and not isinstance(item, bool)
            if "next" in words and usable and item != "":
                return str(key), item
    return next((found for scope in scopes for found in _counted(scope)), None)


def counts(field: str) -> bool:
    """Whether a field that leads on counts pages or records, and is no name of the next page."""
    return parts(field) in _PAGE | _OFFSET


def _counted(scope: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    page, pages, size = _number(scope, _PAGE), _number(scope, _PAGES), _number(scope, _SIZE)
    total, offset = _number(scope, _TOTAL), _number(scope, _OFFSET)
    if page and (
        (pages and page[1] < pages[1]) or (size and total and page[1] * size[1] < total[1])
    ):
        yield page[0], page[1] + 1
    elif offset and size and size[1] and total and offset[1] + size[1] < total[1]:
        yield offset[0], offset[1] + size[1]


def _number(scope: Mapping[str, Any], named: frozenset[tuple[str, ...]]) -> tuple[str, int] | None:
    """Return the name and the value of the first count among ``named``."""
    for key, item in scope.items():
        if isinstance(item, int) and not isinstance(item, bool) and parts(str(key)) in named:
            return str(key), item
    return None
