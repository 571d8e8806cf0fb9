"""Pages with scripts off: each answers, and a playbook can be put in order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect


@pytest.fixture
def plain(published: Any, visit: Callable[..., Page]) -> Page:
    return visit(java_script_enabled=False)


def test_every_page_shows_its_content(plain: Page, pages: list[str]) -> None:
    broken = []
    for path in pages:
        answer = plain.goto(path)
        assert answer is not None
        said = plain.locator("main").inner_text()
        expected = {"/no-such-page/": 404, "/join/": 410}.get(path, 200)
        if answer.status != expected or len(said) < 40:
            broken.append(f"{path}: {answer.status}, {len(said)} characters")
    assert broken == []


def test_a_bullet_is_tagged_found_and_moved(plain: Page) -> None:
    plain.goto("/playbooks/help-desk/")
    plain.locator("tr.bullet a.row-link").first.click()
    plain.get_by_role("link", name="Open full page").click()
    plain.get_by_label("Tags").fill("seen-by-test")
    plain.get_by_role("button", name="Save tags").click()
    expect(plain.locator("#main").get_by_role("link", name="seen-by-test")).to_be_visible()
    plain.goto("/memory/?tag=seen-by-test")
    expect(plain.locator("tr.bullet")).to_have_count(1)
    plain.goto("/playbooks/help-desk/?arrange=1")
    first = plain.locator("tr.bullet .meta code").first.inner_text()
    plain.get_by_role("button", name=re.compile(f"Move {first} (down|up)")).last.click()
    expect(plain.locator(".messages")).to_contain_text(first)


def test_two_bullets_are_shown_merged(plain: Page) -> None:
    plain.goto("/playbooks/help-desk/")
    boxes = plain.locator("tr.bullet input[type=checkbox]")
    assert boxes.count() >= 2
    boxes.nth(0).check()
    boxes.nth(1).check()
    plain.get_by_role("button", name="Merge selected").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Merge 2 bullets")
    expect(plain.locator("ins").first).to_be_attached()


def test_a_filter_is_kept_under_a_name(plain: Page) -> None:
    plain.goto("/memory/?section=apis")
    plain.locator(".views summary").click()
    plain.get_by_label("Save this filter as").fill("Plain view")
    plain.get_by_role("button", name="Save view").click()
    expect(plain.locator(".messages")).to_contain_text("Plain view")


def test_the_queue_is_reached_on_a_phone(plain: Page) -> None:
    plain.set_viewport_size({"width": 360, "height": 800})
    plain.goto("/review/")
    plain.locator("a.place").click()
    queue = plain.get_by_role("region", name="Queue")
    expect(queue.get_by_role("link", name="Progress")).to_be_visible()
    queue.locator("a.item").first.click()
    expect(queue).to_be_hidden()
    expect(plain.get_by_role("heading", level=1)).to_be_visible()


def test_what_is_selected_in_review_is_decided_together(plain: Page) -> None:
    plain.goto("/review/")
    plain.locator("#queue input[name=chosen]").first.check()
    plain.get_by_role("button", name="Decide many").click()
    expect(plain.get_by_role("heading", name="Decide 1 candidate")).to_be_visible()


def test_what_is_selected_in_memory_is_changed_together(plain: Page) -> None:
    plain.goto("/memory/")
    plain.locator("input[name=chosen]").first.check()
    plain.get_by_role("button", name="Change many").click()
    expect(plain.get_by_role("heading", name="Change 1 bullet")).to_be_visible()


def test_settings_that_somebody_else_saved_meanwhile_are_shown_first(
    plain: Page, visit: Callable[..., Page]
) -> None:
    other = visit(java_script_enabled=False)
    for page, description in ((plain, "Typed first, saved last."), (other, "Saved in between.")):
        page.goto("/playbooks/help-desk/")
        page.locator("summary", has_text="Change name or budget").click()
        page.get_by_label("Description").fill(description)
    for page in (other, plain):
        page.locator("form[action$='/change/']").get_by_role("button", name="Save").click()
    expect(plain.get_by_role("alert")).to_contain_text("Saved in between.")
    expect(plain.get_by_label("Description")).to_have_value("Typed first, saved last.")
    plain.locator("form[action$='/change/']").get_by_role("button", name="Save").click()
    expect(plain.get_by_role("alert")).to_have_count(0)
