"""Coverage of tools by practice."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import PullCount
from memoryapp.services.releases import release_publish
from practice.models import PracticeRecord
from tests.factories import (
    BulletFactory,
    CandidateFactory,
    EnvironmentFactory,
    EvidenceFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
    ToolFactory,
)
from tests.practice.pages import queries_of

URL = "/coverage/"


@pytest.fixture
def run(workspace: Any) -> Any:
    desk = EnvironmentFactory(workspace=workspace, slug="desk", name="Desk")
    ToolFactory(environment=desk, name="get_order")
    ToolFactory(environment=desk, name="list_orders")
    ToolFactory(environment=desk, name="old_tool", is_present=False)
    ToolFactory(
        environment=desk,
        name="drop_order",
        annotations={"destructiveHint": True},
        is_enabled=False,
    )
    return RunFactory(workspace=workspace, number=5, environment=desk)


def _practise(run: Any, *calls: tuple[str, bool]) -> None:
    round_ = run.rounds.first() or RoundFactory(run=run, number=1)
    PracticeRecord.objects.create(
        environment=run.environment,
        run=run,
        task=TaskFactory(round=round_),
        category="trivial",
        calls=[list(call) for call in calls],
    )


def test_it_counts_tasks_per_tool(vera_client: Any, run: Any) -> None:
    _practise(run, ("get_order", True), ("get_order", False))
    _practise(run, ("get_order", True))

    lines = {line.tool.name: line for line in vera_client.get(URL).context["lines"]}

    order = lines["get_order"]
    assert (order.practised, order.solved, order.failed) == (2, 1, 1)


def test_it_lists_gaps_first_with_the_reason(vera_client: Any, run: Any) -> None:
    _practise(run, ("get_order", False))

    lines = vera_client.get(URL).context["lines"]

    assert [(line.tool.name, line.reason) for line in lines] == [
        ("drop_order", "Off: it may delete or overwrite data."),
        ("list_orders", "Never practised. The proposer of the next run is told so."),
        ("old_tool", "The server no longer offers it."),
        ("get_order", ""),
    ]


def test_a_tool_that_changed_since_is_a_gap_until_it_worked_again(
    vera_client: Any, run: Any
) -> None:
    _practise(run, ("get_order", False))
    wish = run.environment.steering.create(
        kind="focus", tool="get_order", origin="drift", note="New parameter: owner."
    )

    shown = vera_client.get(URL)

    reasons = {line.tool.name: line.reason for line in shown.context["lines"]}
    assert reasons["get_order"].startswith("Changed since it was practised. New parameter: owner.")
    assert "get_order" not in shown.context["never"]
    wish.ended_at = timezone.now()
    wish.save()
    lines = {line.tool.name: line for line in vera_client.get(URL).context["lines"]}
    assert not lines["get_order"].is_gap


def _cited(run: Any, tool: str, status: str = "pending", world: str = "Desk") -> None:
    candidate = CandidateFactory(playbook=run.playbook, origin_environment=world, status=status)
    EvidenceFactory.create_batch(2, candidate=candidate, tool=tool)


def test_it_counts_candidates_that_cite_a_tool_once(vera_client: Any, run: Any) -> None:
    for status in ("pending", "pending", "approved", "rejected"):
        _cited(run, "get_order", status)
    _cited(run, "get_order", world="Elsewhere")

    page = vera_client.get(URL)

    lines = {line.tool.name: line for line in page.context["lines"]}
    assert (lines["get_order"].waiting, lines["get_order"].approved) == (2, 1)
    assert "of the newest" not in page.content.decode()


def test_it_says_where_it_counts_the_newest_candidates_alone(
    vera_client: Any, run: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("memoryapp.queries.origins.COUNTED", 2)
    monkeypatch.setattr("practice.views.coverage.COUNTED", 2)
    for tool in ("list_orders", "get_order", "get_order"):
        _cited(run, tool)

    page = vera_client.get(URL)

    lines = {line.tool.name: line for line in page.context["lines"]}
    assert (lines["get_order"].waiting, lines["list_orders"].waiting) == (2, 0)
    assert "of the newest 2 of this environment" in page.content.decode()


def test_it_says_who_pulls_it_and_when_a_call_worked_last(
    vera_client: Any, run: Any, ada: Any
) -> None:
    _practise(run, ("get_order", False))
    _practise(run, ("list_orders", True))
    candidate = CandidateFactory(playbook=run.playbook, origin_environment="Desk")
    EvidenceFactory(candidate=candidate, tool="get_order")
    bullet = BulletFactory(playbook=run.playbook)
    bullet.revisions.create(number=2, content="x", section="apis", candidate=candidate)
    release = release_publish(playbook=run.playbook, by=ada)
    PullCount.objects.create(release=release, day=timezone.localdate(), pulls=1)

    page = vera_client.get(URL)

    lines = {line.tool.name: line for line in page.context["lines"]}
    assert (lines["get_order"].pulls, lines["list_orders"].pulls) == (1, 0)
    assert lines["get_order"].verified_at == PracticeRecord.objects.earliest("pk").created_at
    assert lines["list_orders"].verified_at is None
    said = page.content.decode()
    assert "/memory/pulls/?tool=get_order&amp;environment=Desk&amp;days=30" in said
    assert "never worked" in said


def test_it_shows_the_environment_the_address_names(
    vera_client: Any, run: Any, workspace: Any
) -> None:
    EnvironmentFactory(workspace=workspace, slug="zoo", name="Zoo")

    page = vera_client.get(f"{URL}?environment=zoo")

    assert page.context["environment"].slug == "zoo"
    assert "Zoo has not listed its tools yet." in page.content.decode()


def test_it_offers_a_run_to_reviewers(rita_client: Any, vera_client: Any, run: Any) -> None:
    assert "/practice/new/?environment=desk" in rita_client.get(URL).content.decode()
    assert "/practice/new/" not in vera_client.get(URL).content.decode()


def test_the_gaps_become_what_the_next_run_practises_first(rita_client: Any, run: Any) -> None:
    _practise(run, ("get_order", True))
    ToolFactory(environment=run.environment, name="get_parcel")
    run.environment.steering.create(kind="avoid", tool="get_parcel")
    page = rita_client.get(URL)
    url = "/practice/new/?environment=desk&focus=list_orders"
    assert page.context["start_url"] == url
    assert "Practise the gaps" in page.content.decode()
    assert rita_client.get(url).context["form"]["focus"].value() == "list_orders"


def test_it_shows_nothing_of_others(olga_client: Any, run: Any) -> None:
    page = olga_client.get(URL).content.decode()

    assert "get_order" not in page
    assert "No environment is connected" in page


def test_it_asks_the_database_as_often_for_more_tools_and_records(
    vera_client: Any, run: Any
) -> None:
    _practise(run, ("get_order", False))
    first = queries_of(vera_client, URL)
    for n in range(10):
        ToolFactory(environment=run.environment, name=f"tool_{n}")
        _practise(run, (f"tool_{n}", False))

    assert queries_of(vera_client, URL) == first <= 14
