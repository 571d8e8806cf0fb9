"""A service that moves: its credential goes to the host that an operator saw, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from memoryapp.models import Event
from practice.agents.ports import EnvironmentUnavailable
from practice.domain.plans import Plan
from practice.models import Environment
from practice.orchestrator import worlds
from practice.services.snapshots import snapshot_take
from tests.practice.runs import connected, driven, started
from tests.practice.servers.shelf import DOCUMENT, KEY, Shelf, lending
from tests.practice.shops import library

URL = "/environments/library/access/"
ACCESS = {"scheme": "header", "parameter": "X-API-Key", "reset": "POST /reset"}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with lending() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Shelf]:
    """Another host: whoever listens there would read the credential."""
    with lending() as running:
        yield running


def moved_to(shelf: Shelf, address: str) -> None:
    shelf.document = {**DOCUMENT, "servers": [{"url": address}]}


def stored(client: Any, **changed: str) -> Any:
    seen = client.get(URL).context["form"]["seen"].value()
    return client.post(URL, ACCESS | {"credential": ""} | changed | {"seen": seen})


def test_a_check_stops_where_the_document_names_another_host(
    ada_client: Any, workspace: Any, rita: Any, shelf: Shelf, other: Shelf
) -> None:
    environment = library(workspace, shelf)
    moved_to(shelf, other.url)

    connected(environment)

    assert environment.status == Environment.Status.UNREACHABLE
    assert f"Its document sends calls to {other.url}" in environment.message
    assert environment.options["found_base_url"] == f"{shelf.url}/"
    page = ada_client.get("/environments/library/").content.decode()
    assert "Nothing was sent there." in page
    assert "enter the new address under Address, credential and reset" in page
    assert other.calls == []
    # What it says once more is no other word, and it goes on by itself when it is put right.
    assert connected(environment).status == Environment.Status.UNREACHABLE
    shelf.document = DOCUMENT
    assert connected(environment).status == Environment.Status.CONNECTED


def test_a_run_goes_on_at_the_host_that_was_seen(
    workspace: Any, rita: Any, shelf: Shelf, other: Shelf
) -> None:
    run = started(library(workspace, shelf), rita)
    moved_to(shelf, other.url)
    assert driven(run).status == "finished"
    assert other.calls == []


def test_the_first_check_stops_where_the_credential_was_given_for_another_host(
    workspace: Any, shelf: Shelf, other: Shelf
) -> None:
    moved_to(shelf, other.url)
    environment = library(workspace, shelf)
    assert environment.status == Environment.Status.UNREACHABLE
    assert "another host than" in environment.message
    assert "found_base_url" not in environment.options


def test_without_a_credential_the_first_check_takes_what_the_document_says(
    workspace: Any, shelf: Shelf, other: Shelf
) -> None:
    moved_to(shelf, other.url)
    environment = library(workspace, shelf, scheme="", parameter="", credential="")
    assert environment.options["found_base_url"] == other.url
    moved_to(shelf, "http://127.0.0.1:9")
    assert connected(environment).status == Environment.Status.UNREACHABLE


def test_another_path_of_the_same_host_is_taken_as_it_comes(workspace: Any, shelf: Shelf) -> None:
    environment = library(workspace, shelf)
    moved_to(shelf, f"{shelf.url}/v2")
    assert connected(environment).options["found_base_url"] == f"{shelf.url}/v2"
    assert environment.status == Environment.Status.CONNECTED


def test_a_person_who_moves_it_enters_the_credential_once_more(
    ada_client: Any, workspace: Any, rita: Any, shelf: Shelf, other: Shelf
) -> None:
    """Or whoever may edit could have a stored credential sent to themselves."""
    environment = library(workspace, shelf)
    assert f'value="{shelf.url}/"' in ada_client.get(URL).content.decode()

    refused = stored(ada_client, base_url=other.url)

    assert refused.status_code == 422
    assert "enter one for this host" in refused.content.decode()
    environment.refresh_from_db()
    assert environment.calls_go_to == f"{shelf.url}/"

    assert stored(ada_client, base_url=other.url, credential=KEY).status_code == 302
    run = driven(started(connected(environment), rita))
    assert run.status == "finished"
    assert other.resets == run.attempts.count() > 0
    event = Event.objects.get(kind="environment.reached_anew")
    assert event.data["before"]["calls go to"] == f"{shelf.url}/"
    assert event.data["after"]["calls go to"] == other.url


def test_an_address_left_as_it_is_or_empty_stays(
    ada_client: Any, workspace: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf)
    for address in ("", f"{shelf.url}/"):
        assert stored(ada_client, base_url=address).status_code == 302
        environment.refresh_from_db()
        assert "base_url" not in environment.options
        assert environment.open_secrets() == {"credential": KEY}
    assert stored(ada_client, base_url="http://169.254.169.254/").status_code == 422


def test_a_snapshot_of_another_host_begins_no_run(
    ada_client: Any, workspace: Any, ada: Any, shelf: Shelf, other: Shelf
) -> None:
    """The credential that is stored now was not given for the host of that time."""
    environment = library(workspace, shelf)
    snapshot = snapshot_take(environment=environment, by=ada)
    plan = Plan(tools={})
    worlds.world_of(environment, plan, snapshot)
    stored(ada_client, base_url=other.url, credential="for the other")
    environment.refresh_from_db()
    with pytest.raises(EnvironmentUnavailable, match="Take a new snapshot"):
        worlds.world_of(environment, plan, snapshot)
