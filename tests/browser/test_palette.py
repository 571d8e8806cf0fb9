"""The palette, the key sheet, themes and paper, in a real browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


def test_it_goes_where_one_types(published: Any, page: Page) -> None:
    page.goto("/")
    page.keyboard.press("Control+k")
    expect(page.locator("[data-palette-words]")).to_be_focused()
    page.keyboard.type("cover")
    page.keyboard.press("Enter")
    page.wait_for_url("**/coverage/")


def test_it_finds_a_bullet_with_arrows_alone(published: Any, page: Page) -> None:
    page.goto("/coverage/")
    page.keyboard.press("Control+k")
    page.keyboard.type("checked by a person")
    expect(page.locator("#palette-found a").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/bullets/**")


def test_it_gives_the_focus_back_when_it_closes(published: Any, page: Page) -> None:
    page.goto("/memory/")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#keys-sheet")).to_be_visible()
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_hidden()


def test_one_escape_closes_it_whatever_was_typed(published: Any, page: Page) -> None:
    page.goto("/memory/")
    page.keyboard.press("Control+k")
    page.keyboard.type("refund")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_a_chart_says_the_figures_of_the_day_under_the_pointer(published: Any, page: Page) -> None:
    page.goto("/analytics/?days=7")
    said = page.locator(".chart-said").first
    last = said.inner_text()
    assert "Approved" in last
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 40)
    expect(said).not_to_have_text(last)
    expect(said).to_contain_text("Approved 0")
    page.mouse.move(0, 0)
    expect(said).to_have_text(last)


def test_the_design_page_draws_the_causal_graph_in_its_colors(published: Any, page: Page) -> None:
    page.goto("/design/")
    fills = page.locator("svg.causal rect").evaluate_all(
        "all => all.map((each) => getComputedStyle(each).fill)"
    )
    assert fills
    assert "rgb(0, 0, 0)" not in fills


def test_it_draws_charts_in_the_colors_of_the_theme(published: Any, page: Page) -> None:
    page.goto("/analytics/?days=7")
    # What has no data yet says so instead.
    drawn = page.locator(".chart-box").count()
    assert drawn + page.locator(".chart-none").count() == 5
    assert drawn >= 2
    expect(page.locator(".chart-box canvas")).to_have_count(drawn)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(page.locator(".chart-box canvas")).to_have_count(drawn)


def test_it_prints_a_playbook_as_its_text(published: Any, page: Page) -> None:
    page.goto("/playbooks/help-desk/releases/1/")
    page.emulate_media(media="print")
    expect(page.locator(".rail")).to_be_hidden()
    expect(page.locator(".acts")).to_be_hidden()
    expect(page.locator(".read").first).to_be_visible()
    page.goto("/playbooks/help-desk/")
    expect(page.locator("#picked")).to_be_hidden()
    expect(page.locator("tr.bullet .read").first).to_be_visible()
    expect(page.get_by_role("link", name="Edit ").first).to_be_hidden()


def test_show_all_of_the_causal_graph_shows_all_where_it_is_narrow(
    published: Any, page: Page
) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/root-causes/1/")
    frame = page.locator("[data-graph]")
    hidden = "box => Math.max(box.scrollWidth - box.clientWidth, box.scrollLeft)"
    assert frame.evaluate(hidden) > 0
    frame.evaluate("box => box.scrollTo(200, 0)")
    page.get_by_role("button", name="Show all").click()
    assert frame.evaluate(hidden) == 0
    frame.press("+")
    frame.press("0")
    assert frame.evaluate(hidden) == 0
