"""Turning a tool on and off."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.seen import shown
from memoryapp.models import Event
from practice.services.tools import switch_of, tool_allow
from tests.factories import EnvironmentFactory, ToolFactory

URL = "/environments/desk/tools/files/drop_it/allow/"
ALLOW = {"allowed": "on", "accepts": "destructive"}


@pytest.fixture
def tool(workspace: Any) -> Any:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    return ToolFactory(
        environment=environment,
        name="files/drop_it",
        annotations={"destructiveHint": True},
        is_enabled=False,
    )


def as_seen(tool: Any) -> dict[str, str]:
    return ALLOW | {"seen": shown(switch_of(tool))}


def test_it_turns_a_tool_on_and_off(ada_client: Any, tool: Any) -> None:
    answer = ada_client.post(URL, as_seen(tool))
    tool.refresh_from_db()
    assert answer["Location"] == f"/environments/desk/#tool-{tool.pk}"
    assert tool.is_enabled

    ada_client.post(URL, {"allowed": "off"})
    tool.refresh_from_db()
    assert not tool.is_enabled


def test_it_answers_htmx_with_the_tool_alone(ada_client: Any, tool: Any) -> None:
    part = ada_client.post(URL, as_seen(tool), HTTP_HX_REQUEST="true").content.decode()

    assert "<html" not in part
    assert f'id="tool-{tool.pk}"' in part
    assert "Turn off" in part


def test_it_refuses_a_tool_with_a_broken_schema_beside_the_tool(ada_client: Any, tool: Any) -> None:
    tool.problem = "The input schema is no object."
    tool.save()

    answer = ada_client.post(URL, as_seen(tool), HTTP_HX_REQUEST="true")

    assert answer.status_code == 422
    assert "files/drop_it cannot be used" in answer.content.decode()
    page = ada_client.post(URL, as_seen(tool), follow=True).content.decode()
    assert "files/drop_it cannot be used" in page


def test_it_is_for_admins_only(rita_client: Any, olga_client: Any, tool: Any) -> None:
    assert rita_client.post(URL, ALLOW).status_code == 403
    assert olga_client.post(URL, ALLOW).status_code == 404
    tool.refresh_from_db()
    assert not tool.is_enabled


def test_it_turns_nothing_on_that_was_harmless_when_the_page_was_loaded(
    ada_client: Any, tool: Any
) -> None:
    page = ada_client.post(URL, as_seen(tool) | {"accepts": "write"}, follow=True)

    assert "accept that it is destructive, not write" in page.content.decode()
    tool.refresh_from_db()
    assert not tool.is_enabled


@pytest.mark.parametrize("htmx", [True, False])
def test_it_turns_on_only_what_its_reader_saw(ada_client: Any, tool: Any, htmx: bool) -> None:
    """A server may describe a tool otherwise between the reading and the click."""
    page = ada_client.get("/environments/desk/")
    (card,) = page.context["cards"]
    assert f'name="seen" value="{card.seen}"' in page.content.decode()
    type(tool).objects.update(description="Sends the files elsewhere.", schema_hash="f" * 64)
    headers = {"HX-Request": "true"} if htmx else {}
    answer = ada_client.post(URL, ALLOW | {"seen": card.seen}, headers=headers)
    assert answer.status_code == 409
    said = answer.content.decode()
    assert "Nothing was saved" in said
    assert "Sends the files elsewhere." in said
    tool.refresh_from_db()
    assert not tool.is_enabled
    assert f'name="seen" value="{shown(switch_of(tool))}"' in said
    assert ada_client.post(URL, as_seen(tool), headers=headers).status_code < 400
    tool.refresh_from_db()
    assert tool.is_enabled


def test_turning_off_is_never_refused_and_is_written_down_once(
    ada_client: Any, edda: Any, tool: Any
) -> None:
    seen = shown(switch_of(tool))
    for _ in range(2):  # a second click asks for what the first one did
        tool_allow(tool=tool, allowed=True, accepts="destructive", by=edda, seen=seen)
    assert Event.objects.filter(kind="tool.allowed").count() == 1
    for _ in range(2):
        ada_client.post(URL, {"allowed": "off", "seen": "older"})
    tool.refresh_from_db()
    assert not tool.is_enabled
    assert Event.objects.filter(kind="tool.forbidden").count() == 1
