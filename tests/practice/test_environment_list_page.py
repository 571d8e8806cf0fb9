"""The list of environments."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import EnvironmentFactory, ToolFactory
from tests.practice.pages import queries_of


def test_it_shows_status_and_tools_turned_on(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, name="Orders", status="unreachable")
    ToolFactory(environment=environment)
    ToolFactory(environment=environment, is_enabled=False)
    ToolFactory(environment=environment, is_present=False)

    page = vera_client.get("/environments/").content.decode()

    assert "Orders" in page
    assert "Unreachable" in page
    assert "1 of 2" in page


def test_it_offers_connecting_to_admins_only(vera_client: Any, ada_client: Any) -> None:
    assert "/environments/new/" not in vera_client.get("/environments/").content.decode()
    assert "/environments/new/" in ada_client.get("/environments/").content.decode()


@pytest.mark.parametrize(
    "address", ["/environments/", "/practice/", "/practice/new/", "/practice/experiments/new/"]
)
def test_it_says_who_may_connect_one(rita_client: Any, edda_client: Any, address: str) -> None:
    said = "An editor or admin of the workspace can connect one."
    assert said in rita_client.get(address).content.decode()
    assert said not in edda_client.get(address).content.decode()


def test_it_hides_the_environments_of_others(olga_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace, name="Orders")

    assert "Orders" not in olga_client.get("/environments/").content.decode()


def test_it_asks_the_database_as_often_for_twenty_as_for_ten(
    vera_client: Any, workspace: Any
) -> None:
    for _ in range(10):
        ToolFactory(environment=EnvironmentFactory(workspace=workspace))
    first = queries_of(vera_client, "/environments/")
    for _ in range(10):
        ToolFactory(environment=EnvironmentFactory(workspace=workspace))

    assert queries_of(vera_client, "/environments/") == first <= 12


def test_it_says_how_each_transport_is_reached(vera_client: Any, workspace: Any) -> None:
    for transport, url, options in (
        ("openapi", "http://a.example.com/openapi.json", {}),
        ("openapi", "", {"base_url": "http://b.example.com"}),
        ("openapi", "", {"found_base_url": "http://c.example.com"}),
        ("pack", "", {"pack": "bfcl", "scenario": 1}),
    ):
        EnvironmentFactory(workspace=workspace, transport=transport, url=url, options=options)

    page = vera_client.get("/environments/").content.decode()

    for shown in ("http://a.example.com/openapi.json", "http://b.", "http://c.", ">bfcl<"):
        assert shown in page


def test_an_editor_loads_the_help_desk_where_there_is_none(
    edda_client: Any, rita_client: Any, edda: Any, workspace: Any
) -> None:
    assert rita_client.post("/practice/sample/").status_code == 403
    assert "Load the sample help desk" in edda_client.get("/environments/").content.decode()
    for _ in range(2):
        answer = edda_client.post("/practice/sample/")
        made = workspace.environments.get(is_sample=True)
        assert answer.url == made.get_absolute_url()
    assert workspace.playbooks.get().slug == "help-desk"
    connected = workspace.events.get(kind="environment.connected")
    assert connected.actor == edda


def test_it_says_why_the_help_desk_could_not_be_loaded(edda_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace, slug="help-desk", is_sample=False)
    page = edda_client.post("/practice/sample/", follow=True).content.decode()
    assert "There is already an environment named Help desk." in page
    assert not workspace.environments.filter(is_sample=True).exists()
