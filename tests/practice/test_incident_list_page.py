"""The list of incidents, and opening one by hand."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import yaml
from django.test import Client
from django.utils import timezone

from memoryapp.services.tokens import api_key_create
from practice.models import Incident, TelemetrySource
from practice.services.telemetry import source_create
from tests.factories import IncidentFactory
from tests.practice.pages import queries_of

LIST = "/root-causes/"
NEW = "/root-causes/new/"


def address_in(page: Any) -> str:
    """Where the configuration that the page shows sends alerts to."""
    shown = re.search(r'<pre id="alert-url"[^>]*><code>(.*?)</code>', page.content.decode(), re.S)
    assert shown is not None
    given = yaml.safe_load(html.unescape(shown[1]))
    (receiver,) = given["receivers"]
    assert given["route"]["receiver"] == receiver["name"]
    (hook,) = receiver["webhook_configs"]
    return str(hook["url"])


def test_it_teaches_how_alerts_come_in_while_there_is_none(
    vera_client: Any, workspace: Any
) -> None:
    page = vera_client.get(LIST)
    assert address_in(page) == "http://testserver/api/v1/alerts/alertmanager"
    assert "add a source</a> first" in page.content.decode()


@pytest.mark.parametrize("count", [1, 2])
def test_what_it_shows_for_alertmanager_opens_an_incident_of_the_source(
    ada_client: Any, ada: Any, workspace: Any, count: int
) -> None:
    TelemetrySource.objects.create(workspace=workspace, name="A sample", slug="a", is_sample=True)
    for name in ("Shop", "Warehouse")[:count]:
        source_create(workspace=workspace, name=name, by=ada)
    page = ada_client.get(LIST)
    assert ("the page of each other source" in page.content.decode()) == (count > 1)
    _, key = api_key_create(
        workspace=workspace, name="alerts", scopes=["trajectories:write"], by=ada
    )
    firing = {
        "alerts": [{"labels": {"service": "cart"}, "startsAt": timezone.now().isoformat()}],
    }
    sent = Client().post(
        address_in(page),
        firing,
        content_type="application/json",
        headers={"Authorization": f"Bearer {key}"},
    )
    assert sent.status_code == 202, sent.content
    found = Incident.objects.values_list("entry", "source__slug")
    assert list(found) == [("cart", "shop")]


def test_the_page_of_a_source_shows_its_own_address(
    vera_client: Any, ada: Any, workspace: Any
) -> None:
    source = source_create(workspace=workspace, name="Warehouse", by=ada)
    url = "http://testserver/api/v1/alerts/alertmanager?source=warehouse"
    assert address_in(vera_client.get(source.get_absolute_url())) == url


def test_it_filters_with_true_totals(vera_client: Any, workspace: Any) -> None:
    for number in range(3):
        IncidentFactory(workspace=workspace, outcome="found", top_cause=f"service:s{number}")
    done = IncidentFactory(workspace=workspace, status="confirmed", cause="service:ledger")
    context = vera_client.get(LIST).context
    assert [(chip.label, chip.count) for chip in context["chips"]] == [
        ("All", 4),
        ("Not confirmed", 3),
        ("Confirmed", 1),
    ]
    assert list(vera_client.get(f"{LIST}?status=confirmed").context["rows"]) == [done]
    assert len(vera_client.get(f"{LIST}?outcome=found").context["rows"]) == 3
    assert list(vera_client.get(f"{LIST}?cause=ledger").context["rows"]) == [done]
    assert len(vera_client.get(f"{LIST}?q=s1").context["rows"]) == 1
    assert "No incident matches" in vera_client.get(f"{LIST}?q=nothing").content.decode()
    for words, shown in ((30, 1), (31, 0)):  # each is a condition of its own
        assert len(vera_client.get(LIST, {"q": "s1 " * words}).context["rows"]) == shown


def test_next_and_previous_stay_within_the_filter(
    vera_client: Any, olga_client: Any, workspace: Any
) -> None:
    first, other, second, third = (
        IncidentFactory(workspace=workspace, status=status)
        for status in ("open", "dismissed", "open", "open")
    )
    row = vera_client.get(f"{LIST}?status=open").content.decode()
    url = f"{second.get_absolute_url()}?status=open"
    assert f'href="{url}"' in row
    page = vera_client.get(url)
    assert (page.context["previous"], page.context["next"]) == (third, first)
    said = page.content.decode()
    assert f'data-key="j" data-key-label="Next incident" href="{first.get_absolute_url()}?' in said
    assert vera_client.get(second.get_absolute_url()).context["next"] == other
    assert olga_client.get(url).status_code == 404


def test_a_decision_keeps_the_filter(rita_client: Any, workspace: Any) -> None:
    incident = IncidentFactory(workspace=workspace)
    answer = rita_client.post(
        f"{incident.get_absolute_url()}dismiss/?status=open", {"reason": "A drill."}
    )
    assert answer.url == f"{incident.get_absolute_url()}?status=open"


def test_it_shows_nothing_of_another_workspace(olga_client: Any, workspace: Any) -> None:
    IncidentFactory(workspace=workspace)
    assert list(olga_client.get(LIST).context["rows"]) == []


def test_it_takes_as_many_queries_for_more_rows(vera_client: Any, workspace: Any) -> None:
    IncidentFactory(workspace=workspace)
    before = queries_of(vera_client, LIST)
    for _ in range(10):
        IncidentFactory(workspace=workspace)
    assert queries_of(vera_client, LIST) == before


def test_the_rail_counts_what_nobody_decided_on(vera_client: Any, workspace: Any) -> None:
    IncidentFactory(workspace=workspace)
    IncidentFactory(workspace=workspace, status="dismissed")
    nav = {item["label"]: item for group in vera_client.get("/").context["nav"] for item in group}
    assert (nav["Root causes"]["url"], nav["Root causes"]["count"]) == (LIST, 1)


def test_a_reviewer_opens_one_by_hand(rita_client: Any, workspace: Any) -> None:
    asked = {"at": "2026-11-20T09:12", "entry": "web", "title": "Slow"}
    asked |= {"csrfmiddlewaretoken": "sent by every browser"}
    answer = rita_client.post(NEW, asked)
    incident = Incident.objects.get()
    assert answer.url == incident.get_absolute_url()
    assert (incident.title, incident.analyses.count()) == ("Slow", 1)


@pytest.mark.parametrize("at", ["", "soon"])
def test_it_says_what_is_wrong_and_keeps_what_was_typed(
    rita_client: Any, workspace: Any, at: str
) -> None:
    answer = rita_client.post(NEW, {"at": at, "title": "Slow &amp; sad"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert "Slow &amp;amp; sad" in answer.content.decode()
    assert not Incident.objects.exists()


def test_a_viewer_may_not_open_one(vera_client: Any, workspace: Any) -> None:
    assert vera_client.get(NEW).status_code == 403
    assert vera_client.post(NEW, {"at": "2026-11-20T09:12"}).status_code == 403
