"""The page of one environment."""

from __future__ import annotations

from typing import Any

from memoryapp.domain.seen import shown
from practice.models import EnvironmentTool
from practice.services.tools import switch_of
from tests.factories import EnvironmentFactory, RunFactory, TaskFactory, ToolFactory


def test_it_lists_tools_with_effect_and_reason_to_be_off(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=environment, name="read_it")
    ToolFactory(
        environment=environment,
        name="drop_it",
        annotations={"destructiveHint": True},
        is_enabled=False,
    )
    ToolFactory(environment=environment, name="guess_it", annotations={}, is_enabled=False)

    page = vera_client.get("/environments/desk/").content.decode()

    assert "1 on of 3 tools offered" in page
    assert "2 tools are off because they may destroy something" in page
    assert "Off: it may delete or overwrite data." in page
    assert "not annotated" in page
    assert "Turn on" not in page


def test_it_shows_thousands_of_tools_in_parts_and_finds_one(
    ada_client: Any, workspace: Any
) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    like = ToolFactory.build(environment=environment, description="Reads.")
    columns = {f.attname: getattr(like, f.attname) for f in EnvironmentTool._meta.fields}
    columns.pop("id")
    EnvironmentTool.objects.bulk_create(
        EnvironmentTool(**{**columns, "name": f"tool_{n:03}", "is_enabled": n != 204})
        for n in range(205)
    )

    first = ada_client.get("/environments/desk/")
    last = ada_client.get("/environments/desk/?tools=2").content.decode()
    found = ada_client.get("/environments/desk/?tool=TOOL_204").content.decode()

    page = first.content.decode()
    assert "204 on of 205 tools offered" in page
    assert (page.count('class="tool"'), last.count('class="tool"')) == (200, 5)
    assert "1 to 200 of 205 tools" in page
    assert 'href="?tools=2#tools"' in page
    assert found.count('class="tool"') == 1
    url = "/environments/desk/tools/tool_204/allow/"
    seen = shown(switch_of(environment.tools.get(name="tool_204")))
    asked = {"allowed": "on", "accepts": "read", "seen": seen}
    turned = ada_client.post(url, asked, follow=True)
    assert "?tool=tool_204#tool-" in turned.redirect_chain[0][0]
    assert "tool_204 is on for runs" in turned.content.decode()


def test_it_reads_the_schema_out_as_parameters(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(
        environment=environment,
        input_schema={
            "type": "object",
            "properties": {
                "tags": {"type": "array", "items": {"type": "string"}},
                "state": {"enum": ["open", "closed"], "default": "open"},
                "count": {"type": ["integer", "null"], "minimum": 1},
            },
            "required": ["tags"],
        },
    )

    page = vera_client.get("/environments/desk/").content.decode()

    assert "list of string" in page
    assert "one of open, closed" in page
    assert "default open" in page
    assert "integer or null" in page
    assert "at least 1" in page


def test_it_survives_a_schema_that_is_no_schema(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    schemas: list[Any] = [[], {"properties": []}, {"properties": {"a": True}, "required": "a"}]
    for schema in schemas:
        ToolFactory(
            environment=environment, input_schema=schema, schema_hash="0", problem="No schema."
        )

    page = vera_client.get("/environments/desk/").content.decode()

    assert page.count("Unusable") == 3
    assert "No schema." in page


def test_it_shows_the_message_of_the_last_check_in_full(vera_client: Any, workspace: Any) -> None:
    message = "The server ended at once. It said: " + "no such table; " * 40
    EnvironmentFactory(workspace=workspace, slug="desk", status="unreachable", message=message)

    assert message in vera_client.get("/environments/desk/").content.decode()


def test_it_polls_only_while_it_is_checked(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk", status="checking")
    asked = {"HTTP_HX_REQUEST": "true"}

    assert "every 2s" in vera_client.get("/environments/desk/").content.decode()
    assert vera_client.get("/environments/desk/", **asked).status_code == 204

    environment.status = "connected"
    environment.save()
    part = vera_client.get("/environments/desk/", **asked).content.decode()
    assert "every 2s" not in part
    assert "<html" not in part
    assert "Connected" in part


def test_it_shows_what_was_learned_and_where(vera_client: Any, workspace: Any) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    run = RunFactory(workspace=workspace, environment=environment, number=4)
    task = TaskFactory(round__run=run, instruction="Find the late parcel")
    environment.facts.create(run=run, task=task, text="Orders have the states open and sent.")

    page = vera_client.get("/environments/desk/").content.decode()

    assert "Orders have the states open and sent." in page
    assert "Find the late parcel" in page
    assert "/practice/runs/4/" in page


def test_it_does_not_exist_for_others(olga_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace, slug="desk")

    assert olga_client.get("/environments/desk/").status_code == 404
