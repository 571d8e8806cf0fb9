"""Every page: light to load, and in light, dark and on a phone accessible, quiet and in its width.

A page is loaded once for all of it, with an empty cache.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import ConsoleMessage, Error, Page, Response

from tests.product import Product

#: Of the rule of contrast a third went into reading the same few colors for every element anew.
COLORS_READ_ONCE = """;(() => {
  const color = axe.commons.color.Color.prototype, read = color.parseString, known = new Map();
  color.parseString = function (said) {
    if (!known.has(said)) {
      read.call(this, said);
      known.set(said, [this.r, this.g, this.b, this.alpha]);
    }
    [this.r, this.g, this.b, this.alpha] = known.get(said);
    return this;
  };
})();"""
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text() + COLORS_READ_ONCE

FIRST_LOAD = 200_000
#: already small; compressing them again would flatter the figure. A drawing in SVG is text.
COMPRESSED, DRAWN = ("font/", "image/"), "image/svg"


@lru_cache(maxsize=200)
def packed(body: bytes) -> int:
    """The bytes of a text as a server that compresses sends it."""
    return len(gzip.compress(body))


#: What files weigh, by address: while the product runs they stay what they are.
FILES: dict[str, int] = {}


def weight(response: Response) -> int:
    if response.status in {204, 301, 302, 304}:
        return 0
    if (known := FILES.get(response.url)) is not None:
        return known
    try:
        body = response.body()
    except Error:  # the last word to the page before, which is no part of this one
        return 0
    kind = response.headers.get("content-type", "")
    is_small = kind.startswith(COMPRESSED) and not kind.startswith(DRAWN)
    weighed = len(body) if is_small else packed(body)
    if "/static/" in response.url:
        FILES[response.url] = weighed
    return weighed


def too_much(answers: list[Response], host: str) -> list[str]:
    """What is wrong with what a page loaded: more than it may weigh, or another host's."""
    heavy = sum(weight(answer) for answer in answers)
    strangers = {a.url for a in answers if urlsplit(a.url).netloc not in {host, ""}}
    return [f"{heavy:,} bytes"] * (heavy > FIRST_LOAD) + sorted(strangers)


def is_error(said: ConsoleMessage) -> bool:
    """Whether a page wrote an error into the console; that a page is missing or over is none."""
    missing = ("no-such-page", "/join/")  # no invitation is open in this browser
    return said.type == "error" and not any(page in said.location["url"] for page in missing)


#: theme, width, and the rules that are checked: a theme changes colours and nothing else.
LOOKS: tuple[tuple[str, int, dict[str, Any] | None], ...] = (
    ("light", 1440, {"resultTypes": ["violations"]}),
    ("dark", 1440, {"resultTypes": ["violations"], "runOnly": ["color-contrast"]}),
    ("light", 1024, None),
    ("light", 768, None),
    ("light", 360, {"resultTypes": ["violations"]}),
)
#: The frame is one template around every page, and two thirds of most of them: it is checked on one
#: page in eight. So is contrast on a phone, which changes the colours of the frame alone; that rule
#: takes most of the time.
ALL_OF_IT_EVERY = 8
FRAME = ("body > .bar-top", ".app > .rail")
NO_CONTRAST = {"rules": {"color-contrast": {"enabled": False}}}
#: What is wrong, and where first; all else that was found is not worth carrying over.
CHECK = """([without, rules]) => axe.run({exclude: without.map((one) => [one])}, rules).then(
  (found) => found.violations.map((one) => [one.id, one.nodes[0].html.slice(0, 120)]))"""
#: One load for all looks: what a page does when it is turned or dimmed is part of what is checked.
LOOK = """([theme]) => new Promise((done) => {
  document.documentElement.dataset.theme = theme;
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""

#: What is placed out of sight in a box that scrolls, and would make the page around it as long.
ESCAPES = """() => [...document.querySelectorAll(".sr")].filter((hidden) => {
  for (let box = hidden.parentElement; box && box !== document.body; box = box.parentElement) {
    const style = getComputedStyle(box);
    if (style.position !== "static") return false;
    if (/auto|scroll/.test(style.overflowX + style.overflowY)) return true;
  }
  return false;
}).map((hidden) => hidden.outerHTML.slice(0, 120))"""


def violations(page: Page, width: int, rules: dict[str, Any], whole: bool) -> list[str]:
    """Each rule that is broken, and the beginning of what breaks it first."""
    if width == 360 and not whole:
        rules = rules | NO_CONTRAST
    found = page.evaluate(CHECK, [[] if whole else FRAME, rules])
    return [f"{rule} {element}" for rule, element in found]


@pytest.mark.timeout(900)
def test_every_page_is_light_accessible_and_fits(
    pages: list[str], visit: Callable[..., Page], product: Product
) -> None:
    page = visit(reduced_motion="reduce")
    broken: list[str] = []
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
    page.on("console", lambda said: errors.extend([said.text] if is_error(said) else []))
    # Each page is weighed as somebody meets it who has seen none before.
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    for number, path in enumerate(pages):
        page.set_viewport_size({"width": 1440, "height": 900})
        answers.clear()
        page.goto(path)
        page.evaluate(AXE)
        whole = number % ALL_OF_IT_EVERY == 0
        for place, (theme, width, rules) in enumerate(LOOKS):
            page.set_viewport_size({"width": width, "height": 900})
            page.evaluate(LOOK, [theme])
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                broken.append(f"{path}: {wide} px wide at {width}")
            if rules:
                said = f"{path}, {theme} at {width}"
                broken += [f"{said}: {one}" for one in violations(page, width, rules, whole)]
            if place == 0:  # the check has taken long enough for all of it to have come
                host = urlsplit(product.url).netloc
                broken += [f"{path}: {what}" for what in too_much(answers, host)]
                broken += [f"{path}: {what} escapes" for what in page.evaluate(ESCAPES)]
    assert broken + errors == []
