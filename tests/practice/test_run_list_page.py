"""The list of runs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from practice.models import LedgerEntry, Unit
from tests.factories import (
    AttemptFactory,
    CandidateFactory,
    EnvironmentFactory,
    MembershipFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
)
from tests.practice.pages import queries_of


def _practised(workspace: Any, **values: Any) -> Any:
    run = RunFactory(workspace=workspace, **values)
    round_ = RoundFactory(run=run, number=1)
    for label in ("success", "success", "failure", "infeasible", ""):
        AttemptFactory(task=TaskFactory(round=round_), label=label)
    unit = Unit.objects.create(run=run, stage="propose", round=1)
    for cost in ("0.25", "0.50"):
        LedgerEntry.objects.create(run=run, unit=unit, role="solver", model="m", cost=Decimal(cost))
    CandidateFactory(playbook=run.playbook, origin_link=run.get_absolute_url())
    return run


def test_it_shows_the_figures_of_a_run(vera_client: Any, workspace: Any) -> None:
    run = _practised(workspace)

    row = vera_client.get("/practice/").context["rows"][0]

    assert (row.run.judged, row.run.success, row.run.failure, row.run.infeasible) == (4, 2, 1, 1)
    assert row.run.newest_round == 1
    assert row.run.cost == Decimal("0.75")
    assert row.new_candidates == 1
    assert str(run) in vera_client.get("/practice/").content.decode()


def test_its_candidates_lead_to_review(vera_client: Any, workspace: Any) -> None:
    run = RunFactory(workspace=workspace, number=7)
    for status in ("pending", "approved"):
        CandidateFactory(
            playbook=run.playbook,
            origin_link=run.get_absolute_url(),
            origin_name=str(run),
            status=status,
        )
    said = vera_client.get("/practice/").content.decode()
    for query, count in (("?status=all&amp;run=7", 2), ("?run=7", 1)):
        assert f'href="/review/{query}">{count}' in said
        listed = vera_client.get(f"/review/{query.replace('&amp;', '&')}").context["queue"]
        assert listed["matching"] == count


def test_it_filters_by_status_with_true_totals(vera_client: Any, workspace: Any) -> None:
    RunFactory(workspace=workspace, number=1, status="finished")
    RunFactory(workspace=workspace, number=2, status="finished")
    RunFactory(workspace=workspace, number=3, status="failed")

    page = vera_client.get("/practice/?status=failed")

    assert [row.run.number for row in page.context["rows"]] == [3]
    assert {chip.label: chip.count for chip in page.context["chips"]} == {
        "All": 3,
        "Finished": 2,
        "Failed": 1,
    }
    assert {chip.label: chip.url for chip in page.context["chips"]} == {
        "All": "/practice/",
        "Finished": "/practice/?status=finished",
        "Failed": "/practice/",  # pressed again, it filters no more
    }


def test_it_filters_by_environment_and_engine(vera_client: Any, workspace: Any) -> None:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    RunFactory(workspace=workspace, number=1, environment=desk, engine="model")
    RunFactory(workspace=workspace, number=2, environment=desk)
    RunFactory(workspace=workspace, number=3)

    rows = vera_client.get("/practice/?environment=desk&engine=rules").context["rows"]

    assert [row.run.number for row in rows] == [2]


def test_it_pages_with_the_true_total(vera_client: Any, workspace: Any) -> None:
    playbook, desk = RunFactory(workspace=workspace).playbook, EnvironmentFactory()
    for _ in range(29):
        RunFactory(workspace=workspace, playbook=playbook, environment=desk)

    page = vera_client.get("/practice/?page=2")

    assert len(page.context["rows"]) == 5
    assert "26 to 30 of 30 runs" in page.content.decode()


def test_it_teaches_when_nothing_was_practised(
    rita_client: Any, vera_client: Any, workspace: Any
) -> None:
    EnvironmentFactory(workspace=workspace, slug="desk", name="Desk")

    assert "/practice/new/?environment=desk" in rita_client.get("/practice/").content.decode()
    page = vera_client.get("/practice/").content.decode()
    assert "/practice/new/" not in page
    assert "A reviewer of the workspace can start one." in page


def test_it_hides_the_runs_of_others(olga_client: Any, workspace: Any) -> None:
    RunFactory(workspace=workspace, number=77)

    assert "Run 77" not in olga_client.get("/practice/").content.decode()


def test_it_turns_strangers_away(client: Any, db: None) -> None:
    assert client.get("/practice/")["Location"].startswith("/login/")


def test_it_asks_the_database_as_often_for_twenty_as_for_ten(
    vera_client: Any, workspace: Any
) -> None:
    for _ in range(10):
        _practised(workspace, started_by=MembershipFactory(workspace=workspace).user)
    first = queries_of(vera_client, "/practice/")
    for _ in range(10):
        _practised(workspace, started_by=MembershipFactory(workspace=workspace).user)

    assert queries_of(vera_client, "/practice/") == first <= 14
