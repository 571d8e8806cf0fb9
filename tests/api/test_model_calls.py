"""Model calls, prices and prompts over the API."""

from __future__ import annotations

from typing import Any

import pytest

from practice.models import ModelPrice, PromptVersion
from tests.factories import CallFactory, EnvironmentFactory, RunFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


def test_it_lists_calls_by_filter_without_what_was_said(workspace: Any, with_key: Any) -> None:
    run = RunFactory(workspace=workspace, number=7_007)
    call = CallFactory(run=run)
    CallFactory(run=run, role="solver")
    CallFactory(run=RunFactory(workspace=WorkspaceFactory(slug="other")))

    answer = with_key("read").get("/api/v1/model-calls?role=validator&run=7007")

    (row,) = answer.json()["results"]
    assert (row["id"], row["run"], row["cost"]) == (call.pk, 7_007, "0.012500")
    assert "request" not in row


def test_it_gives_one_call_with_what_was_said(workspace: Any, with_key: Any) -> None:
    call = CallFactory(run=RunFactory(workspace=workspace), cost=None)

    row = with_key("read").get(f"/api/v1/model-calls/{call.pk}").json()

    assert row["request"][0]["content"] == "Judge the attempt."
    assert row["reply"] == call.reply
    assert row["cost"] is None


def test_it_keeps_calls_of_other_workspaces(with_key: Any) -> None:
    call = CallFactory(run=RunFactory(workspace=WorkspaceFactory(slug="other")))

    assert with_key("read").get(f"/api/v1/model-calls/{call.pk}").status_code == 404


@pytest.mark.parametrize("query", ["run=x", "attempt=99999999999", "role=nobody", "status=odd"])
def test_it_refuses_a_filter_that_can_match_nothing(with_key: Any, query: str) -> None:
    assert with_key("read").get(f"/api/v1/model-calls?{query}").status_code == 400


def test_it_lists_the_calls_of_the_investigator(workspace: Any, with_key: Any) -> None:
    call = CallFactory(run=RunFactory(workspace=workspace), role="investigator")

    answer = with_key("read").get("/api/v1/model-calls?role=investigator")

    assert [row["id"] for row in answer.json()["results"]] == [call.pk]


def test_it_gives_the_price_table(workspace: Any, with_key: Any) -> None:
    ModelPrice.objects.create(workspace=workspace, model="gpt-*", input=1, output=2)

    (row,) = with_key("read").get("/api/v1/model-prices").json()

    assert (row["model"], row["output"], row["cached_input"]) == ("gpt-*", "2.000000", None)


def test_it_gives_the_prompts_of_an_environment(workspace: Any, with_key: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    PromptVersion.objects.create(environment=environment, role="solver", number=1, text="T")

    (row,) = with_key("read").get("/api/v1/environments/desk/prompts").json()

    assert (row["role"], row["number"], row["is_active"]) == ("solver", 1, False)
    assert with_key("read").get("/api/v1/environments/nowhere/prompts").status_code == 404
