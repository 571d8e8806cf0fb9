"""The list of trajectories."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from practice.models import Attempt
from practice.queries import trajectories
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
        ("day=nonsense", []),
        ("day=9999-12-31", []),
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


@pytest.mark.parametrize("few", [0, 1, 1_000])
def test_it_finds_each_attempt_with_a_tool_once_however_common_the_tool_is(
    vera_client: Any, round_: Any, monkeypatch: Any, few: int
) -> None:
    monkeypatch.setattr("practice.queries.trajectories.FEW_STEPS", few)
    for name in ("One", "Two"):
        attempt = _attempt(round_, name, tool="cancel_order")
        StepFactory(attempt=attempt, tool="cancel_order", number=2)
    _attempt(round_, "Another")

    context = vera_client.get(f"{URL}?tool=cancel_order").context

    assert [attempt.task.instruction for attempt, _ in context["rows"]] == ["Two", "One"]
    assert context["counts"].total == 2


def test_a_rare_tool_is_not_looked_for_from_attempt_to_attempt(
    vera_client: Any, round_: Any
) -> None:
    """What a planner holds for common it would look for in every attempt there is."""
    _attempt(round_, "Cancel the order", tool="cancel_order")
    with CaptureQueriesContext(connection) as captured:
        vera_client.get(f"{URL}?tool=cancel_order")
    listing = [
        query["sql"]
        for query in captured
        if 'ORDER BY "practice_attempt"."id" DESC' in query["sql"]
    ]
    assert len(listing) == 1
    assert "practice_step" not in listing[0]


@pytest.mark.parametrize(("query", "is_open"), [("", False), ("q=the", False), ("run=5", True)])
def test_it_opens_the_filter_where_a_part_of_it_is_set(
    vera_client: Any, round_: Any, query: str, is_open: bool
) -> None:
    _attempt(round_, "Find the parcel")
    said = vera_client.get(f"{URL}?{query}").content.decode()
    assert ('class="more narrow" open' in said) is is_open


def test_it_counts_labels_within_the_other_filters(vera_client: Any, round_: Any) -> None:
    _attempt(round_, "Find one", label="success")
    _attempt(round_, "Find two", label="failure")
    _attempt(round_, "Lose one", label="failure")

    chips = vera_client.get(f"{URL}?q=Find&label=success").context["chips"]

    assert {chip.label: chip.count for chip in chips} == {"All": 2, "Success": 1, "Failure": 1}


def test_it_reaches_every_row_with_the_true_total(vera_client: Any, round_: Any) -> None:
    for n in range(60):
        _attempt(round_, f"Task {n}")

    url, pages = URL, []
    while url:
        answer = vera_client.get(url)
        pages.append([attempt.pk for attempt, _ in answer.context["rows"]])
        url = answer.context["next_url"]
    back = vera_client.get(answer.context["previous_url"]).context

    assert [len(page) for page in pages] == [25, 25, 10]
    assert len({key for page in pages for key in page}) == 60
    assert "10 of 60 trajectories" in answer.content.decode()
    assert [attempt.pk for attempt, _ in back["rows"]] == pages[1]


def test_it_says_when_it_stopped_counting(
    vera_client: Any, round_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trajectories, "COUNTED", 2)
    for n in range(4):
        _attempt(round_, f"Parcel {n}")

    page = vera_client.get(f"{URL}?q=parcel")
    whole = vera_client.get(page.context["count_all_url"]).context["counts"]

    assert "More than 2 match" in page.content.decode()
    assert (whole.total, whole.is_exact) == (4, True)


def test_it_finds_few_tasks_and_many_alike(
    vera_client: Any, round_: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = [_attempt(round_, f"Parcel {n}").pk for n in range(3)]
    _attempt(round_, "Another")

    def found() -> list[int]:
        return [attempt.pk for attempt, _ in vera_client.get(f"{URL}?q=parcel").context["rows"]]

    assert found() == wanted[::-1]
    monkeypatch.setattr(trajectories, "FEW", 2)
    assert found() == wanted[::-1]


@pytest.mark.parametrize("place", ["x", "-1", "9" * 30, "0"])
def test_it_begins_anew_at_a_place_that_is_none(vera_client: Any, round_: Any, place: str) -> None:
    _attempt(round_, "Find the parcel")

    assert len(vera_client.get(f"{URL}?after={place}").context["rows"]) == 1


@pytest.mark.parametrize(
    "query", ["", "label=failure", "run=5", "environment=desk", "status=queued", "arm=all"]
)
def test_it_tallies_what_counting_would_find(
    vera_client: Any, round_: Any, workspace: Any, query: str
) -> None:
    kept = [_attempt(round_, f"Task {n}", label="failure") for n in range(3)]
    _attempt(round_, "Another")
    Attempt.objects.filter(pk=kept[0].pk).update(label="success", status="validated")
    kept[1].delete()
    other = RoundFactory(run=RunFactory(workspace=workspace, number=6), number=1)
    _attempt(other, "Elsewhere", label="failure")

    asked = trajectories.TrajectoryFilter.from_query(QueryDict(query))
    counted = trajectories.attempt_counts(workspace, asked)

    assert counted.total == asked.apply(workspace).count() > 0


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

    assert queries_of(vera_client, URL) == first <= 15


def test_it_asks_the_database_as_often_for_more_runs(
    vera_client: Any, workspace: Any, round_: Any
) -> None:
    first = queries_of(vera_client, URL)
    for number in range(100, 108):
        RunFactory(workspace=workspace, number=number)

    assert queries_of(vera_client, URL) == first
