"""Analytics: figures per day, each a link to its rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import PullCount, PullReceipt, Report, Vote
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.releases import release_publish
from practice.models import Attempt, PracticeRecord
from tests.factories import (
    AttemptFactory,
    BulletFactory,
    CallFactory,
    CandidateFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
    ToolFactory,
)
from tests.practice.pages import queries_of

pytestmark = pytest.mark.django_db

URL = "/analytics/"


@pytest.fixture
def run(workspace: Any) -> Any:
    return RunFactory(workspace=workspace)


def attempt(run: Any, label: str, *, days_ago: int = 0) -> Any:
    made = AttemptFactory(task=TaskFactory(round=RoundFactory(run=run)), label=label)
    moment = timezone.now() - timedelta(days=days_ago)
    Attempt.objects.filter(pk=made.pk).update(created_at=moment)
    return made


def charts(client: Any, query: str = "") -> dict[str, Any]:
    return {chart.key: chart for chart in client.get(URL + query).context["charts"]}


def test_it_counts_attempts_per_day_and_leads_to_them(vera_client: Any, run: Any) -> None:
    wanted = attempt(run, "success")
    attempt(run, "failure")
    attempt(run, "failure", days_ago=3)
    attempt(run, "success", days_ago=40)
    chart = charts(vera_client, "?days=7")["attempts"]
    assert len(chart.points) == 7
    assert [tuple(point.values) for point in chart.points][-4:] == [
        (0, 1, 0),
        (0, 0, 0),
        (0, 0, 0),
        (1, 1, 0),
    ]
    assert charts(vera_client, "?days=90")["attempts"].totals == [2, 2, 0]
    rows = vera_client.get(f"{chart.points[-1].url}&label=success").context["rows"]
    assert [row for row, _ in rows] == [wanted]


def test_it_counts_decisions_pulls_words_and_money(
    vera_client: Any, rita: Any, workspace: Any, run: Any
) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    bullet = BulletFactory(playbook=playbook)
    candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    release = release_publish(playbook=playbook, by=rita)
    PullCount.objects.create(release=release, day=timezone.localdate(), pulls=1)
    PullReceipt.objects.create(
        release=release, form="md", pulled_at=timezone.now(), source=run.pk, number=1
    )
    Vote.objects.create(
        report=Report.objects.create(release=release, task="t1"), bullet=bullet, value="helpful"
    )
    CallFactory(workspace=workspace, run=run, cost="0.25")
    page = vera_client.get(URL).context
    totals = {chart.key: chart.totals for chart in page["charts"]}
    assert totals == {
        "decisions": [1, 0],
        "attempts": [0, 0, 0],
        "pulls": [1, 0],
        "votes": [1, 0],
        "spending": [0.25],
    }
    assert page["spoken_of"] == [(bullet, 1, 0)]
    today = {chart.key: chart.points[-1] for chart in page["charts"]}
    for key in ("pulls", "votes", "spending"):
        assert len(vera_client.get(today[key].url).context["rows"]) == 1
        assert len(vera_client.get(today[key].urls[0]).context["rows"]) == 1
    for key in ("pulls", "votes"):
        assert len(vera_client.get(today[key].urls[1]).context["rows"]) == 0
    decided, rejected = today["decisions"].urls
    assert vera_client.get(decided).context["queue"]["matching"] == 1
    assert vera_client.get(today["decisions"].url).context["queue"]["matching"] == 1
    assert vera_client.get(rejected).context["queue"]["matching"] == 0
    yesterday = {chart.key: chart.points[-2] for chart in page["charts"]}["decisions"]
    assert vera_client.get(yesterday.url).context["queue"]["matching"] == 0


def test_what_is_said_of_use_leads_to_just_those(vera_client: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    BulletFactory(playbook=playbook, status="retired")
    never = {use["word"]: use for use in vera_client.get(URL).context["uses"]}["Never used"]
    assert never["count"] == 1
    assert vera_client.get(never["url"]).context["counts"].total == 1


def test_each_word_of_an_agent_leads_to_its_vote(
    vera_client: Any, workspace: Any, rita: Any
) -> None:
    bullet = BulletFactory(playbook=PlaybookFactory(workspace=workspace))
    release = release_publish(playbook=bullet.playbook, by=rita)
    for task, value in (("t1", "helpful"), ("t2", "harmful"), ("t3", "harmful")):
        report = Report.objects.create(release=release, task=task)
        Vote.objects.create(report=report, bullet=bullet, value=value)
    said = vera_client.get(f"{URL}?days=7").content.decode()
    (url,) = re.findall(r'href="([^"]*bullet=[^"]*answer=harmful)">2<', said)
    assert len(vera_client.get(url.replace("&amp;", "&")).context["rows"]) == 2


def test_it_says_the_same_in_a_table(vera_client: Any, run: Any) -> None:
    attempt(run, "success")
    said = vera_client.get(f"{URL}?days=7").content.decode()
    today = timezone.localdate().isoformat()
    assert f'data-day="{today}"' in said
    assert f"/trajectories/?day={today}" in said
    assert "Judged attempts as a table" in said


def test_it_draws_no_line_where_nothing_happened(vera_client: Any, run: Any) -> None:
    said = vera_client.get(URL).content.decode()
    assert "data-day-chart" not in said
    assert "Nobody approved or rejected anything in these days." in said
    assert 'href="/practice/">Open practice</a>' in said


def test_it_writes_money_with_two_decimals(vera_client: Any, workspace: Any, run: Any) -> None:
    CallFactory(run=run, workspace=workspace, cost="0.5")
    CallFactory(run=run, workspace=workspace, cost="0.0125")
    said = vera_client.get(URL).content.decode()
    assert said.count(">$0.51<") == 2, "the day and the sum"


def test_it_gives_overview_a_part(vera_client: Any, run: Any) -> None:
    attempt(run, "success")
    answer = vera_client.get(URL, headers={"HX-Request": "true"})
    said = answer.content.decode()
    assert "<html" not in said
    assert said.count("data-day-chart") == 1
    assert said.count("chart-none") == 2
    assert "Spent on models" in said
    assert "HX-Push-Url" not in answer
    overview = vera_client.get("/?days=7")
    if 'id="trends"' in overview.content.decode():
        assert overview.context["trends_url"] == "/analytics/?days=7"


def test_overview_says_what_is_covered_as_coverage_counts_it(
    vera_client: Any, workspace: Any
) -> None:
    desk = EnvironmentFactory(workspace=workspace, slug="desk", name="Desk")
    for name in ("get_order", "list_orders", "drop_order"):
        ToolFactory(environment=desk, name=name, is_enabled=name != "drop_order")
    for number in range(4):  # as many as are shown, and before it by name
        EnvironmentFactory(workspace=workspace, name=f"Bare {number}")
    run = RunFactory(workspace=workspace, environment=desk)
    task = TaskFactory(round=RoundFactory(run=run))
    PracticeRecord.objects.create(
        environment=desk, run=run, task=task, category="trivial", calls=[["get_order", True]]
    )
    (row,) = vera_client.get(URL, headers={"HX-Request": "true"}).context["covered"]
    page = vera_client.get("/coverage/?environment=desk").context
    assert (row.environment, row.practised, row.tools) == (desk, 1, 3)
    assert (page["practised"], len(page["lines"])) == (1, 3)


@pytest.mark.parametrize("days", ["", "8", "x", "-1"])
def test_it_shows_a_month_where_no_known_period_is_asked(
    vera_client: Any, run: Any, days: str
) -> None:
    assert len(charts(vera_client, f"?days={days}")["decisions"].points) == 30


def test_it_needs_the_same_number_of_queries_for_more_rows(vera_client: Any, run: Any) -> None:
    attempt(run, "success")
    first = queries_of(vera_client, URL)
    for n in range(5):
        attempt(run, "failure", days_ago=n)
    assert queries_of(vera_client, URL) == first <= 16


def test_it_hides_other_workspaces(olga_client: Any, run: Any) -> None:
    attempt(run, "success")
    assert charts(olga_client)["attempts"].totals == [0, 0, 0]


@pytest.mark.parametrize("day", ["x", "2026-13-40", "0000-00-00", "%00"])
def test_it_finds_no_attempt_on_what_is_no_day(vera_client: Any, run: Any, day: str) -> None:
    attempt(run, "success")
    rows = vera_client.get(f"/trajectories/?day={day}").context["rows"]
    assert list(rows) == [] or day == "%00"
