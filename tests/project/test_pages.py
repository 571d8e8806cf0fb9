"""No page is left out of the walk in the browser: accessible, quiet, narrow, without scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from django.urls.exceptions import NoReverseMatch, Resolver404

from tests.browser.pages import NO_PAGES, PAGES, SAMPLES

#: Of allauth, the pages that a signed-in person comes to are listed by hand.
ALLAUTHS = ("account_", "mfa_", "openid_connect_", "socialaccount_", "usersessions_")
#: Something that fits each kind of a part of an address.
ANY = {
    "Int": 1,
    "Path": "get_thing",
    "Slug": "help-desk",
    "String": "apis-001",
    "UUID": SAMPLES["recall"],
}


@cache
def walked() -> set[str]:
    """Names of the addresses that the browser tests open."""
    names = set()
    for path in PAGES:
        try:
            found = resolve(path.format(**SAMPLES).partition("?")[0].partition("#")[0])
        except Resolver404:
            continue  # the page that says so
        names.add(str(found.url_name))
    return names


def addresses(patterns: list[URLPattern | URLResolver]) -> Iterator[URLPattern]:
    """Every address but those of the API."""
    for one in patterns:
        if isinstance(one, URLPattern):
            yield one
        elif not str(one.pattern).startswith("api/"):
            yield from addresses(one.url_patterns)


@pytest.mark.django_db
def test_an_address_is_walked_or_takes_a_form_and_leads_to_a_page(ada: object) -> None:
    """To a form's address, an empty answer would make browsers show an error page of their own."""
    client = Client()
    client.force_login(ada)  # type: ignore[arg-type]
    missing, silent, opened = [], [], dict[str, int]()
    for pattern in addresses(get_resolver().url_patterns):
        name = str(pattern.name)
        if name in walked() | NO_PAGES.keys():
            continue  # these answer a reader
        given = {
            key: ANY[type(kind).__name__.removesuffix("Converter")]
            for key, kind in pattern.pattern.converters.items()
        }
        try:
            path = reverse(name, kwargs=given)
        except NoReverseMatch:
            if not name.startswith(ALLAUTHS):
                raise
            continue  # a part of an account's address that is no path
        # What only takes a form answers 405 before it looks for anything.
        answer = client.get(path)
        if answer.status_code != 405:
            missing += [name] if not name.startswith(ALLAUTHS) else []
            continue
        page = re.search(r'href="([^"]+)">Open the page it belongs to', answer.content.decode())
        if page and page[1] not in opened:
            opened[page[1]] = client.get(page[1]).status_code
        if page is None or opened[page[1]] == 405:
            silent.append(path)
    assert missing == [], "add an address of each to PAGES in tests/browser/pages.py"
    assert silent == []
    assert len(opened) > 10


def test_what_only_shows_a_page_says_so_to_a_form() -> None:
    answer = Client().post("/coverage/")
    assert answer.status_code == 405
    assert "only shows a page" in answer.content.decode()


def test_nothing_is_called_no_page_that_is_gone() -> None:
    names = {str(one.name) for one in addresses(get_resolver().url_patterns)}
    assert NO_PAGES.keys() - names == set()
