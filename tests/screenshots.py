"""Take the screenshots of ``docs/screenshots``: light, dark and phone, of a product with a story.

python -m tests.screenshots [--into FOLDER] [--only NAME …]
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.conftest import sign_in
from tests.product import ROOT, Product, start_product, stop_product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RUN_SECONDS = 300
#: Name of the picture to the page it shows.
PAGES = {
    "overview": "/",
    "review": "/review/",
    "playbook": "/playbooks/help-desk/",
    "releases": "/playbooks/help-desk/?tab=releases",
    "memory": "/memory/?q=order&sort=best",
    "trajectories": "/trajectories/",
    "trajectory": "/trajectories/1/",
    "run": "/practice/runs/1/",
    "environment": "/environments/help-desk/",
    "coverage": "/coverage/",
    "incident": "/root-causes/1/",
    "keys": "/settings/keys/",
    "audit": "/settings/audit/",
    "design": "/design/",
}
#: What is seen before signing in.
DOORS = {"login": "/login/"}
#: Suffix of the file to theme and viewport. Phone pictures show the whole page.
LOOKS = {"light": ("light", 1440), "dark": ("dark", 1440), "360": ("light", 360)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--into", type=Path, default=ROOT / "docs" / "screenshots")
    options.add_argument("--only", nargs="+", choices=[*DOORS, *PAGES])
    asked = options.parse_args()
    names = asked.only or [*DOORS, *PAGES]
    if CHROMIUM is None:
        sys.exit("Chromium is not installed. On Debian: apt-get install chromium")
    data = Path(tempfile.mkdtemp(prefix="gr-screenshots-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    product = start_product(data)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = opened(browser, product, "light", 1440)
            sign_in(page, product)
            tell_a_story(page)
            for suffix, (theme, width) in LOOKS.items():
                page = opened(browser, product, theme, width)
                for name in (name for name in DOORS if name in names):
                    take(page, DOORS[name], asked.into / f"{name}-{suffix}.png")
                sign_in(page, product)
                for name in (name for name in PAGES if name in names):
                    take(page, PAGES[name], asked.into / f"{name}-{suffix}.png")
                page.context.close()
            browser.close()
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)


def opened(browser: Browser, product: Product, theme: str, width: int) -> Page:
    context = browser.new_context(base_url=product.url, viewport={"width": width, "height": 900})
    context.add_cookies([{"name": "theme", "value": theme, "url": product.url}])
    return context.new_page()


def tell_a_story(page: Page) -> None:
    """Two runs of the sample; most of what they taught decided, published and labelled."""
    page.goto("/environments/help-desk/")
    expect(page.get_by_text("Connected").first).to_be_visible(timeout=90_000)
    _practise(page, 1)
    for place in range(200):
        page.goto("/review/")
        waiting = page.locator(".queue .qi").count()
        if waiting <= 6:
            break
        if place % 6 == 4:
            page.keyboard.press("2")
            page.keyboard.press("r")
        else:
            page.keyboard.press("a")
        expect(page.locator("#review-said")).not_to_be_empty()
    page.goto("/playbooks/help-desk/?tab=releases")
    page.get_by_role("button", name=re.compile("Publish v1")).click()
    expect(page.locator(".messages")).to_contain_text("is published")
    _practise(page, 2)
    page.goto("/settings/keys/")
    page.get_by_label("Name").fill("Agents in production")
    page.get_by_label("Pull playbooks").check()
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#new-key")).to_be_visible()


def _practise(page: Page, number: int) -> None:
    page.goto("/practice/new/?environment=help-desk")
    page.get_by_label("Rounds", exact=True).fill("3")
    page.get_by_label("Tasks per round", exact=True).fill("6")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(rf"/practice/runs/{number}/"))
    deadline = time.monotonic() + RUN_SECONDS
    while page.locator("#run-pause").count():
        assert time.monotonic() < deadline, f"run {number} did not finish"
        page.wait_for_timeout(1_000)
        page.reload()


def take(page: Page, path: str, into: Path) -> None:
    answer: Any = page.goto(path)
    assert answer is not None, path
    assert answer.status == 200, f"{path} answered {answer.status}"
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    into.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=into, animations="disabled")


if __name__ == "__main__":
    main()
