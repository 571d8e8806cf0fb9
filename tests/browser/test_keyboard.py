"""A list under the keyboard: what a key means on this page, and where the focus is afterwards."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


def test_slash_searches_the_list_that_is_open(published: Any, page: Page) -> None:
    page.goto("/memory/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search bullets")).to_be_focused()
    page.goto("/trajectories/")
    page.keyboard.press("/")
    expect(page.get_by_label("Words in the task")).to_be_focused()
    page.goto("/playbooks/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search memory")).to_be_focused()


def test_arrows_choose_in_a_filter_and_enter_sends_it(published: Any, page: Page) -> None:
    page.goto("/memory/")
    order = page.get_by_label("Order", exact=True)
    order.focus()
    page.keyboard.press("ArrowDown")
    expect(order).to_have_value("oldest")
    page.wait_for_timeout(200)
    assert page.url.endswith("/memory/")
    expect(order).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/memory/?sort=oldest")


def test_places_answer_where_the_rail_is_folded_away(published: Any, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/coverage/")
    page.keyboard.press("?")
    sheet = page.locator("#keys-sheet")
    expect(sheet).to_contain_text("Root causes")
    expect(sheet.locator("kbd").first).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/memory/")
    page.keyboard.press("Control+k")
    page.keyboard.type("cover")
    page.keyboard.press("Enter")
    page.wait_for_url("**/coverage/")


def test_escape_closes_what_a_button_opened(published: Any, page: Page) -> None:
    page.goto("/memory/")
    views = page.locator("details.views")
    views.locator("summary").click()
    expect(views).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    expect(views).not_to_have_attribute("open", "")
    expect(views.locator("summary")).to_be_focused()


def test_the_key_sheet_says_how_a_graph_is_moved(published: Any, page: Page) -> None:
    page.goto("/root-causes/1/")
    page.keyboard.press("?")
    expect(page.locator("#keys-sheet")).to_contain_text("In the graph: zoom in")


def test_the_key_sheet_names_both_ways_at_either_end_of_a_list(published: Any, page: Page) -> None:
    page.goto("/trajectories/1/")
    page.keyboard.press("?")
    here = page.locator("#keys-sheet section").first
    expect(here.locator("dd").nth(0)).to_have_text("Next trajectory")
    expect(here.locator("dd").nth(1)).to_have_text("Previous trajectory")


def test_copying_twice_says_copy_again(published: Any, page: Page) -> None:
    page.goto("/playbooks/help-desk/?tab=use")
    button = page.locator("[data-copy]").first
    expect(button).to_have_text("Copy")
    button.click()
    expect(button).not_to_have_text("Copy")
    button.click()
    page.wait_for_timeout(2_200)
    expect(button).to_have_text("Copy")


def test_a_peek_goes_along_with_the_rows_and_gives_the_focus_back(
    published: Any, page: Page
) -> None:
    page.goto("/playbooks/help-desk/?status=approved")
    rows = page.locator("tr.bullet a.row-link")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("Enter")
    peek = page.locator("#bullets .peek")
    expect(peek).to_be_visible()
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    second = rows.nth(1).get_attribute("id")
    assert second
    expect(peek.locator("code.b")).to_have_text(second.removeprefix("b-"))
    expect(rows.nth(1)).to_be_focused()
    peek.get_by_role("link", name="Close").focus()
    page.keyboard.press("Enter")
    expect(peek).to_have_count(0)
    expect(rows.nth(1)).to_be_focused()
    assert page.url.endswith("/playbooks/help-desk/?status=approved")
    page.keyboard.press("Enter")
    expect(peek).to_be_visible()
    page.keyboard.press("Enter")
    page.wait_for_url("**/bullets/**")


def test_leaving_an_edit_in_place_goes_back_to_its_row(published: Any, page: Page) -> None:
    page.goto("/playbooks/help-desk/")
    page.get_by_role("link", name="Edit ").first.focus()
    page.keyboard.press("Enter")
    field = page.locator("form.in-place textarea")
    expect(field).to_be_focused()
    # A part that has just come takes the focus once more when it settles.
    page.wait_for_function("!document.querySelector('.htmx-request, .htmx-added, .htmx-settling')")
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(field).to_have_count(0)
    expect(page.locator("a.row-link").first).to_be_focused()
