"""Overview: how to begin, what waits, what is served."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import PullCount
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import (
    BulletFactory,
    CandidateFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db

URL = "/"


def ticks(client: Any) -> list[bool]:
    return [step["done"] for step in client.get(URL).context["steps"]]


def test_it_names_the_workspace_once(vera_client: Any, workspace: Any) -> None:
    head, _, rest = vera_client.get(URL).content.decode().partition('<main id="main"')
    assert f"<small>{workspace.name}</small>" in head
    assert f">{workspace.name}<" not in rest


def test_it_ticks_each_step_by_what_it_left_behind(
    rita_client: Any, workspace: Any, rita: Any
) -> None:
    assert ticks(rita_client) == [False] * 5
    environment = EnvironmentFactory(workspace=workspace)
    assert ticks(rita_client) == [True] + [False] * 4
    playbook = PlaybookFactory(workspace=workspace)
    RunFactory(workspace=workspace, environment=environment, playbook=playbook)
    assert ticks(rita_client) == [True] * 2 + [False] * 3
    candidate_approve(candidate=CandidateFactory(playbook=playbook), by=rita)
    assert ticks(rita_client) == [True] * 3 + [False] * 2
    release = release_publish(playbook=playbook, by=rita, label="production")
    key, _ = api_key_create(workspace=workspace, name="Agent", scopes=["read"], by=rita)
    key.last_used_at = timezone.now()
    key.save()
    assert ticks(rita_client) == [True] * 4 + [False], "a key that was used did not pull yet"
    PullCount.objects.create(release=release, day=timezone.now().date(), pulls=1)
    assert ticks(rita_client) == [True] * 5
    assert "From nothing to an agent" not in rita_client.get(URL).content.decode()


def test_it_marks_the_next_step(rita_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace)
    page = rita_client.get(URL)
    steps = page.context["steps"]
    assert [step["title"] for step in steps if step["is_next"]] == ["Start a run"]
    said = page.content.decode()
    assert "1 of 5 done" in said
    assert [step["text"] in said for step in steps] == [False] + [True] * 4


def test_it_shows_what_waits_with_links(rita_client: Any, workspace: Any) -> None:
    candidates = CandidateFactory.create_batch(7, playbook=PlaybookFactory(workspace=workspace))
    assert rita_client.get(URL).context["desk"] == []
    waiting = rita_client.get(URL).context["waiting"]
    assert (waiting["total"], len(waiting["next"])) == (7, 5)
    assert waiting["next"][0]["url"] == candidates[0].get_absolute_url()


def test_it_says_what_waits_for_the_reader_alone(
    rita_client: Any, vera_client: Any, workspace: Any, rita: Any
) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    CandidateFactory(playbook=playbook, assigned_to=rita)
    CandidateFactory(playbook=playbook)
    CandidateFactory(playbook=playbook, status="approved", audit="due", decided_at=timezone.now())
    desk = rita_client.get(URL).context["desk"]
    assert [(count, words) for count, words, _ in desk] == [
        (1, "assigned to you"),
        (1, "to be audited"),
    ]
    for count, _, url in desk:
        assert rita_client.get(url).context["queue"]["matching"] == count
    assert [words for _, words, _ in vera_client.get(URL).context["desk"]] == ["to be audited"]


def test_what_was_decided_and_moved_leads_there(
    rita_client: Any, workspace: Any, rita: Any
) -> None:
    EnvironmentFactory(workspace=workspace)
    candidate = CandidateFactory(playbook=PlaybookFactory(workspace=workspace, slug="desk"))
    candidate_approve(candidate=candidate, by=rita)
    release_publish(playbook=candidate.playbook, by=rita, label="production")
    said = rita_client.get(URL).content.decode()
    assert f'href="{candidate.get_absolute_url()}"' in said
    assert 'href="/playbooks/desk/labels/production/"' in said


def test_it_offers_a_run_to_who_may_start_one(
    rita_client: Any, vera_client: Any, workspace: Any
) -> None:
    RunFactory(workspace=workspace, ended_at=timezone.now(), status="finished")
    link = 'href="/practice/new/"'
    assert link in rita_client.get(URL).content.decode()
    assert link not in vera_client.get(URL).content.decode()


def test_it_says_to_connect_an_environment_where_none_came_with_the_workspace(
    rita_client: Any, workspace: Any
) -> None:
    def first() -> tuple[str, str, str]:
        step = rita_client.get(URL).context["steps"][0]
        return step["title"], step["text"], step["url"]

    title, text, url = first()
    assert (title, url) == ("Connect an environment", "/environments/")
    assert "from the start" not in text

    own = EnvironmentFactory(workspace=workspace, slug="own", is_sample=False)
    assert first() == (
        "Check the environment",
        "A tool server to practise in.",
        own.get_absolute_url(),
    )

    EnvironmentFactory(workspace=workspace, slug="help-desk", is_sample=True)
    assert first()[1].endswith("The sample help desk is connected from the start.")
    assert first()[2] == "/environments/help-desk/"


def test_the_first_steps_lead_where_their_reader_may_go(
    rita_client: Any, vera_client: Any, workspace: Any
) -> None:
    for client in (rita_client, vera_client):
        for step in client.get(URL).context["steps"]:
            assert client.get(step["url"]).status_code == 200, step["url"]


def test_it_shows_live_runs_with_how_far_they_are(rita_client: Any, workspace: Any) -> None:
    run = RunFactory(workspace=workspace)
    RunFactory(workspace=workspace, ended_at=timezone.now(), status="finished")
    (row,) = rita_client.get(URL).context["runs"]
    assert (row["run"], row["round"], row["rounds"], row["attempts_total"]) == (run, 1, 2, 6)


def test_it_gives_every_number_a_list(rita_client: Any, workspace: Any, rita: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    BulletFactory(playbook=playbook, status="retired")
    release_publish(playbook=playbook, by=rita, label="production")
    context = rita_client.get(URL).context
    for figure in context["figures"]:
        assert rita_client.get(figure["url"]).status_code == 200, figure["label"]
    in_use = context["figures"][0]
    assert in_use["value"] == "1"
    assert rita_client.get(in_use["url"]).context["counts"].total == 1
    assert context["released"][0]["release"].number == 1


def test_it_hides_other_workspaces(olga_client: Any, workspace: Any, rita: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    CandidateFactory(playbook=playbook)
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=rita)
    context = olga_client.get(URL).context
    assert context["waiting"]["total"] == 0
    assert list(context["released"]) == []
    assert list(context["decided"]) == []


def test_it_needs_the_same_number_of_queries_for_more_rows(
    rita_client: Any, workspace: Any, rita: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            playbook = PlaybookFactory(workspace=workspace)
            BulletFactory(playbook=playbook)
            CandidateFactory(playbook=playbook)
            RunFactory(workspace=workspace, playbook=playbook)
            release_publish(playbook=playbook, by=rita, label="production")

    add(10)
    with django_assert_num_queries(26):
        rita_client.get(URL)
    add(10)
    with django_assert_num_queries(26):
        rita_client.get(URL)
