"""What was typed outlives a lost session, for whoever typed it and for nobody else."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, expect

from tests.browser.conftest import sign_in
from tests.product import Product

DRAFTS = "Object.keys(sessionStorage).filter((name) => name.startsWith('draft '))"


def test_a_draft_is_its_writer_s(published: Any, browser: Browser, product: Product) -> None:
    context = browser.new_context(base_url=product.url)
    page = context.new_page()
    sign_in(page, product)
    page.goto("/review/")
    note = page.get_by_role("textbox", name="Note")
    note.fill("Not sent yet")
    page.reload()
    expect(note).to_have_value("Not sent yet")
    # Somebody else's, left by a session that ran out.
    page.evaluate("sessionStorage.setItem('draft 999999 note', 'of another')")
    page.reload()
    assert all("999999" not in name for name in page.evaluate(DRAFTS))
    expect(note).to_have_value("Not sent yet")
    page.locator("details.me summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login/")
    assert page.evaluate(DRAFTS) == []
    context.close()
