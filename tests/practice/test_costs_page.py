"""What practice costs by role and run, and when it has paid for itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from practice.models import LedgerEntry, PromptTrial, Unit
from tests.factories import (
    AttemptFactory,
    CallFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
    WorkspaceFactory,
)
from tests.practice.pages import queries_of

URL = "/practice/costs/"


def paid(workspace: Any, *costs: str | None, **run: Any) -> Any:
    row = RunFactory(workspace=workspace, engine="model", **run)
    unit = Unit.objects.create(run=row, stage="solve", round=1)
    for cost in costs:
        LedgerEntry.objects.create(
            run=row,
            unit=unit,
            role="solver",
            model="m",
            requests=1,
            input_tokens=900,
            output_tokens=100,
            cached_tokens=400,
            cost=None if cost is None else Decimal(cost),
        )
    return row


def test_it_adds_up_by_role_and_by_run(vera_client: Any, workspace: Any) -> None:
    run = paid(workspace, "0.40", "0.10")
    paid(workspace, "1.00")
    paid(WorkspaceFactory(slug="other"), "9.00")

    shown = vera_client.get(URL).context

    (solver,) = shown["roles"]
    assert (solver.requests, solver.input_tokens, solver.cached_tokens) == (3, 2_700, 1_200)
    assert solver.total.known == Decimal("1.50")
    assert {row.run.pk: row.total.known for row in shown["runs"]}[run.pk] == Decimal("0.50")


def test_it_says_at_least_where_a_part_is_unknown(vera_client: Any, workspace: Any) -> None:
    paid(workspace, "0.40", None, None)

    page = vera_client.get(URL).content.decode()

    assert "at least $0.40, 2 calls of unknown cost" in page
    assert "2 calls are of unknown cost" in page


def test_it_says_unknown_where_everything_is(vera_client: Any, workspace: Any) -> None:
    paid(workspace, None)

    assert "Unknown. 1,000 tokens" in vera_client.get(URL).content.decode()


def test_it_counts_dry_runs_and_analyses_apart(vera_client: Any, workspace: Any) -> None:
    trial = PromptTrial.objects.create(
        environment=EnvironmentFactory(workspace=workspace), role="validator", text="x"
    )
    CallFactory(run=None, workspace=workspace, trial=trial, cost=Decimal("0.20"))
    CallFactory(run=None, workspace=workspace, role="investigator", cost=Decimal("0.30"))

    shown = vera_client.get(URL).context

    assert [(part.name, part.total.known) for part in shown["aside"]] == [
        ("Dry runs of prompts", Decimal("0.20")),
        ("Root-cause analyses", Decimal("0.30")),
    ]
    assert shown["total"].known == Decimal("0.50")
    assert not shown["roles"]


def test_it_compares_with_the_paper_where_the_ledger_is_empty(vera_client: Any) -> None:
    page = vera_client.get(URL)

    compared = page.context["compared"]
    assert compared.tasks == 46
    assert compared.construction_source == "paper, AppWorld"
    assert "arXiv 2605.13880" in page.content.decode()


def test_it_takes_the_cost_of_practice_from_the_ledger(vera_client: Any, workspace: Any) -> None:
    paid(workspace, "3.18")
    paid(workspace, "100.00", kind="experiment")

    compared = vera_client.get(URL, {"per_task": "0.02"}).context["compared"]

    assert (compared.construction, compared.construction_source) == (Decimal("3.18"), "ledger")
    assert compared.tasks == 159


def test_it_never_sets_its_own_ledger_against_the_prices_of_the_paper(
    vera_client: Any, workspace: Any
) -> None:
    paid(workspace, "3.18")

    compared = vera_client.get(URL).context["compared"]

    sources = {compared.construction_source, compared.per_task_source}
    assert sources == {"paper, AppWorld"}


def test_it_estimates_online_learning_from_the_same_roles_in_practice(
    vera_client: Any, workspace: Any
) -> None:
    run = paid(workspace, "3.00")
    LedgerEntry.objects.create(
        run=run, unit=run.units.get(), role="reflector", model="m", requests=1, cost=Decimal("0.20")
    )
    for _ in range(4):
        AttemptFactory(task=TaskFactory(round=RoundFactory(run=run)), label="success")
    free = RunFactory(workspace=workspace)
    AttemptFactory(task=TaskFactory(round=RoundFactory(run=free)), label="success")

    compared = vera_client.get(URL).context["compared"]

    assert (compared.construction, compared.per_task) == (Decimal("3.20"), Decimal("0.05"))
    assert compared.per_task_source == "what judging and learning cost per practice attempt"
    assert compared.tasks == 64


def test_it_takes_the_cost_of_online_learning_from_online_runs(
    vera_client: Any, workspace: Any
) -> None:
    paid(workspace, "2.00")
    online = paid(workspace, "0.30", "0.10", kind="online")
    for _ in range(4):
        AttemptFactory(task=TaskFactory(round=RoundFactory(run=online)), label="success")

    compared = vera_client.get(URL).context["compared"]

    assert (compared.per_task, compared.per_task_source) == (Decimal("0.10"), "ledger")
    assert compared.tasks == 20


def test_it_takes_what_the_operator_enters(vera_client: Any, workspace: Any) -> None:
    paid(workspace, "3.18")

    page = vera_client.get(URL, {"construction": "10", "per_task": "0.5"})

    assert page.context["compared"].tasks == 20
    assert "after <b>20 user tasks</b>" in page.content.decode()
    assert "they cross at 20 tasks" in page.content.decode()


@pytest.mark.parametrize("value", ["-1", "x", "1e99", "NaN", "Infinity"])
def test_it_says_what_is_wrong_with_an_entry(vera_client: Any, value: str) -> None:
    page = vera_client.get(URL, {"construction": value, "per_task": "1"})

    assert page.status_code == 200
    assert page.context["form"].errors


def test_it_gives_the_drawing_as_a_table_too(vera_client: Any) -> None:
    page = vera_client.get(URL).content.decode()

    assert "As a table" in page
    assert page.count("<polyline") == 0
    assert 'role="img"' in page


def test_it_asks_the_database_as_often_for_more_runs(vera_client: Any, workspace: Any) -> None:
    paid(workspace, "1.00")
    first = queries_of(vera_client, URL)
    for _ in range(10):
        paid(workspace, "1.00", None)

    assert queries_of(vera_client, URL) == first <= 18


def test_it_is_for_members(client: Any, db: None) -> None:
    assert client.get(URL).status_code == 302


def test_it_shows_no_figure_for_what_cannot_be_compared(vera_client: Any) -> None:
    page = vera_client.get(URL, {"construction": "10", "per_task": "0"})

    assert page.context["compared"] is None
    text = page.content.decode()
    assert "Nothing was computed" in text
    assert "has paid for itself after" not in text
