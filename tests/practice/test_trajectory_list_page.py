"""The list of trajectories."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
)
from tests.practice.pages import queries_of

URL = "/trajectories/"


@pytest.fixture
def round_(workspace: Any) -> Any:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    return RoundFactory(run=RunFactory(workspace=workspace, number=5, environment=desk), number=1)


def _attempt(round_: Any, instruction: str, tool: str = "get_order", **values: Any) -> Any:
    attempt = AttemptFactory(task=TaskFactory(round=round_, instruction=instruction), **values)
    StepFactory(attempt=attempt, tool=tool, number=1)
    return attempt


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["Wait", "Cancel the order", "Find the parcel"]),
        ("label=success", ["Find the parcel"]),
        ("label=unjudged", ["Wait"]),
        ("status=step_limit", ["Cancel the order"]),
        ("status=queued&run=5", ["Wait"]),
        ("tool=cancel_order", ["Cancel the order"]),
        ("q=the+PARCEL", ["Find the parcel"]),
        ("run=6", []),
        ("run=six", []),
        ("environment=desk&label=failure", ["Cancel the order"]),
        ("q=%00", ["Wait", "Cancel the order", "Find the parcel"]),
    ],
)
def test_it_filters_by_what_the_address_asks(
    vera_client: Any, round_: Any, query: str, found: list[str]
) -> None:
    _attempt(round_, "Find the parcel", label="success", status="curated")
    _attempt(
        round_,
        "Cancel the order",
        tool="cancel_order",
        label="failure",
        status="not_admitted",
        outcome="step_limit",
    )
    _attempt(round_, "Wait")

    rows = vera_client.get(f"{URL}?{query}").context["rows"]

    assert [attempt.task.instruction for attempt, _ in rows] == found


def test_it_counts_labels_within_the_other_filters(vera_client: Any, round_: Any) -> None:
    _attempt(round_, "Find one", label="success")
    _attempt(round_, "Find two", label="failure")
    _attempt(round_, "Lose one", label="failure")

    chips = vera_client.get(f"{URL}?q=Find&label=success").context["chips"]

    assert {chip.label: chip.count for chip in chips} == {"All": 2, "Success": 1, "Failure": 1}


def test_it_pages_with_the_true_total(vera_client: Any, round_: Any) -> None:
    for n in range(30):
        _attempt(round_, f"Task {n}")

    page = vera_client.get(f"{URL}?page=2")

    assert len(page.context["rows"]) == 5
    assert "26 to 30 of 30 trajectories" in page.content.decode()


def test_it_hides_the_trajectories_of_others(olga_client: Any, round_: Any) -> None:
    _attempt(round_, "Find the parcel")

    assert "Find the parcel" not in olga_client.get(URL).content.decode()


def test_it_says_when_nothing_matches(vera_client: Any, round_: Any) -> None:
    assert "No trajectory matches" in vera_client.get(f"{URL}?q=zzz").content.decode()


def test_it_asks_the_database_as_often_for_twenty_as_for_ten(vera_client: Any, round_: Any) -> None:
    for n in range(10):
        _attempt(round_, f"Task {n}", label="success")
    first = queries_of(vera_client, URL)
    for n in range(10):
        _attempt(round_, f"Another {n}", label="failure")

    assert queries_of(vera_client, URL) == first <= 14
