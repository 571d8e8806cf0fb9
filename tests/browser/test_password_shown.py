"""A password can be read while it is typed, and is hidden again before it is sent."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.product import Product


def test_it_shows_and_hides_what_is_typed(browser: Browser, product: Product) -> None:
    context = browser.new_context(base_url=product.url)
    page = context.new_page()
    page.goto("/login/")
    field, button = page.get_by_label("Password"), page.get_by_role("button", name="Show what")
    page.get_by_label("Username").fill("nobody")
    field.fill("a door that nobody opens")
    expect(field).to_have_attribute("type", "password")
    button.click()
    expect(field).to_have_attribute("type", "text")
    expect(button).to_have_attribute("aria-pressed", "true")
    button.click()
    expect(field).to_have_attribute("type", "password")
    button.click()
    # Caught where the form is sent, so that no wrong password is counted.
    page.evaluate(
        "document.querySelector('form').addEventListener('submit', e => e.preventDefault())"
    )
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(field).to_have_attribute("type", "password")
    context.close()
