"""Looking at an environment again: when that is due, what a check found, what it could not.

A check lists the environment's tools. New ones get their first permission, changed ones may lose
theirs, and what drifted is noticed (``drift.py``).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from memoryapp.domain import doubt
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.discovery import Discovery
from practice.domain.drift import differences
from practice.domain.orders import orders_in
from practice.domain.types import Effect, ToolSpec
from practice.models import Environment, EnvironmentTool
from practice.orchestrator import drift, moves
from practice.orchestrator.worlds import cage, world_anew

logger = logging.getLogger(__name__)

NAME_CHARS = 200
#: Tools that may change things without saying so stay off until a person turns them on.
ALLOWED_FROM_THE_START = frozenset({Effect.READ, Effect.WRITE})
#: After this long without a word the bell for a check, or the worker that heard it, is lost.
UNHEARD = timedelta(minutes=1)
#: how long an environment is left alone after its first failed check, the second, and so on.
BACK_OFF = tuple(timedelta(minutes=n) for n in (1, 2, 5, 15, 60))


def check(environment_id: int) -> None:
    """List the environment's tools and store what was found, good or bad."""
    environment = Environment.objects.get(pk=environment_id)
    try:
        found = world_anew(environment).discover()
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
    every = timedelta(seconds=settings.DRIFT_CHECK_SECONDS)
    rows = kept.filter(waiting | _failed(now) | Q(pk__in=drift.due(now, every)))
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


def store_discovery(environment: Environment, found: Discovery) -> None:
    """Store a tool list: new tools get their first permission, changed ones lose theirs."""
    with transaction.atomic():
        dropped = _store_tools(environment, found)
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


def _store_tools(environment: Environment, found: Discovery) -> int:
    """Bring the tools' rows up to what was found, and note what drifted. How many were left out."""
    allowed = _allowed_from_the_start(environment)
    fitting = [spec for spec in found.tools if len(spec.name) <= NAME_CHARS]
    held = environment.tools.select_for_update(no_key=True).order_by("pk")
    known = {tool.name: tool for tool in held}
    drifted, before = dict[str, str](), dict[str, dict[str, object]]()
    back = {tool.name for tool in held if not tool.is_present} & {spec.name for spec in fitting}
    for spec in fitting:
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
    drifted |= {tool.name: doubt.GONE for tool in known.values() if tool.is_present}
    EnvironmentTool.objects.filter(pk__in=[t.pk for t in known.values()]).update(is_present=False)
    drift.noticed(environment, drifted, before, {spec.name: spec for spec in found.tools}, back)
    return len(found.tools) - len(fitting)


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
