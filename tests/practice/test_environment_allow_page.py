"""Turning a tool on and off."""

from __future__ import annotations

from typing import Any

import pytest

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


def test_it_turns_a_tool_on_and_off(ada_client: Any, tool: Any) -> None:
    answer = ada_client.post(URL, ALLOW)
    tool.refresh_from_db()
    assert answer["Location"] == f"/environments/desk/#tool-{tool.pk}"
    assert tool.is_enabled

    ada_client.post(URL, {"allowed": "off"})
    tool.refresh_from_db()
    assert not tool.is_enabled


def test_it_answers_htmx_with_the_tool_alone(ada_client: Any, tool: Any) -> None:
    part = ada_client.post(URL, ALLOW, HTTP_HX_REQUEST="true").content.decode()

    assert "<html" not in part
    assert f'id="tool-{tool.pk}"' in part
    assert "Turn off" in part


def test_it_refuses_a_tool_with_a_broken_schema_beside_the_tool(ada_client: Any, tool: Any) -> None:
    tool.problem = "The input schema is no object."
    tool.save()

    answer = ada_client.post(URL, ALLOW, HTTP_HX_REQUEST="true")

    assert answer.status_code == 422
    assert "files/drop_it cannot be used" in answer.content.decode()
    page = ada_client.post(URL, ALLOW, follow=True).content.decode()
    assert "files/drop_it cannot be used" in page


def test_it_is_for_admins_only(rita_client: Any, olga_client: Any, tool: Any) -> None:
    assert rita_client.post(URL, ALLOW).status_code == 403
    assert olga_client.post(URL, ALLOW).status_code == 404
    tool.refresh_from_db()
    assert not tool.is_enabled


def test_it_turns_nothing_on_that_was_harmless_when_the_page_was_loaded(
    ada_client: Any, tool: Any
) -> None:
    page = ada_client.post(URL, {"allowed": "on", "accepts": "write"}, follow=True)

    assert "accept that it is destructive, not write" in page.content.decode()
    tool.refresh_from_db()
    assert not tool.is_enabled
