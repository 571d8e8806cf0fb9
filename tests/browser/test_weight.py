"""What a swapped part weighs, and whether anything moves when it comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Response, expect

INTERACTION = 30_000


def answers_of(page: Page) -> list[Response]:
    """Every answer the page gets from now on."""
    found: list[Response] = []
    page.on("response", lambda answer: found.append(answer))
    return found


def top_of(page: Page, place: str) -> float:
    """How far below the top of the page something stands, in pixels."""
    found = page.locator(place).first.bounding_box()
    assert found is not None
    return found["y"] + float(page.evaluate("scrollY"))


def test_an_interaction_is_light_and_leaves_the_reader_where_they_are(
    published: Any, visit: Callable[..., Page]
) -> None:
    page = visit()
    page.goto("/playbooks/help-desk/")
    page.wait_for_load_state("networkidle")
    answers = answers_of(page)
    row, section = "tr.bullet", "tr.g"
    before = top_of(page, row), top_of(page, section)

    page.locator("tr.bullet a.row-link").first.click()
    expect(page.locator(".peek")).to_be_visible()
    assert (top_of(page, row), top_of(page, section)) == before
    page.get_by_role("link", name="Close").click()
    expect(page.locator(".peek")).to_be_hidden()
    assert (top_of(page, row), top_of(page, section)) == before
    page.get_by_role("link", name="Edit ").first.click()
    expect(page.locator("tr.bullet textarea")).to_be_focused()
    assert (top_of(page, row), top_of(page, section)) == before
    page.keyboard.press("Control+k")
    page.locator("[data-palette-words]").fill("refund")
    expect(page.locator("#palette-found li").first).to_be_visible()

    # Pages are sent compressed, so this is what crossed the wire.
    sizes = {answer.url: answer.request.sizes()["responseBodySize"] for answer in answers}
    assert len(sizes) >= 4
    assert max(sizes.values()) <= INTERACTION, sizes


def test_trends_come_into_a_place_kept_for_them(published: Any, visit: Callable[..., Page]) -> None:
    page = visit()
    page.add_init_script(
        "window.moved = 0; new PerformanceObserver((list) => {"
        "  for (const entry of list.getEntries()) window.moved += entry.value;"
        "}).observe({type: 'layout-shift', buffered: true});"
    )
    page.goto("/")
    expect(page.locator("#trends canvas").first).to_be_visible()
    assert page.evaluate("window.moved") < 0.1
