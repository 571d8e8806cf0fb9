"""A passkey, made and used in a real browser with a virtual authenticator."""

from __future__ import annotations

from playwright.sync_api import Browser, ConsoleMessage, expect

from tests.browser.conftest import sign_in
from tests.product import Product

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_signs_in_without_a_password(browser: Browser, product: Product) -> None:
    # Browsers give passkeys to names, not to addresses.
    context = browser.new_context(base_url=product.url.replace("127.0.0.1", "localhost"))
    page = context.new_page()
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    page.on("console", listen)
    chrome = context.new_cdp_session(page)
    chrome.send("WebAuthn.enable")
    chrome.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    sign_in(page, product)
    page.goto("/account/second-factor/webauthn/add/")
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_label("Name").fill("laptop")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: "/add/" not in url)
    page.goto("/account/second-factor/webauthn/")
    assert "laptop" in page.content()

    context.clear_cookies()
    page.goto("/login/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{product.url.replace('127.0.0.1', 'localhost')}/")
    assert page.get_by_role("heading", name="Overview").is_visible()

    page.goto("/account/second-factor/webauthn/")
    page.get_by_role("link", name="Remove").click()
    if page.get_by_label("Password").count():
        page.get_by_label("Password").fill(product.password)
        page.get_by_role("button", name="Confirm").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("laptop")).to_have_count(0)
    context.close()
    assert errors == []
