"""What changes on a page without a new one is said to who hears it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect


def test_a_peek_that_opens_beside_the_list_is_said(published: Any, page: Page) -> None:
    page.goto("/playbooks/help-desk/")
    said = page.locator("#said")
    expect(said).to_be_empty()
    rows = page.locator("#bullets a.row-link[hx-get]")
    for _ in range(2):
        rows.first.click()
        expect(said).to_have_text(re.compile(r"^\w+-\d+ is open beside the list$"))
        page.keyboard.press("Escape")
        expect(page.locator("#bullets .peek")).to_have_count(0)
        page.evaluate("document.getElementById('said').textContent = ''")


def test_a_tool_that_is_turned_off_is_said_once(published: Any, page: Page) -> None:
    page.goto("/environments/help-desk/")
    name = page.locator("#tools .tool-head code").first.inner_text()
    said, switch = page.locator("#said"), page.locator("#tools [id^=switch-]").first
    was_on = "off" in switch.inner_text()
    for is_on in (not was_on, was_on):
        switch.click()
        expect(said).to_have_text(f"{name} is {'on' if is_on else 'off'}")
