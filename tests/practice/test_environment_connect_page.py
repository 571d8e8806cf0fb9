"""Connecting an environment."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToConnect
from practice.models import Environment
from practice.orchestrator.environment_checks import check
from practice.services.environments import environment_reach

STDIO = {
    "name": "Orders desk",
    "transport": "stdio",
    "command": "helpdesk",
    "arguments": "--data\n{workdir}\n",
    "variables": "API_TOKEN=s3cret-value\nREGION=eu",
}
HTTP = {
    "name": "Orders",
    "transport": "http",
    "command": "helpdesk",
    "url": "http://127.0.0.1:9/mcp",
    "headers": "Authorization: Bearer s3cret-value",
}


def test_it_stores_a_local_process_and_rings_for_a_check(
    ada_client: Any, django_capture_on_commit_callbacks: Any, rung: list[Any]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        answer = ada_client.post("/environments/new/", STDIO)

    made = Environment.objects.get()
    assert answer["Location"] == "/environments/orders-desk/"
    assert made.arguments == ["--data", "{workdir}"]
    assert made.open_secrets() == {"API_TOKEN": "s3cret-value", "REGION": "eu"}
    assert made.status == "checking"
    assert ("check_environment", made.pk) in rung


def test_it_shows_names_of_secrets_but_never_values(ada_client: Any) -> None:
    ada_client.post("/environments/new/", STDIO)

    page = ada_client.get("/environments/orders-desk/").content.decode()

    assert "API_TOKEN" in page
    assert "s3cret-value" not in page


def test_it_stores_a_server_reached_by_its_address(ada_client: Any) -> None:
    ada_client.post("/environments/new/", HTTP)

    made = Environment.objects.get()
    assert made.url == "http://127.0.0.1:9/mcp"
    assert made.command == ""
    assert made.open_secrets() == {"Authorization": "Bearer s3cret-value"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"command": "rm -rf /"}, "rm -rf /"),
        ({"variables": "API_TOKEN=1\nnot a pair"}, "Line 2 does not read as NAME=value."),
        ({"variables": "A=1\nNODE_OPTIONS=--import=./x"}, "NODE_OPTIONS could have the command"),
        ({"arguments": "--api-key\nx-3141"}, "Argument 1 (--api-key) looks like a secret."),
        ({"name": "???"}, "An environment needs a name with letters or digits in it."),
        ({"transport": "http", "url": "ftp://desk"}, "must start with http:// or https://"),
        ({"transport": "http", "url": "http://u:p@desk/"}, "Put credentials into a header"),
        ({"transport": "http", "headers": "nothing"}, "Line 1 does not read as Name: value."),
    ],
)
def test_it_refuses_with_a_reason_and_keeps_what_was_typed(
    ada_client: Any, changed: dict[str, str], said: str
) -> None:
    answer = ada_client.post("/environments/new/", STDIO | changed)

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert "--data" in page
    assert not Environment.objects.exists()


def test_it_refuses_a_taken_name(ada_client: Any) -> None:
    ada_client.post("/environments/new/", STDIO)

    answer = ada_client.post("/environments/new/", STDIO)

    assert "There is already an environment named Orders desk." in answer.content.decode()
    assert Environment.objects.count() == 1


def test_it_offers_commands_by_name_without_their_command_line(
    ada_client: Any, settings: Any
) -> None:
    settings.MCP_COMMANDS = {"git": ("uvx", "mcp-server-git")}

    page = ada_client.get("/environments/new/").content.decode()

    assert '<option value="git">git</option>' in page
    assert "mcp-server-git" not in page


def test_it_is_for_admins_only(rita_client: Any, vera_client: Any) -> None:
    assert rita_client.post("/environments/new/", STDIO).status_code == 403
    assert vera_client.get("/environments/new/").status_code == 403
    assert not Environment.objects.exists()


def test_a_variable_that_was_stored_before_it_was_refused_starts_nothing(ada_client: Any) -> None:
    ada_client.post("/environments/new/", STDIO)
    made = Environment.objects.get()
    made.keep_secrets({"LD_PRELOAD": "./x.so"})
    made.save()

    check(made.pk)

    made.refresh_from_db()
    assert made.status == "unreachable"
    assert "LD_PRELOAD could have the command load or run something else" in made.message
    assert "./x.so" not in made.message


def test_nor_can_it_be_set_later(ada_client: Any) -> None:
    ada_client.post("/environments/new/", STDIO)
    made = Environment.objects.get()

    with pytest.raises(UnableToConnect, match="GIT_SSH_COMMAND"):
        environment_reach(environment=made, by=None, secrets={"GIT_SSH_COMMAND": "sh -c x"})

    made.refresh_from_db()
    assert "GIT_SSH_COMMAND" not in made.secret_names
