"""What was said to models: the list and one call."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from practice.models import ModelCall, Unit
from tests.factories import (
    AttemptFactory,
    CallFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
    WorkspaceFactory,
)
from tests.practice.pages import queries_of

LIST = "/practice/calls/"


@pytest.fixture
def run(workspace: Any) -> Any:
    return RunFactory(workspace=workspace, engine="model", number=7_007)


def test_it_filters_by_role_model_status_and_run(vera_client: Any, run: Any) -> None:
    mine = CallFactory(run=run)
    CallFactory(run=run, role="solver")
    CallFactory(run=run, model="other")
    CallFactory(run=run, error="The provider limits requests.", reply=[])
    CallFactory(run=RunFactory(workspace=run.workspace, engine="model", number=7_008))

    asked = f"{LIST}?role=validator&model=gpt-5-mini&status=answered&run=7007"
    page = vera_client.get(asked)

    assert [call.pk for call, _ in page.context["rows"]] == [mine.pk]
    assert [(c.label, c.count) for c in page.context["chips"]] == [
        ("All", 2),
        ("Answered", 1),
        ("Failed", 1),
    ]


def test_it_shows_the_calls_of_one_day(vera_client: Any, run: Any) -> None:
    mine, other = CallFactory(run=run), CallFactory(run=run)
    ModelCall.objects.filter(pk=mine.pk).update(created_at="2026-11-03T12:00:00Z")
    ModelCall.objects.filter(pk=other.pk).update(created_at="2026-11-04T00:00:00Z")

    page = vera_client.get(f"{LIST}?day=2026-11-03")

    assert [call.pk for call, _ in page.context["rows"]] == [mine.pk]


@pytest.mark.parametrize(
    "query", ["day=x", "run=x", "attempt=99999999999", "role=nobody", "run=%00"]
)
def test_it_finds_nothing_for_what_cannot_be(vera_client: Any, run: Any, query: str) -> None:
    CallFactory(run=run)

    answer = vera_client.get(f"{LIST}?{query}")

    assert answer.status_code == 200
    if query != "run=%00":
        assert not answer.context["rows"]


def test_it_asks_the_database_as_often_for_more_calls(vera_client: Any, run: Any) -> None:
    CallFactory(run=run)
    first = queries_of(vera_client, LIST)
    for _ in range(10):
        CallFactory(run=RunFactory(workspace=run.workspace, engine="model"))

    assert queries_of(vera_client, LIST) == first <= 16


def test_it_shows_a_call_with_prompt_reply_tokens_time_and_cost(vera_client: Any, run: Any) -> None:
    call = CallFactory(run=run)

    page = vera_client.get(call.get_absolute_url()).content.decode()

    for said in (
        "Judge the attempt.",
        "The task was &lt;b&gt;this&lt;/b&gt;.",
        "&quot;completion&quot;: 4",
        "1,200",
        "1.4 s",
        "$0.01",
        "built-in 0a1b2c3d",
        "Request as stored",
    ):
        assert said in page, said


def test_it_shows_what_was_said_before(vera_client: Any, run: Any) -> None:
    unit = Unit.objects.create(run=run, stage="solve", round=1)
    CallFactory(run=run, unit=unit, role="solver")
    CallFactory(run=run, unit=unit, role="solver", error="429", reply=[])
    last = CallFactory(
        run=run,
        unit=unit,
        role="solver",
        request=[
            {"role": "earlier", "messages": 2},
            {"role": "tool", "name": "list_tickets", "content": "T-1"},
        ],
    )

    page = vera_client.get(last.get_absolute_url())

    assert [part.title for part in page.context["earlier"]] == [
        "Instructions",
        "Message",
        "Tool call",
    ]
    assert [part.name for part in page.context["request_parts"]] == ["list_tickets"]


def test_it_says_that_a_cost_is_unknown_and_where_to_set_the_price(
    vera_client: Any, run: Any
) -> None:
    call = CallFactory(run=run, cost=None)

    page = vera_client.get(call.get_absolute_url()).content.decode()

    assert "unknown" in page
    assert "/settings/models/?model=gpt-5-mini" in page


def test_it_shows_the_calls_of_an_attempt_on_its_trajectory(vera_client: Any, run: Any) -> None:
    attempt = AttemptFactory(task=TaskFactory(round=RoundFactory(run=run)))
    CallFactory(run=run, attempt=attempt, cost=Decimal("0.50"))
    CallFactory(run=run, attempt=attempt, cost=None)

    page = vera_client.get(attempt.get_absolute_url()).content.decode()

    assert "at least $0.50, 1 call of unknown cost" in page
    assert f"/practice/calls/?attempt={attempt.pk}" in page


def test_it_keeps_calls_from_other_workspaces_and_strangers(
    vera_client: Any, olga_client: Any, client: Any, run: Any
) -> None:
    call = CallFactory(run=run)
    other = CallFactory(run=RunFactory(workspace=WorkspaceFactory(slug="other")))

    assert vera_client.get(other.get_absolute_url()).status_code == 404
    assert olga_client.get(call.get_absolute_url()).status_code == 404
    assert client.get(call.get_absolute_url()).status_code == 302
    assert not olga_client.get(LIST).context["rows"]
