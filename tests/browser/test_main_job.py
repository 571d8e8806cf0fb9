"""The main job as an operator does it, from the first sign-in to an agent's pull.

One product, practised once with the rules engine on the sample world, while its worker is killed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROUNDS, TASKS, get
from tests.product import Product

ROOT = Path(__file__).resolve().parents[2]


def test_it_finishes_a_run_whose_worker_was_killed(run: Any, product: Product, key: str) -> None:
    assert (run["status"], run["message"]) == ("finished", "")
    attempts = get(product, "/api/v1/attempts?run=1&page_size=200", key)["results"]
    assert len(attempts) == ROUNDS * TASKS
    assert len({a["instruction"] for a in attempts}) == ROUNDS * TASKS
    assert all(a["label"] for a in attempts), [a["message"] for a in attempts if not a["label"]]
    for attempt in attempts:
        steps = get(product, f"/api/v1/attempts/{attempt['id']}", key)["steps"]
        assert [step["number"] for step in steps] == list(range(1, len(steps) + 1))
        assert len(steps) == attempt["step_count"]


def test_it_shows_the_finished_run_without_asking_again(run: Any, page: Page) -> None:
    page.goto("/practice/runs/1/")
    expect(page.get_by_text(f"{ROUNDS} of {ROUNDS} rounds finished")).to_be_visible()
    assert page.locator("[hx-trigger*='every']").count() == 0


def test_it_shows_the_steps_of_a_trajectory(run: Any, page: Page) -> None:
    page.goto("/trajectories/?label=success")
    page.locator("td a[href^='/trajectories/']").first.click()
    expect(page.locator("#step-1")).to_be_visible()
    expect(page.get_by_text("Feasibility").first).to_be_visible()


def test_it_decides_by_keyboard_and_takes_it_back(run: Any, page: Page) -> None:
    page.goto("/review/")
    first = page.locator("#decision input[name=seen]").get_attribute("value")
    page.keyboard.press("a")
    expect(page.locator("p[role=status]").filter(has_text="Approved")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#decision input[name=seen]")).to_have_attribute("value", str(first))


def test_it_wants_a_reason_before_it_rejects(run: Any, page: Page) -> None:
    page.goto("/review/")
    seen = page.locator("#decision input[name=seen]").get_attribute("value")
    page.keyboard.press("r")
    assert page.locator("#decision input[name=seen]").get_attribute("value") == seen
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("p[role=status]").filter(has_text="Rejected")).to_be_visible()
    page.keyboard.press("u")
    expect(page.locator("#decision input[name=seen]")).to_have_attribute("value", str(seen))


def test_it_serves_what_a_person_approved(published: str, product: Product, key: str) -> None:
    pulled = get(product, "/api/v1/playbooks/help-desk", key)
    contents = [b["content"] for section in pulled["sections"] for b in section["bullets"]]
    assert published in contents


@pytest.mark.parametrize("language", ["python", "sh"])
def test_the_readmes_example_works_as_printed(
    published: str, product: Product, key: str, language: str
) -> None:
    blocks = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    code = next(block for block in blocks if "GREENROOM_KEY" in block)
    code = "\n".join(line for line in code.splitlines() if not line.startswith("export"))
    interpreter = [sys.executable, "-c"] if language == "python" else ["sh", "-ec"]
    done = subprocess.run(
        [*interpreter, code],
        env={**os.environ, "GREENROOM_URL": product.url, "GREENROOM_KEY": key},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("# Help desk")
    assert published in done.stdout


def test_it_pauses_resumes_and_cancels(published: str, page: Page) -> None:
    page.goto("/practice/new/?environment=help-desk")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(re.compile(r"/practice/runs/\d+/"))
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused").first).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.locator("#run-cancel").click()
    page.get_by_role("button", name=re.compile("Cancel Run")).click()
    expect(page.get_by_text("Cancelled").first).to_be_visible()


def test_the_api_describes_itself_on_a_page(page: Page) -> None:
    page.goto("/api/v1/docs/")
    # The first to ask waits for the document to be worked out, and on a busy machine for long.
    expect(page.locator(".opblock").first).to_be_visible(timeout=30_000)
