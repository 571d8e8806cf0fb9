"""The whole product as ``make up`` runs it, and Debian's Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync")
START_SECONDS = 90


@dataclass
class Product:
    """A running Greenroom: its address, its first operator's password, its processes."""

    url: str
    password: str
    data: Path
    process: subprocess.Popen[str]

    def pids_of(self, name: str) -> list[int]:
        """Process ids below the supervisor whose command line contains ``name``."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", name],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_product(data: Path, **env: str) -> Product:
    """Start the product as a user would, and wait until it says that it is ready."""
    clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "memoryapp.project.up"],
        cwd=ROOT,
        env={
            **clean,
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
            "GREENROOM_DATA_DIR": str(data),
            "PORT": str(free_port()),
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said, password = [], ""
    deadline = time.monotonic() + START_SECONDS
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if match := re.search(r"Password\s+(\S+)", line):
            password = match[1]
        if match := re.search(r"ready: (http://\S+)", line):
            return Product(match[1], password, data, process)
        assert time.monotonic() < deadline, "".join(said)
    raise AssertionError("The product did not start:\n" + "".join(said))


def stop_product(product: Product) -> None:
    product.process.send_signal(signal.SIGINT)
    product.process.wait(40)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    data = Path(tempfile.mkdtemp(prefix="gr-product-"))
    # Root's database user must be able to walk into it.
    data.chmod(0o755)
    # A short lease lets the test that kills the worker see the work taken over soon.
    running = start_product(data, UNIT_LEASE_SECONDS="6", SWEEP_SECONDS="2")
    yield running
    stop_product(running)
    shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("CHROMIUM IS NOT INSTALLED: no browser test runs. apt-get install chromium")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *QUIET]
        )
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser, product: Product) -> Iterator[Page]:
    """A signed-in page that fails its test when the browser's console shows an error."""
    context = browser.new_context(base_url=product.url, viewport={"width": 1440, "height": 900})
    opened = context.new_page()
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
    sign_in(opened, product)
    yield opened
    context.close()
    assert errors == []


def sign_in(page: Any, product: Product) -> None:
    page.goto("/login/")
    page.get_by_label("Username").fill("operator")
    page.get_by_label("Password").fill(product.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
