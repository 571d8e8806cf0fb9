"""Overview while its trends are counted, and when they never come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

WIDTHS = (1440, 360)


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A signed-in page; requests that fail on purpose may stand in its console."""
    return visit()


def height(page: Page) -> float:
    box = page.locator("#trends").bounding_box()
    assert box is not None
    return box["height"]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_moves_when_the_trends_come(published: Any, page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    waiting: list[Route] = []
    page.route("**/analytics/**", lambda route: waiting.append(route))
    with page.expect_request("**/analytics/**"):
        page.goto("/")
    before = height(page)
    waiting.pop().continue_()
    expect(page.locator("#trends[data-wait]")).to_have_count(0)
    expect(page.locator("#trends figure").first).to_be_visible()
    assert height(page) == pytest.approx(before, abs=2)


def test_trends_that_never_come_say_so_in_their_place(published: Any, page: Page) -> None:
    page.route("**/analytics/**", lambda route: route.fulfill(status=500, body=""))
    page.goto("/")
    expect(page.locator("#trends")).to_contain_text("could not be counted")
    expect(page.locator("#trends .skeleton")).to_have_count(0)
    expect(page.locator("#toasts")).to_be_empty()
