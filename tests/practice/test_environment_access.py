"""Changing what an environment is reached with, while somebody else does the same."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event
from practice.models import Environment
from practice.services.environments import environment_reach
from tests.factories import EnvironmentFactory

pytestmark = pytest.mark.django_db
URL = "/environments/desk/access/"


@pytest.fixture(params=["stdio", "http"])
def desk(request: Any, workspace: Any, edda: Any) -> Environment:
    made = EnvironmentFactory(workspace=workspace, slug="desk", transport=request.param)
    return environment_reach(environment=made, secrets={"A": "first-value"}, by=edda)


def typed(environment: Environment, text: str) -> dict[str, str]:
    if environment.transport == "stdio":
        return {"variables": text}
    return {"headers": text.replace("=", ": ")}


def test_it_replaces_only_the_values_its_reader_saw(
    ada_client: Any, edda: Any, desk: Environment
) -> None:
    """The names are the same, and no page shows the values."""
    page = ada_client.get(URL)
    assert "<code>A</code>" in page.content.decode()
    asked = typed(desk, "A=mine") | {"seen": page.context["form"]["seen"].value()}
    environment_reach(environment=desk, secrets={"A": "of-edda"}, by=edda)

    answer = ada_client.post(URL, asked)

    assert answer.status_code == 409
    desk.refresh_from_db()
    assert desk.open_secrets() == {"A": "of-edda"}
    said = answer.content.decode()
    assert "stored as" in said
    assert "of-edda" not in said
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    form = answer.context["form"]
    (field,) = typed(desk, "")
    assert form[field].value() == asked[field]
    again = asked | {"seen": form["seen"].value()}
    for _ in range(2):  # a second click takes nothing away
        assert ada_client.post(URL, again).status_code == 302
    desk.refresh_from_db()
    assert desk.open_secrets() == {"A": "mine"}


def test_what_was_sent_without_having_been_read_takes_nothing_away(
    ada_client: Any, desk: Environment
) -> None:
    assert ada_client.post(URL).status_code == 409
    desk.refresh_from_db()
    assert desk.open_secrets() == {"A": "first-value"}


def test_other_slots_are_no_other_access(ada_client: Any, desk: Environment) -> None:
    seen = ada_client.get(URL).context["form"]["seen"].value()
    Environment.objects.update(slots=2)
    asked = typed(desk, "A=mine") | {"seen": seen}
    assert ada_client.post(URL, asked).status_code == 302
    event = Event.objects.filter(kind="environment.reached_anew").first()
    assert event is not None
    assert event.data["before"]["slots"] == event.data["after"]["slots"] == 2


def test_a_pack_has_nothing_to_change(ada_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace, slug="desk", transport="pack")
    page = ada_client.get(URL)
    assert (page.status_code, page.context["form"]) == (200, None)
    assert ada_client.post(URL, {"variables": "A=1"}).status_code == 422
