"""A list under the keyboard: what a key means on this page, and where the focus is afterwards."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect


def test_slash_searches_the_list_that_is_open(published: Any, page: Page) -> None:
    page.goto("/memory/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search bullets")).to_be_focused()
    page.keyboard.press("Escape")
    page.goto("/playbooks/")
    page.keyboard.press("/")
    expect(page.get_by_label("Search memory")).to_be_focused()


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
