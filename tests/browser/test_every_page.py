"""Every page, in light, dark and on a phone: accessible, quiet, light, never too wide."""

from __future__ import annotations

import gzip
from importlib.resources import files
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Response

from tests.browser.conftest import sign_in
from tests.product import Product

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()


FIRST_LOAD = 200_000
#: already small; compressing them again would flatter the figure.
COMPRESSED = ("font/", "image/")


class Weights:
    """What a page asks for, and the bytes of it as a server that compresses sends them.

    A file that a page before has fetched counts as if it were fetched anew.
    """

    def __init__(self) -> None:
        self.asked: list[Response] = []
        self._known: dict[str, int] = {}

    def first_load(self) -> int:
        return sum({answer.url: self._weigh(answer) for answer in self.asked}.values())

    def strangers(self, host: str) -> set[str]:
        return {a.url for a in self.asked if urlsplit(a.url).netloc not in {host, ""}}

    def _weigh(self, answer: Response) -> int:
        if answer.status in {204, 301, 302, 304}:
            return self._known.get(answer.url, 0)
        if "/static/" not in answer.url or answer.url not in self._known:
            body = answer.body()
            kind = answer.headers.get("content-type", "")
            compressed = kind.startswith(COMPRESSED)
            self._known[answer.url] = len(body) if compressed else len(gzip.compress(body))
        return self._known[answer.url]


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
    weights = Weights()
    page.on("response", lambda answer: weights.asked.append(answer))
    for path in pages:
        page.set_viewport_size({"width": 1440, "height": 900})
        weights.asked.clear()
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
        heavy, strangers = weights.first_load(), weights.strangers(urlsplit(product.url).netloc)
        if heavy > FIRST_LOAD or strangers:
            broken.append(f"{path}: {heavy:,} bytes {sorted(strangers)}")
    context.close()
    assert broken + errors == []
