"""Connecting tool environments and deciding which of their tools practice may call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToConnect
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from practice.models import Environment, EnvironmentTool
from practice.tasks import check_environment


def commands() -> list[str]:
    """Names of the commands the operator's settings allow."""
    return sorted(settings.MCP_COMMANDS)


def seeds() -> list[str]:
    """Names of the seed folders that may be copied for an attempt."""
    folder = Path(settings.SEED_DIR)
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())


def environment_connect(
    *,
    workspace: Workspace,
    name: str,
    transport: str,
    by: Any,
    command: str = "",
    arguments: Sequence[str] = (),
    url: str = "",
    secrets: Mapping[str, str] | None = None,
    seed: str = "",
    is_sample: bool = False,
) -> Environment:
    """Store an environment and have a worker list its tools.

    ``secrets`` are environment variables (stdio) or headers (HTTP), stored encrypted.

    Raises:
        UnableToConnect: a command or seed the settings do not know, no usable URL, or a name that
            is taken.
    """
    slug = slugify(name)[:64]
    if not slug:
        raise UnableToConnect("An environment needs a name with letters or digits in it.")
    if transport == Environment.Transport.STDIO:
        _check_stdio(command, seed)
        url = ""
    else:
        _check_url(url)
        command, arguments, seed = "", (), ""
    with transaction.atomic():
        if Environment.objects.filter(workspace=workspace, slug=slug).exists():
            raise UnableToConnect(f"There is already an environment named {name}.")
        environment = Environment(
            workspace=workspace,
            name=name.strip()[:100],
            slug=slug,
            transport=transport,
            command=command,
            arguments=[str(argument) for argument in arguments],
            url=url,
            seed=seed,
            is_sample=is_sample,
        )
        environment.keep_secrets(secrets or {})
        environment.save()
        event_record(
            workspace=workspace,
            actor=by,
            kind="environment.connected",
            subject=environment,
            transport=transport,
        )
        check_environment.delay_on_commit(environment.pk)
    return environment


def environment_check(*, environment: Environment, by: Any) -> None:
    """List the tools again; what is stored stays until the answer is in."""
    with transaction.atomic():
        environment.status = Environment.Status.CHECKING
        environment.save(update_fields=["status"])
        event_record(
            workspace=environment.workspace,
            actor=by,
            kind="environment.checked",
            subject=environment,
        )
        check_environment.delay_on_commit(environment.pk)


def tool_allow(*, tool: EnvironmentTool, allowed: bool, by: Any) -> EnvironmentTool:
    """Turn a tool on or off for practice runs that start from now on.

    Raises:
        UnableToConnect: its input schema cannot be used.
    """
    if allowed and tool.problem:
        raise UnableToConnect(f"{tool.name} cannot be used: {tool.problem}")
    with transaction.atomic():
        tool.is_enabled = allowed
        tool.save(update_fields=["is_enabled"])
        event_record(
            workspace=tool.environment.workspace,
            actor=by,
            kind="tool.allowed" if allowed else "tool.forbidden",
            subject=tool,
            environment=tool.environment.slug,
            effect=tool.effect.value,
        )
    return tool


def _check_stdio(command: str, seed: str) -> None:
    if command not in settings.MCP_COMMANDS:
        known = ", ".join(commands())
        raise UnableToConnect(
            f"{command or 'No command'} is not an allowed command. Allowed are: {known}. "
            "The operator of this machine adds more in MCP_COMMANDS."
        )
    if seed and seed not in seeds():
        raise UnableToConnect(f"There is no seed folder {seed!r} in SEED_DIR.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks the range
    except ValueError as error:
        raise UnableToConnect(f"The address cannot be read: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UnableToConnect("The address must start with http:// or https:// and name a host.")
    if parts.username or parts.password:
        raise UnableToConnect("Put credentials into a header, not into the address.")
