"""A request for a passkey that fails says on the page why, in words that say what to do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.product import Product


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("NotAllowedError", "No passkey was given"),
        ("SecurityError", "Browsers give passkeys to a name with HTTPS"),
        ("UnknownError", "Reload the page and try again"),
    ],
)
def test_it_says_why_no_passkey_came(
    browser: Browser, product: Product, error: str, said: str
) -> None:
    context = browser.new_context(base_url=product.url)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text))
    page.add_init_script(
        f"navigator.credentials.get = async () => {{ throw new DOMException('', '{error}'); }}"
    )
    page.goto("/login/")
    for _ in range(2):
        page.get_by_role("button", name="Use a passkey").click()
        expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_role("alert")).to_have_count(1)
    context.close()
    assert errors == []
