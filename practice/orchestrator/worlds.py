"""Environment rows turned into live worlds, and what a check of one found."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from practice.agents.ports import EnvironmentUnavailable
from practice.clients import seeds
from practice.clients.cage import Cage
from practice.clients.discovery import Discovery, World
from practice.clients.mcp import HttpServer, McpEnvironment, StdioServer
from practice.clients.openapi import OpenApiEnvironment, OpenApiService
from practice.clients.openapi_document import read_document
from practice.clients.openapi_request import Credential
from practice.clients.openapi_text import DocumentError
from practice.clients.packs import PACKS, Pack, PackEnvironment
from practice.domain import variables
from practice.domain.drift import differences
from practice.domain.orders import orders_in
from practice.domain.plans import Plan
from practice.domain.types import Effect, ToolSpec
from practice.models import Environment, EnvironmentSnapshot, EnvironmentTool
from practice.models.environments import SecretsUnreadable, called_at
from practice.orchestrator import drift, moves

logger = logging.getLogger(__name__)

NAME_CHARS = 200
#: Tools that may change things without saying so stay off until a person turns them on.
ALLOWED_FROM_THE_START = frozenset({Effect.READ, Effect.WRITE})
#: key of ``Environment.secrets`` under which an OpenAPI service's credential is kept.
CREDENTIAL = "credential"
#: After so long without a word the bell for a check, or the worker that heard it, is lost.
UNHEARD = timedelta(minutes=1)
#: how long an environment is left alone after its first failed check, the second, and so on.
BACK_OFF = tuple(timedelta(minutes=n) for n in (1, 2, 5, 15, 60))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What one use of an environment may do: its tools and what they were when it was planned."""

    allowed: frozenset[str] | None = None
    expected: Mapping[str, str] | None = None


def packs() -> tuple[Pack, ...]:
    """Every pack this version knows, installed or not."""
    return PACKS


def document_problem(text: str, *, base_url: str) -> str:
    """Say why a pasted OpenAPI document cannot be used; empty if it can."""
    try:
        read_document(text, base_url=base_url)
    except DocumentError as error:
        return str(error)
    return ""


def snapshot_folder() -> Path:
    """Where the seeds of snapshots are kept, by digest."""
    return Path(settings.DATA_DIR) / "snapshots"


def world_of(
    environment: Environment, plan: Plan, snapshot: EnvironmentSnapshot | None = None
) -> World:
    """The environment as one run may use it: its frozen tools, its limits, its snapshot.

    Raises:
        EnvironmentUnavailable: what the environment needs is not there any more.
    """
    terms = _Terms(frozenset(plan.tools), plan.tools)
    if snapshot is None:
        return _world(environment, terms, environment.options, seed_folder(environment))
    if said := moves.since(environment, snapshot):
        raise EnvironmentUnavailable(said)
    folder = seeds.kept(snapshot.seed_digest, snapshot_folder()) if snapshot.seed_digest else None
    return _world(environment, terms, snapshot.options, folder)


def whole_world(environment: Environment, allowed: frozenset[str] | None = None) -> World:
    """The environment as it is now, for looking at it: every tool it offers, or the allowed ones.

    Raises:
        EnvironmentUnavailable: what the environment needs is not there any more.
    """
    return _world(environment, _Terms(allowed), environment.options, seed_folder(environment))


def _world(
    environment: Environment, terms: _Terms, options: Mapping[str, Any], seed: Path | None
) -> World:
    limits: dict[str, Any] = {
        "allowed_tools": terms.allowed,
        "expected_hashes": terms.expected,
        "startup_timeout": settings.MCP_STARTUP_SECONDS,
        "call_timeout": settings.MCP_CALL_SECONDS,
    }
    match environment.transport:
        case Environment.Transport.STDIO:
            return McpEnvironment(server_of(environment, seed), **limits)
        case Environment.Transport.HTTP:
            server = HttpServer(
                url=environment.url,
                headers=_secrets(environment),
                private_allowed=settings.ENVIRONMENT_PRIVATE_ADDRESSES,
            )
            return McpEnvironment(server, **limits)
        case Environment.Transport.OPENAPI:
            return OpenApiEnvironment(_service(environment, options), **limits)
    return PackEnvironment(
        str(options.get("pack", "")),
        int(options.get("scenario", 0)),
        allowed_tools=terms.allowed,
        expected_hashes=terms.expected,
    )


def server_of(environment: Environment, seed: Path | None) -> StdioServer:
    """How to start the environment's process over a copy of ``seed``.

    Raises:
        EnvironmentUnavailable: its command is not in the operator's settings any more, its secrets
            cannot be read, or one of them would have the command run something else.
    """
    command = settings.MCP_COMMANDS.get(environment.command)
    if command is None:
        raise EnvironmentUnavailable(
            f"The command {environment.command!r} is not in MCP_COMMANDS any more. "
            "Add it to the settings and restart, or choose another command."
        )
    given = _secrets(environment)
    if said := variables.problem(given):  # stored before they were refused
        raise EnvironmentUnavailable(f"{said} Take it out of the environment's variables.")
    return StdioServer(
        command=command,
        args=tuple(environment.arguments),
        env=given,
        seed_folder=seed,
        name=environment.name,
        cage=cage(),
    )


def cage() -> Cage:
    """What holds the process of a tool server, as the operator of this machine set it."""
    return Cage(
        sandbox=settings.MCP_SANDBOX, limits=settings.MCP_LIMITS, hidden=settings.MCP_HIDDEN
    )


def _service(environment: Environment, options: Mapping[str, Any]) -> OpenApiService:
    auth, reset = options.get("auth", {}), options.get("reset", {})
    return OpenApiService(
        url=environment.url,
        document=options.get("document", ""),
        base_url=called_at(options),
        credential=Credential(
            scheme=auth.get("scheme", ""),
            name=auth.get("name", ""),
            value=_secrets(environment).get(CREDENTIAL, ""),
        ),
        reset=(reset.get("method", ""), reset.get("path", "")),
        private_allowed=settings.ENVIRONMENT_PRIVATE_ADDRESSES,
    )


def _secrets(environment: Environment) -> dict[str, str]:
    try:
        return environment.open_secrets()
    except SecretsUnreadable as error:
        raise EnvironmentUnavailable(str(error)) from error


def seed_folder(environment: Environment) -> Path | None:
    """The folder every attempt begins from, or ``None`` where there is none.

    Raises:
        EnvironmentUnavailable: it is not in SEED_DIR any more.
    """
    if environment.is_sample:
        return Path(settings.EXAMPLES_DIR) / "helpdesk" / "seed"
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


def tools_of(environment: Environment, plan: Plan) -> tuple[ToolSpec, ...]:
    """The run's tools as last described by the server."""
    rows = environment.tools.filter(name__in=list(plan.tools))
    return tuple(row.as_spec() for row in rows)


def check(environment_id: int) -> None:
    """List the environment's tools and store what was found, good or bad."""
    environment = Environment.objects.get(pk=environment_id)
    try:
        found = _anew(environment).discover()
        if said := moves.found(environment, found.base_url):
            raise EnvironmentUnavailable(said)
        store_discovery(environment, found)
        if environment.transport == Environment.Transport.STDIO:
            note_option(environment, "isolation", cage().words())
    except EnvironmentUnavailable as error:
        unreachable(environment, str(error))
    except Exception as error:
        logger.exception("environment %s could not be checked", environment.pk)
        unreachable(environment, f"Its tools could not be stored: {type(error).__name__}: {error}")


def _anew(environment: Environment) -> World:
    """The environment as its document says that it is now; all others keep to what was found."""
    said = {name: value for name, value in environment.options.items() if name != "found_base_url"}
    return _world(environment, _Terms(), said, seed_folder(environment))


def unreachable(environment: Environment, message: str) -> None:
    """Say on the row why the environment cannot be used."""
    # Tools known from an earlier check stay: a server that is down has not lost its tools.
    environment.status = Environment.Status.UNREACHABLE
    environment.message = message.replace("\0", "")
    environment.checked_at = timezone.now()
    environment.failed_checks = min(environment.failed_checks + 1, len(BACK_OFF))
    environment.save(update_fields=["status", "message", "checked_at", "failed_checks"])


def to_check(now: datetime) -> list[int]:
    """Environments to look at, marked so that the next sweep leaves them to this bell.

    Watched ones whose turn it is, those whose last check failed, and those whose check nobody is
    heard of: a lost message or worker must not strand them, nor one that hangs be asked by all
    workers.
    """
    asked = Coalesce("check_asked_at", "created_at")
    waiting = Q(asked__lt=now - UNHEARD, status=Environment.Status.CHECKING)
    # What is being deleted with its workspace is not started again meanwhile.
    kept = Environment.objects.filter(workspace__deleted_at=None).annotate(asked=asked)
    rows = kept.filter(waiting | _failed(now) | Q(pk__in=drift.due(now, drift_interval())))
    with transaction.atomic():
        found = list(
            rows.select_for_update(of=("self",), skip_locked=True, no_key=True).values_list(
                "pk", flat=True
            )
        )
        Environment.objects.filter(pk__in=found).update(check_asked_at=now)
    return found


def _failed(now: datetime) -> Q:
    """Those that failed their last check long enough ago, by how many it failed in a row."""
    due = Q()
    for failures, wait in enumerate(BACK_OFF, start=1):
        # Rows of an older release counted nothing.
        counted = Q(failed_checks__lte=1) if failures == 1 else Q(failed_checks=failures)
        due |= counted & Q(asked__lt=now - wait)
    return due & Q(status=Environment.Status.UNREACHABLE)


def drift_interval() -> timedelta:
    """How long a watched environment goes without being looked at."""
    return timedelta(seconds=settings.DRIFT_CHECK_SECONDS)


def store_discovery(environment: Environment, found: Discovery) -> None:
    """Store a tool list: new tools get their first permission, changed ones lose theirs."""
    allowed = _allowed_from_the_start(environment)
    with transaction.atomic():
        held = environment.tools.select_for_update(no_key=True).order_by("pk")
        known = {tool.name: tool for tool in held}
        dropped, drifted, before = 0, dict[str, str](), dict[str, dict[str, object]]()
        for spec in found.tools:
            if len(spec.name) > NAME_CHARS:
                dropped += 1
                continue
            row = known.pop(spec.name, None)
            problem = found.problems.get(spec.name, "")
            if row is None:
                EnvironmentTool.objects.create(
                    environment=environment,
                    is_enabled=not (problem or orders_in(spec)) and spec.effect in allowed,
                    **_columns(spec, problem),
                )
            elif _is_changed(row, spec, problem):
                if row.schema_hash != spec.schema_hash:
                    drifted[spec.name] = differences(row.as_spec(), spec)
                    before[spec.name] = row.described()
                _store_change(row, spec, problem, allowed)
            elif not row.is_present:
                row.is_present = True
                row.save(update_fields=["is_present"])
        drifted |= {tool.name: drift.GONE for tool in known.values() if tool.is_present}
        EnvironmentTool.objects.filter(pk__in=[t.pk for t in known.values()]).update(
            is_present=False
        )
        drift.noticed(environment, drifted, before, {spec.name: spec for spec in found.tools})
        environment.status = Environment.Status.CONNECTED
        environment.message = (
            f"{dropped} of its tools were left out: their names are longer than {NAME_CHARS}."
            if dropped
            else ""
        )
        environment.server_name = found.server_name[:100]
        environment.server_version = found.server_version[:60]
        environment.checked_at = timezone.now()
        environment.failed_checks = 0
        kept = ["status", "message", "server_name", "server_version", "checked_at"]
        environment.save(update_fields=[*kept, "failed_checks"])
        if found.base_url and not environment.options.get("base_url"):
            note_option(environment, "found_base_url", found.base_url)


def note_option(environment: Environment, name: str, value: Any) -> None:
    """Store one thing a check found; two checks at once keep what each of them found."""
    with transaction.atomic():
        held = Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        held.options[name] = value
        held.save(update_fields=["options"])
        environment.options = held.options


def _allowed_from_the_start(environment: Environment) -> frozenset[Effect]:
    """What new tools may do without a person having turned them on.

    In a pack nothing is real. A service without a reset keeps every change for good.
    """
    if environment.transport == Environment.Transport.PACK:
        return frozenset(Effect)
    if environment.keeps_changes:
        return frozenset({Effect.READ})
    return ALLOWED_FROM_THE_START


def _is_changed(row: EnvironmentTool, spec: ToolSpec, problem: str) -> bool:
    """Annotations are no part of the hash, yet what an operator allowed rests on them."""
    return (
        row.schema_hash != spec.schema_hash
        or row.problem != problem
        or row.annotations != dict(spec.annotations)
    )


def _store_change(
    row: EnvironmentTool, spec: ToolSpec, problem: str, allowed: frozenset[Effect]
) -> None:
    was, gave_orders = row.as_spec().effect, bool(orders_in(row.as_spec()))
    for field, value in _columns(spec, problem).items():
        setattr(row, field, value)
    row.is_present = True
    row.changed_at = timezone.now()
    # A tool that became more dangerous than what the operator allowed is off again.
    became_dangerous = spec.effect is not was and spec.effect not in allowed
    if problem or became_dangerous or (orders_in(spec) and not gave_orders):
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
