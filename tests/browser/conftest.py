"""The whole product as ``make up`` runs it, and Debian's Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser.pages import with_rows
from tests.product import Product, start_product, stop_product

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
ROUNDS, TASKS = 2, 5
RUN_SECONDS = 120


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the browser tests together and in one worker: they share one running product.

    The product and the browser end with the last of them. Playwright leaves its event loop
    running between two calls, and no test beside these can run another one until it has ended.
    """
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.xdist_group("browser"))
            # Whichever comes first starts the product and waits for its practice.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))
    items.sort(key=lambda item: not item.path.is_relative_to(here))


@pytest.fixture(scope="package")
def product() -> Iterator[Product]:
    data = Path(tempfile.mkdtemp(prefix="gr-product-"))
    # Root's database user must be able to walk into it.
    data.chmod(0o755)
    # A short lease lets the test that kills the worker see the work taken over soon. Sweeps are
    # what an idle product does: at every second one it took a fifteenth of a processor all along.
    running = start_product(data, UNIT_LEASE_SECONDS="6", SWEEP_SECONDS="5")
    yield running
    stop_product(running)
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("CHROMIUM IS NOT INSTALLED: no browser test runs. apt-get install chromium")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *QUIET]
        )
        yield running
        running.close()


@pytest.fixture(scope="package")
def operator(browser: Browser, product: Product) -> Any:
    """What a browser keeps of an operator who signed in: to do so takes longer than most tests."""
    context = browser.new_context(base_url=product.url)
    sign_in(context.new_page(), product)
    kept = context.storage_state()
    context.close()
    return kept


@pytest.fixture
def visit(browser: Browser, product: Product, operator: Any) -> Iterator[Callable[..., Page]]:
    """Opens pages for the operator, each in a browser that has cached nothing."""
    opened: list[BrowserContext] = []

    def open_page(**options: Any) -> Page:
        wide: Any = {"viewport": {"width": 1440, "height": 900}, **options}
        opened.append(browser.new_context(base_url=product.url, storage_state=operator, **wide))
        return opened[-1].new_page()

    yield open_page
    for context in opened:
        context.close()


@pytest.fixture
def page(visit: Callable[..., Page]) -> Iterator[Page]:
    """A signed-in page that fails its test when the browser's console shows an error."""
    opened = visit()
    errors: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        # A refused decision answers 4xx on purpose and Chromium logs each one.
        if (
            message.type == "error"
            and "the server responded with a status of 4" not in message.text
        ):
            errors.append(message.text)

    opened.on("console", listen)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    opened.context.close()  # what it says while it ends counts too
    assert errors == []


def sign_in(page: Any, product: Product) -> None:
    """Sign in; once more where so many did within a minute that the server asks to wait."""
    for _ in range(8):
        page.goto("/login/")
        if "/login/" not in page.url:
            return
        page.get_by_label("Username").fill("operator")
        page.get_by_label("Password").fill(product.password)
        page.get_by_role("button", name="Sign in").click()
        # On a busy machine the next page may else be asked for by somebody not yet signed in.
        with suppress(PlaywrightTimeoutError):
            page.wait_for_url(lambda url: "/login/" not in url, timeout=10_000)
            return
    raise AssertionError(f"Nobody could sign in: {page.locator('main').inner_text()[:500]}")


def get(product: Product, path: str, key: str) -> Any:
    request = urllib.request.Request(product.url + path, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture(scope="package")
def desk(browser: Browser, product: Product, operator: Any) -> Any:
    """A signed-in page that lives as long as the product, for what is done once."""
    return browser.new_context(base_url=product.url, storage_state=operator).new_page()


@pytest.fixture(scope="package")
def key(desk: Page) -> str:
    """An API key made in the browser: it is shown once."""
    desk.goto("/settings/keys/")
    desk.get_by_label("Name").fill("agent in the tests")
    for scope in ("Pull playbooks", "Read everything"):
        desk.get_by_label(scope).check()
    desk.get_by_role("button", name="Create key").click()
    shown = desk.locator("#new-key").inner_text().strip()
    desk.goto("/settings/keys/")
    assert shown not in desk.content()
    return shown


@pytest.fixture(scope="package")
def run(desk: Page, product: Product, key: str) -> Any:
    """A finished run whose worker was killed in the middle."""
    desk.goto("/environments/help-desk/")
    expect(desk.get_by_text("Connected").first).to_be_visible(timeout=90_000)
    desk.goto("/practice/new/?environment=help-desk")
    desk.get_by_label("Rounds", exact=True).fill(str(ROUNDS))
    desk.get_by_label("Tasks per round", exact=True).fill(str(TASKS))
    desk.get_by_role("button", name="Start the run").click()
    desk.wait_for_url(re.compile(r"/practice/runs/1/"))
    expect(desk.locator("#run-pause")).to_be_visible()
    deadline = time.monotonic() + RUN_SECONDS
    while not get(product, "/api/v1/attempts?run=1", key)["results"]:
        assert time.monotonic() < deadline, "no attempt was queued"
        time.sleep(0.2)
    (worker,) = product.pids_of("celery.* worker")
    os.killpg(worker, signal.SIGKILL)
    while (state := get(product, "/api/v1/runs/1", key))["status"] == "running":
        assert time.monotonic() < deadline, "the run did not finish"
        time.sleep(0.5)
    return state


@pytest.fixture(scope="package")
def published(run: Any, browser: Browser, product: Product, operator: Any, key: str) -> str:
    """Decide with scripts off and publish. Returns the words of a bullet that was reworded.

    One candidate is left waiting for the tests of the review page.
    """
    page = browser.new_context(
        base_url=product.url, storage_state=operator, java_script_enabled=False
    ).new_page()
    page.goto("/review/")
    page.get_by_role("link", name="Edit").click()
    words = page.get_by_role("textbox").filter(has_text=re.compile(r"\w{4}")).first
    kept = words.input_value() + " Checked by a person."
    words.fill(kept)
    page.get_by_role("button", name="Approve").click()
    while len(get(product, "/api/v1/candidates?status=pending", key)["results"]) > 1:
        page.get_by_role("button", name="Approve").click()
    page.goto("/playbooks/help-desk/?tab=releases")
    page.get_by_role("button", name="Publish v1").click()
    expect(page.get_by_text("v1").first).to_be_visible()
    return kept


@pytest.fixture(scope="package")
def pages(published: Any, product: Product) -> list[str]:
    """The address of every page, once the product has something to show on each."""
    return with_rows(product)
