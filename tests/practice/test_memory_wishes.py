"""Steering the proposer on its page."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event
from practice.models import Steering
from practice.services.steering import SEEDS_MOST
from tests.practice.memories import desk

URL = "/environments/desk/memory/wishes/"


@pytest.fixture
def environment(workspace: Any) -> Any:
    return desk(workspace, "get_order", "refund_order")


def test_it_asks_for_a_tool_and_writes_it_down(rita_client: Any, environment: Any) -> None:
    page = rita_client.post(URL, {"kind": "focus", "tool": "get_order", "note": "Before May"})

    assert page.url == "/environments/desk/memory/?tab=wishes"
    wish = environment.steering.get()
    assert (wish.kind, wish.tool, wish.note, wish.created_by.username) == (
        "focus",
        "get_order",
        "Before May",
        "rita",
    )
    assert Event.objects.get(kind="steering.added").data["after"]["asked"] == "focus"


def test_it_goes_back_to_the_tab_it_was_asked_on(rita_client: Any, environment: Any) -> None:
    page = rita_client.post(URL, {"kind": "avoid", "tool": "get_order", "back": "tools"})

    assert page.url == "/environments/desk/memory/?tab=tools"


def test_it_keeps_a_seed_task_without_hidden_characters(rita_client: Any, environment: Any) -> None:
    rita_client.post(URL, {"kind": "seed_task", "instruction": " Refund\u200b an order. "})

    assert environment.steering.get().instruction == "Refund an order."


def test_lines_of_a_seed_task_are_stored_as_they_are(rita_client: Any, environment: Any) -> None:
    """Browsers send each with a carriage return."""
    for instruction in ("Find one.\r\nRefund it.", "Find one.\nRefund it."):
        rita_client.post(URL, {"kind": "seed_task", "instruction": instruction})

    assert environment.steering.get().instruction == "Find one.\nRefund it."


def test_it_asks_for_no_tool_that_is_off_and_may_leave_it_alone(
    rita_client: Any, environment: Any
) -> None:
    environment.tools.filter(name="get_order").update(is_enabled=False)

    page = rita_client.post(URL, {"kind": "focus", "tool": "get_order"})

    assert "get_order is off, so no round can practise it." in page.content.decode()
    assert not environment.steering.exists()
    rita_client.post(URL, {"kind": "avoid", "tool": "get_order"})
    assert environment.steering.get().kind == "avoid"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "focus", "tool": "no_such_tool"}, "Desk has no tool no_such_tool."),
        ({"kind": "seed_task", "instruction": " "}, "A seed task needs a text"),
        ({"kind": "seed_task", "instruction": "x" * 2001}, "at most 2,000 characters"),
        ({"kind": "dance", "tool": "get_order"}, "The wish must be one of"),
    ],
)
def test_it_says_why_a_wish_cannot_be_kept_and_loses_no_text(
    rita_client: Any, environment: Any, asked: dict[str, str], said: str
) -> None:
    page = rita_client.post(URL, {**asked, "note": "Typed text"})

    assert page.status_code == 409
    assert said in page.content.decode()
    assert "Typed text" in page.content.decode()
    assert not environment.steering.exists()


def test_it_keeps_one_standing_wish_per_tool(rita_client: Any, environment: Any) -> None:
    rita_client.post(URL, {"kind": "focus", "tool": "get_order"})

    page = rita_client.post(URL, {"kind": "avoid", "tool": "get_order"})

    assert "already an active wish about get_order" in page.content.decode()
    assert environment.steering.count() == 1


def test_it_keeps_a_bounded_number_of_seed_tasks(rita_client: Any, environment: Any) -> None:
    for n in range(SEEDS_MOST):
        Steering.objects.create(environment=environment, kind="seed_task", instruction=f"Task {n}")

    page = rita_client.post(URL, {"kind": "seed_task", "instruction": "One more"})

    assert "50 seed tasks are waiting" in page.content.decode()


def test_it_ends_a_wish_once_and_keeps_its_row(rita_client: Any, environment: Any) -> None:
    rita_client.post(URL, {"kind": "focus", "tool": "get_order"})
    wish = environment.steering.get()

    assert rita_client.post(f"{URL}{wish.pk}/end/").status_code == 302
    again = rita_client.post(f"{URL}{wish.pk}/end/")

    wish.refresh_from_db()
    assert wish.ended_at is not None
    assert "has ended already" in again.content.decode()
    assert Event.objects.filter(kind="steering.ended").count() == 1


def test_it_is_closed_to_viewers_and_outsiders(
    vera_client: Any, olga_client: Any, environment: Any
) -> None:
    asked = {"kind": "focus", "tool": "get_order"}

    assert vera_client.post(URL, asked).status_code == 403
    assert olga_client.post(URL, asked).status_code == 404


@pytest.mark.parametrize("kind", ["seed_task", "avoid"])
def test_it_masks_a_secret_in_a_wish(rita_client: Any, environment: Any, kind: str) -> None:
    secret = "sk-proj-abcdEFGH1234567890zz"
    rita_client.post(
        URL,
        {
            "kind": kind,
            "tool": "get_order",
            "instruction": f"Sign in with {secret}",
            "note": secret,
        },
    )

    wish = environment.steering.get()
    assert wish.note == "[redacted: api key]"
    assert secret not in wish.instruction
    assert secret not in str(list(Event.objects.values_list("data", flat=True)))
    assert secret not in rita_client.get("/environments/desk/memory/?tab=wishes").content.decode()


def test_it_says_what_a_wish_about_no_tool_lacks(rita_client: Any, environment: Any) -> None:
    page = rita_client.post(URL, {"kind": "focus"}).content.decode()

    assert "A wish to focus names a tool: send its name as tool. Nothing was saved." in page


def test_it_names_the_tools_there_are(rita_client: Any, environment: Any) -> None:
    page = rita_client.post(URL, {"kind": "avoid", "tool": "get_oder"}).content.decode()

    assert "Desk has no tool get_oder. Its tools are: get_order, refund_order." in page
