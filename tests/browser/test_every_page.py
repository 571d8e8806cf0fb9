"""Every page, in light, dark and on a phone: accessible, quiet in the console, never too wide."""

from __future__ import annotations

from importlib.resources import files

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from tests.browser.conftest import sign_in
from tests.product import Product

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


def is_error(said: ConsoleMessage) -> bool:
    """Whether a page wrote an error into the console; that a page is missing or over is none."""
    missing = ("no-such-page", "/join/")  # no invitation is open in this browser
    return said.type == "error" and not any(page in said.location["url"] for page in missing)


#: theme, width, and the rules that are checked: a theme changes colours and nothing else.
LOOKS = (
    ("light", 1440, {"resultTypes": ["violations"]}),
    ("dark", 1440, {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}),
    ("light", 1024, None),
    ("light", 360, {"resultTypes": ["violations"]}),
)
#: One load for all looks: what a page does when it is turned or dimmed is part of what is checked.
LOOK = """([theme]) => new Promise((done) => {
  document.documentElement.dataset.theme = theme;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


@pytest.mark.timeout(900)
def test_every_page_is_accessible_and_fits(
    pages: list[str], browser: Browser, product: Product
) -> None:
    context = browser.new_context(base_url=product.url, reduced_motion="reduce")
    page = context.new_page()
    sign_in(page, product)
    broken: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on("console", lambda said: errors.extend([said.text] if is_error(said) else []))
    for path in pages:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(path)
        page.evaluate(AXE)
        for theme, width, rules in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(LOOK, [theme])
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                broken.append(f"{path}: {wide} px wide at {width}")
            found = page.evaluate("(rules) => rules && axe.run(document, rules)", rules)
            broken += [
                f"{path}, {theme} at {width}: {v['id']} {v['nodes'][0]['html'][:120]}"
                for v in (found or {"violations": []})["violations"]
            ]
    context.close()
    assert broken + errors == []
