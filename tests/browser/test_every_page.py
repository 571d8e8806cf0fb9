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


@pytest.mark.parametrize(
    ("theme", "width"), [("light", 1440), ("dark", 1440), ("light", 1024), ("light", 360)]
)
@pytest.mark.timeout(900)
def test_every_page_is_accessible_and_fits(
    pages: list[str], browser: Browser, product: Product, theme: str, width: int
) -> None:
    context = browser.new_context(base_url=product.url, viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
    page = context.new_page()
    sign_in(page, product)
    broken: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on("console", lambda said: errors.extend([said.text] if is_error(said) else []))
    for path in pages:
        page.goto(path)
        page.evaluate(AXE)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        broken += [f"{path}: {v['id']} {v['nodes'][0]['html'][:120]}" for v in found["violations"]]
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            broken.append(f"{path}: {wide} px wide at {width}")
    context.close()
    assert broken + errors == []
