"""How hard a new password is to guess is told while it is typed, and nobody else is told."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

#: what is typed, how strong it is, and a part of what is said. The reader is the operator.
PASSWORDS = (
    ("", 0, ""),
    ("open", 1, "Too short: 8 more characters."),
    ("seven keys!", 1, "Too short: 1 more character."),
    ("Password1234!", 1, "words that many passwords are made of"),
    ("P@ssw0rd2026!", 1, "words that many passwords are made of"),
    ("iloveyouforever", 1, "words that many passwords are made of"),
    ("qwertyuiop12", 1, "keys that lie side by side"),
    ("1q2w3e4r5t6y", 1, "keys that lie side by side"),
    ("abcabcabcabc", 1, "the same again and again"),
    ("abcdefghijkl", 1, "letters or digits in their order"),
    ("918273645546", 1, "only digits"),
    ("Greenroom2026!", 1, "your name or address, or the name of this site"),
    ("0perator-0perator", 1, "your name or address"),
    ("professional", 1, "Weak. Add another word."),
    ("16-07-1984-ab", 1, "a year"),
    ("Tr0ub4dor&3x", 2, "Fair. Add another word."),
    ("kX9v!2mL7pRt", 3, "Good. Add another word."),
    ("zebra copper lantern", 4, "Strong."),
    ("correct horse battery staple", 4, "Strong."),
    ("kX9vQ2mL7pRt4wZs", 4, "Strong."),
    ("aaaaaaaaaaaa" * 400, 1, "the same again and again"),
)


@pytest.fixture
def form(page: Page) -> Page:
    page.goto("/password/change/")
    return page


def test_it_tells_weak_from_strong(form: Page) -> None:
    field, said = form.locator("#id_password1"), form.locator(".strength .said")
    meter = form.get_by_role("meter", name="Strength of the password")
    for typed, level, words in PASSWORDS:
        field.fill(typed)
        assert meter.evaluate("meter => meter.value") == level, typed
        expect(said).to_contain_text(words)
    expect(said).to_have_attribute("aria-live", "polite")


def test_what_is_typed_stays_in_the_page(form: Page) -> None:
    asked: list[str] = []
    form.on("request", lambda request: asked.append(request.url))
    before = form.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    form.locator("#id_password1").press_sequentially("zebra copper lantern", delay=5)
    expect(form.locator(".strength .said")).to_have_text("Strong.")
    assert [url for url in asked if "/static/" not in url] == []
    assert form.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])") == before


def test_it_gives_its_word_within_a_frame(form: Page) -> None:
    """What is judged is bounded, so no password holds the page up."""
    took = form.evaluate(
        """() => {
          const field = document.getElementById("id_password1");
          field.value = "abab1234qwer".repeat(4000);
          const start = performance.now();
          for (let i = 0; i < 10; i += 1) {
            field.dispatchEvent(new Event("input", { bubbles: true }));
          }
          return (performance.now() - start) / 10;
        }"""
    )
    assert took < 200
