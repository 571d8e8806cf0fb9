"""What agents said of bullets, task by task."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from memoryapp.models import Report, Vote
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/votes/"


@pytest.fixture
def bullet(workspace: Any) -> Any:
    return BulletFactory(playbook=PlaybookFactory(workspace=workspace, slug="desk"))


def said(bullet: Any, release: Any, value: str, task: str, day: int = 3) -> Vote:
    report = Report.objects.create(release=release, task=task, agent="helpdesk", outcome="success")
    vote = Vote.objects.create(report=report, bullet=bullet, value=value, evidence="It worked.")
    Vote.objects.filter(pk=vote.pk).update(created_at=datetime(2026, 11, day, tzinfo=UTC))
    return vote


def rows(client: Any, query: str = "") -> list[Any]:
    return list(client.get(URL + query).context["rows"])


def test_it_lists_votes_by_day_value_bullet_and_agent(
    vera_client: Any, bullet: Any, ada: Any
) -> None:
    other = BulletFactory(playbook=bullet.playbook)
    release = release_publish(playbook=bullet.playbook, by=ada)
    good = said(bullet, release, "helpful", "T-1")
    bad = said(other, release, "harmful", "T-2", day=4)
    assert rows(vera_client) == [bad, good]
    assert rows(vera_client, "?day=2026-11-03") == [good]
    assert rows(vera_client, "?answer=harmful") == [bad]
    assert rows(vera_client, f"?playbook=desk&bullet={bullet.label}") == [good]
    assert rows(vera_client, "?playbook=desk&release=1&agent=helpdesk") == [bad, good]
    assert rows(vera_client, "?release=x") == []
    page = vera_client.get(URL).content.decode()
    assert "It worked." in page
    assert bullet.content in page


def test_it_leads_here_from_a_bullet(vera_client: Any, bullet: Any) -> None:
    page = vera_client.get(bullet.get_absolute_url()).content.decode()
    assert f"/memory/votes/?playbook=desk&amp;bullet={bullet.label}&amp;answer=helpful" in page


def test_it_hides_other_workspaces(olga_client: Any, bullet: Any, ada: Any) -> None:
    said(bullet, release_publish(playbook=bullet.playbook, by=ada), "helpful", "T-1")
    assert rows(olga_client) == []


def test_it_shows_how_to_report_while_nobody_has(vera_client: Any, bullet: Any, ada: Any) -> None:
    assert 'href="/playbooks/">Open playbooks</a>' in vera_client.get(URL).content.decode()
    release_publish(playbook=bullet.playbook, by=ada)
    command = vera_client.get(URL).context["try_it"]
    words = shlex.split(command.replace("\\\n", " "))
    told, url = words[words.index("-d") + 1], words[-1]
    _, key = api_key_create(
        workspace=bullet.playbook.workspace, name="agent", scopes=["feedback:write"], by=ada
    )
    answer = Client(headers={"Authorization": f"Bearer {key}"}).post(
        urlsplit(url).path, json.loads(told), content_type="application/json"
    )
    assert (answer.status_code, answer.json()["refused"]) == (200, [])
    assert [vote.bullet for vote in rows(vera_client)] == [bullet]
