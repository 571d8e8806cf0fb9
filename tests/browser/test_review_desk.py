"""The review page under a person's hands: lost connections, lost sessions, held keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

WORDS = "My own words, half an hour of them."


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A signed-in page; requests that fail on purpose may stand in its console."""
    return visit()


def opened(page: Page) -> None:
    page.goto("/review/")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def box(page: Page, selector: str) -> Any:
    """The place of what is first on the page."""
    found = page.locator(selector).first.bounding_box()
    assert found is not None
    return found


def edit(page: Page) -> Any:
    opened(page)
    page.keyboard.press("e")
    field = page.get_by_label("Your wording")
    expect(field).to_be_focused()
    field.fill(WORDS)
    return field


def test_each_column_scrolls_alone_and_keeps_its_width(published: Any, page: Page) -> None:
    page.set_viewport_size({"width": 1440, "height": 420})
    opened(page)
    assert page.evaluate("document.documentElement.scrollHeight") == 420
    # What a step answered has the line to itself, up to its end.
    step, answer = box(page, ".step.cited"), box(page, ".step.cited .answered")
    assert answer["width"] > step["width"] - 64
    page.keyboard.press("e")  # a click in the first moments is taken for a second one
    expect(page.get_by_label("Your wording")).to_be_visible()
    for width in (1440, 1024, 768, 360):
        page.set_viewport_size({"width": width, "height": 420})
        for button in page.locator(".decide .btn").all():
            place: Any = button.bounding_box()
            assert place["x"] + place["width"] <= width, (width, place)


def test_text_of_another_direction_is_read_from_its_own_side(published: Any, page: Page) -> None:
    opened(page)
    first_is_right_of_last = """(shown) => {
      shown.textContent = "בדוק create_refund אולא";
      const text = shown.firstChild;
      const at = (place) => {
        const range = document.createRange();
        range.setStart(text, place);
        range.setEnd(text, place + 1);
        return range.getBoundingClientRect().x;
      };
      return at(0) > at(text.length - 1);
    }"""
    for place in (".diff", ".item .tx2"):
        assert page.locator(place).first.evaluate(first_is_right_of_last), place


def test_words_survive_a_reload(published: Any, page: Page) -> None:
    edit(page)
    page.reload()
    expect(page.get_by_label("Your wording")).to_have_value(WORDS)


def test_words_survive_a_lost_connection(published: Any, page: Page) -> None:
    field = edit(page)
    page.context.set_offline(True)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("The server cannot be reached")
    expect(field).to_have_value(WORDS)
    page.context.set_offline(False)


def test_words_survive_a_session_that_ran_out(published: Any, page: Page) -> None:
    field = edit(page)
    page.context.clear_cookies(name="sessionid")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("You are signed out")
    expect(field).to_have_value(WORDS)


def test_a_key_held_down_decides_nothing(published: Any, page: Page) -> None:
    opened(page)
    seen = page.locator("#decision input[name=seen]").get_attribute("value")
    page.evaluate(
        "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', repeat: true, "
        "bubbles: true}))"
    )
    page.keyboard.press("3")
    expect(page.locator("#decision input[name=seen]")).to_have_attribute("value", str(seen))


def test_a_key_held_down_still_scrolls_and_walks(published: Any, page: Page) -> None:
    opened(page)
    names = ["ArrowDown", "PageDown", " ", "Tab", "Enter"]
    let_through = page.evaluate(
        "names => names.map((key) => document.body.dispatchEvent(new KeyboardEvent('keydown', "
        "{key, repeat: true, bubbles: true, cancelable: true})))",
        names,
    )
    assert dict(zip(names, let_through, strict=True)) == {
        "ArrowDown": True,
        "PageDown": True,
        " ": True,
        "Tab": True,
        "Enter": False,
    }


def test_the_next_candidate_is_announced_and_the_badge_counts_it(
    published: Any, page: Page
) -> None:
    opened(page)
    badge = page.locator("[data-count=review]").first
    expect(badge).to_have_text("1")
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    expect(badge).to_be_empty()
    expect(page.locator("#queue .qi")).to_have_count(0)
    columns = [page.locator(f"#review {name}").bounding_box() for name in ("#queue", ".ev", ".dec")]
    places = [box["x"] for box in columns if box]
    assert places == sorted(set(places))
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    expect(badge).to_have_text("1")


def test_a_link_pressed_while_a_decision_is_on_its_way_does_not_hide_its_undo(
    published: Any, page: Page
) -> None:
    opened(page)
    waiting: list[Route] = []
    page.route("**/reject/**", lambda route: waiting.append(route))
    page.keyboard.press("3")
    with page.expect_request("**/reject/**"):
        page.keyboard.press("r")
    page.locator("a.item").first.click()
    page.get_by_role("link", name="Edit").click()
    waiting.pop().continue_()
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_a_link_that_gives_way_to_a_decision_is_no_error(published: Any, page: Page) -> None:
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    opened(page)
    page.route("**/review/?*", lambda route: None)  # never answered
    page.locator("#queue a.item[aria-current]").click()
    page.keyboard.press("a")
    expect(page.locator(".undo [role=status]")).to_contain_text("Approved")
    page.unroute_all(behavior="ignoreErrors")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert errors == []


def test_a_decision_without_a_connection_is_made_once_it_is_back(
    published: Any, page: Page
) -> None:
    opened(page)
    seen = page.locator("#decision input[name=seen]").get_attribute("value")
    page.context.set_offline(True)
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("The server cannot be reached")
    expect(page.locator("#decision input[name=seen]")).to_have_attribute("value", str(seen))
    page.context.set_offline(False)
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_what_is_selected_stays_so_when_the_next_one_comes(published: Any, page: Page) -> None:
    opened(page)
    decide = page.get_by_role("button", name="Decide 1 selected")
    page.keyboard.press("x")
    expect(decide).to_be_visible()
    page.locator("a.item").first.click()
    expect(page.locator("h1")).to_be_focused()
    expect(decide).to_be_visible()
    expect(page.locator("#queue input[name=chosen]:checked")).to_have_count(1)
    page.reload()
    expect(decide).to_be_visible()
    page.goto("/memory/")
    page.go_back()
    expect(decide).to_be_visible()
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Decide many")).to_be_visible()


def test_who_opens_the_queue_anew_has_selected_nothing(published: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("x")
    expect(page.get_by_role("button", name="Decide 1 selected")).to_be_visible()
    page.get_by_role("link", name="Memory", exact=True).first.click()
    page.get_by_role("link", name=re.compile("^Review")).first.click()
    expect(page.get_by_role("button", name="Decide many")).to_be_visible()


def test_what_is_selected_is_decided_together(pages: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("x")
    page.get_by_role("button", name="Decide 1 selected").click()
    heading = page.get_by_role("heading", name="Decide 1 candidate")
    expect(heading).to_be_visible()
    table, decide = box(page, "table"), box(page, ".decide-many")
    assert table["x"] + table["width"] <= decide["x"]
    assert box(page, "td.read")["width"] > box(page, "td.judged")["width"]
    page.reload()
    expect(heading).to_be_visible()
    page.go_back()
    expect(page.locator("#queue a.item[aria-current]")).to_be_visible()
    page.go_forward()
    expect(heading).to_be_visible()


def test_keys_on_a_row_of_the_queue_decide_nothing_that_was_not_shown(
    published: Any, page: Page
) -> None:
    opened(page)
    page.locator("#queue input[name=chosen]").first.focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="Decide ")).to_be_visible()
    expect(page.get_by_role("button", name="Reject 1 candidate")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_why_a_decision_was_refused_is_seen_on_a_phone(published: Any, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page)
    page.locator("#decision input[name=seen]").evaluate("field => { field.value = 'older' }")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(450)  # a click right after a candidate has come decides nothing
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("alert")).to_contain_text("has changed meanwhile", timeout=20_000)
    expect(page.get_by_role("alert")).to_be_in_viewport()


def test_code_keeps_its_lines(published: Any, page: Page) -> None:
    page.goto("/design/")
    assert "while cursor:\n    page =" in page.locator(".peek .lead").first.inner_text()


def test_going_back_shows_what_the_address_says(published: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    page.go_back()
    # Nothing waited on the page before, too: it is the new one once the undo is gone.
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    page.wait_for_load_state()
    page.go_forward()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_going_back_after_the_session_ran_out_asks_to_sign_in(published: Any, page: Page) -> None:
    edit(page)
    page.context.clear_cookies(name="sessionid")
    page.go_back()
    expect(page).to_have_url(re.compile(r"/login/\?next="))


def test_the_queue_opens_over_the_page_where_it_is_no_column(published: Any, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    opened(page)
    queue = page.get_by_role("region", name="Queue")
    expect(queue).to_be_hidden()
    page.locator("a.place").click()
    expect(queue).to_be_visible()
    expect(queue.get_by_role("button", name="Decide many")).to_be_visible()
    queue.get_by_role("link", name="Close").click()
    expect(queue).to_be_hidden()
    page.locator("a.place").click()
    queue.locator("a.item").first.click()
    expect(queue).to_be_hidden()


def test_a_note_that_was_left_does_not_stay_in_its_field(published: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("n")
    page.keyboard.type("Asked the team that runs the tool.")
    page.keyboard.press("Control+Enter")
    notes = page.get_by_role("region", name="Notes")
    expect(notes.get_by_text("Asked the team that runs the tool.").first).to_be_visible()
    expect(notes.get_by_role("textbox")).to_have_value("")
    page.reload()
    expect(page.get_by_role("region", name="Notes").get_by_role("textbox")).to_have_value("")


def test_taking_a_decision_back_is_announced(published: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    page.keyboard.press("u")
    expect(page.locator("#review-said")).to_contain_text("The decision was taken back")


def test_a_reason_that_is_sent_from_its_field_rejects(published: Any, page: Page) -> None:
    opened(page)
    page.get_by_label("Reason in your words").fill("True of one shop alone.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_the_tab_names_what_is_read(published: Any, page: Page) -> None:
    opened(page)
    named = page.title()
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    expect(page).to_have_title("Review · Greenroom")
    page.keyboard.press("u")
    expect(page).to_have_title(named)


def test_what_went_wrong_is_over_once_it_was_done(published: Any, page: Page) -> None:
    opened(page)
    page.context.set_offline(True)
    page.keyboard.press("3")
    page.keyboard.press("r")
    expect(page.locator("#toasts")).to_contain_text("The server cannot be reached")
    page.context.set_offline(False)
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    expect(page.locator("#toasts")).to_be_empty()
    page.keyboard.press("u")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()


def test_the_key_sheet_says_what_selecting_selects(published: Any, page: Page) -> None:
    opened(page)
    page.keyboard.press("?")
    sheet = page.locator("#keys-sheet")
    expect(sheet).to_contain_text("Select this candidate")
    expect(sheet.get_by_role("heading", level=3)).to_have_text(
        ["On this page", "Go to", "Everywhere"]
    )
    expect(sheet.locator("section").nth(2)).to_contain_text("Ctrl/⌘KGo to, do or find")


def test_the_keyboard_reaches_the_decision_past_queue_and_evidence(
    published: Any, page: Page
) -> None:
    opened(page)
    skip = page.get_by_role("link", name="Skip to the decision")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(skip.first).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Approve")).to_be_focused()
    words = page.locator("#queue .tx2").first.inner_text()[:12]
    expect(page.get_by_role("checkbox", name=words)).to_have_count(1)


def test_a_row_of_the_queue_is_one_stop_and_x_selects_it(published: Any, page: Page) -> None:
    page.goto("/review/?status=approved")
    rows = page.locator("#queue .qi")
    links, boxes = rows.locator("a.item"), rows.locator("input[name=chosen]")
    links.first.focus()
    page.keyboard.press("Tab")
    expect(links.nth(1)).to_be_focused()
    expect(boxes.nth(1)).to_have_css("opacity", "1")
    page.keyboard.press("x")
    expect(boxes.nth(1)).to_be_checked()
    expect(boxes.first).not_to_be_checked()
    page.keyboard.press("Shift+Tab")
    expect(links.first).to_be_focused()
    page.locator("h1").focus()
    page.keyboard.press("x")
    expect(boxes.first).to_be_checked()  # the one that is read, where no row has the focus
    expect(page.get_by_role("button", name="Decide 2 selected")).to_be_visible()
    boxes.nth(1).click()
    expect(boxes.nth(1)).not_to_be_checked()
    links.nth(1).click()
    expect(links.nth(1)).to_have_attribute("aria-current", "true")
    links.nth(1).focus()
    page.keyboard.press("Tab")
    expect(links.nth(2)).to_be_focused()


def test_without_scripts_the_box_of_a_row_is_reached_by_tab(
    published: Any, visit: Callable[..., Page]
) -> None:
    plain = visit(java_script_enabled=False)
    plain.goto("/review/?status=approved")
    rows = plain.locator("#queue .qi")
    rows.first.locator("a.item").focus()
    plain.keyboard.press("Tab")
    expect(rows.nth(1).locator("input[name=chosen]")).to_be_focused()
    plain.keyboard.press("Space")
    expect(rows.nth(1).locator("input[name=chosen]")).to_be_checked()
    plain.keyboard.press("Tab")
    expect(rows.nth(1).locator("a.item")).to_be_focused()
