"""Environment rows turned into live tool servers, and what a check of one found."""

from __future__ import annotations

import logging
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp import Discovery, HttpServer, McpEnvironment, StdioServer, discover
from practice.domain.rounds import Plan
from practice.domain.types import Effect, ToolSpec
from practice.models import Environment, EnvironmentTool
from practice.models.environments import SecretsUnreadable

logger = logging.getLogger(__name__)

NAME_CHARS = 200
#: Tools that may change things without saying so stay off until a person turns them on.
ALLOWED_FROM_THE_START = frozenset({Effect.READ, Effect.WRITE})


def server_of(environment: Environment) -> StdioServer | HttpServer:
    """Return how to reach the environment's server.

    Raises:
        EnvironmentUnavailable: its command is not in the operator's settings any more, its seed
            folder is gone, or its secrets cannot be read.
    """
    try:
        secrets = environment.open_secrets()
    except SecretsUnreadable as error:
        raise EnvironmentUnavailable(str(error)) from error
    if environment.transport == Environment.Transport.HTTP:
        return HttpServer(url=environment.url, headers=secrets)
    command = settings.MCP_COMMANDS.get(environment.command)
    if command is None:
        raise EnvironmentUnavailable(
            f"The command {environment.command!r} is not in MCP_COMMANDS any more. "
            "Add it to the settings and restart, or choose another command."
        )
    return StdioServer(
        command=command,
        args=tuple(environment.arguments),
        env=secrets,
        seed_folder=_seed_folder(environment),
    )


def _seed_folder(environment: Environment) -> Path | None:
    if environment.is_sample:
        return Path(settings.BASE_DIR) / "examples" / "helpdesk" / "seed"
    if not environment.seed:
        return None
    # The form offers names of folders; a name from anywhere else must not leave SEED_DIR.
    folder = Path(settings.SEED_DIR) / Path(environment.seed).name
    if not folder.is_dir():
        raise EnvironmentUnavailable(
            f"The seed folder {environment.seed!r} is not in SEED_DIR any more. "
            "Put it back, or choose another one."
        )
    return folder


def world_of(environment: Environment, plan: Plan) -> McpEnvironment:
    """The environment as one run may use it: its frozen tools, its limits."""
    return McpEnvironment(
        server_of(environment),
        allowed_tools=frozenset(plan.tools),
        startup_timeout=settings.MCP_STARTUP_SECONDS,
        call_timeout=settings.MCP_CALL_SECONDS,
        expected_hashes=plan.tools,
    )


def tools_of(environment: Environment, plan: Plan) -> tuple[ToolSpec, ...]:
    """The run's tools as last described by the server."""
    rows = environment.tools.filter(name__in=list(plan.tools))
    return tuple(row.as_spec() for row in rows)


def check(environment_id: int) -> None:
    """Start the server, list its tools and store what was found, good or bad."""
    environment = Environment.objects.get(pk=environment_id)
    try:
        found = discover(server_of(environment), startup_timeout=settings.MCP_STARTUP_SECONDS)
        store_discovery(environment, found)
    except EnvironmentUnavailable as error:
        _unreachable(environment, str(error))
    except Exception as error:
        logger.exception("environment %s could not be checked", environment.pk)
        _unreachable(environment, f"Its tools could not be stored: {type(error).__name__}: {error}")


def _unreachable(environment: Environment, message: str) -> None:
    # Tools known from an earlier check stay: a server that is down has not lost its tools.
    environment.status = Environment.Status.UNREACHABLE
    environment.message = message.replace("\0", "")
    environment.checked_at = timezone.now()
    environment.save(update_fields=["status", "message", "checked_at"])


def unchecked() -> list[int]:
    """Environments that still wait for a check; a lost message or worker must not strand them."""
    waiting = Environment.objects.filter(status=Environment.Status.CHECKING)
    return list(waiting.values_list("pk", flat=True))


def store_discovery(environment: Environment, found: Discovery) -> None:
    """Store a tool list: new tools get their first permission, changed ones lose theirs."""
    with transaction.atomic():
        known = {t.name: t for t in environment.tools.select_for_update()}
        dropped = 0
        for spec in found.tools:
            if len(spec.name) > NAME_CHARS:
                dropped += 1
                continue
            row = known.pop(spec.name, None)
            problem = found.problems.get(spec.name, "")
            if row is None:
                EnvironmentTool.objects.create(
                    environment=environment,
                    is_enabled=not problem and spec.effect in ALLOWED_FROM_THE_START,
                    **_columns(spec, problem),
                )
            elif row.schema_hash != spec.schema_hash or row.problem != problem:
                _store_change(row, spec, problem)
            elif not row.is_present:
                row.is_present = True
                row.save(update_fields=["is_present"])
        EnvironmentTool.objects.filter(pk__in=[t.pk for t in known.values()]).update(
            is_present=False
        )
        environment.status = Environment.Status.CONNECTED
        environment.message = (
            f"{dropped} of its tools were left out: their names are longer than {NAME_CHARS}."
            if dropped
            else ""
        )
        environment.server_name = found.server_name[:100]
        environment.server_version = found.server_version[:60]
        environment.checked_at = timezone.now()
        environment.save(
            update_fields=["status", "message", "server_name", "server_version", "checked_at"]
        )


def _store_change(row: EnvironmentTool, spec: ToolSpec, problem: str) -> None:
    was = row.as_spec().effect
    for field, value in _columns(spec, problem).items():
        setattr(row, field, value)
    row.is_present = True
    row.changed_at = timezone.now()
    # A tool that became more dangerous than what the operator allowed is off again.
    if problem or (spec.effect is not was and spec.effect not in ALLOWED_FROM_THE_START):
        row.is_enabled = False
    row.save()


def _columns(spec: ToolSpec, problem: str) -> dict[str, object]:
    return {
        "name": spec.name,
        "description": spec.description,
        "input_schema": dict(spec.input_schema),
        "output_schema": dict(spec.output_schema) if spec.output_schema is not None else None,
        "annotations": dict(spec.annotations),
        "schema_hash": spec.schema_hash,
        "problem": problem,
    }
