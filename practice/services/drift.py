"""Watching an environment's tools, and practising the ones that changed."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToStart
from memoryapp.services.events import event_record
from practice.models import Environment, Run
from practice.queries.drift import changed_tools
from practice.services.runs import LIMITS, run_start
from practice.services.switches import Switches

#: a short run: one task per changed tool teaches little, and ten rounds are not called for.
TASKS_PER_TOOL = 3


def drift_watch(*, environment: Environment, watched: bool, by: Any) -> Environment:
    """Look at the environment's tools now and then, or leave off."""
    with transaction.atomic():
        was, environment.drift_watch = environment.drift_watch, watched
        environment.save(update_fields=["drift_watch"])
        event_record(
            workspace=environment.workspace,
            actor=by,
            kind="environment.watched" if watched else "environment.unwatched",
            subject=environment,
            before={"watched": was},
            after={"watched": watched},
        )
    return environment


def drift_practise(*, environment: Environment, by: Any) -> Run:
    """Start a run of one round over the tools that changed.

    Engine, playbook and budget are those of the newest practice run here.

    Raises:
        UnableToStart: no changed tool is turned on, or nothing was practised here before.
    """
    wishes = changed_tools(environment)
    usable = set(environment.tools.usable().values_list("name", flat=True))
    tools = [wish.tool for wish in wishes if wish.tool in usable]
    if not tools:
        raise UnableToStart("No changed tool waits for practice, or none of them is turned on.")
    newest = environment.runs.practised().order_by("-number").first()
    if newest is None:
        raise UnableToStart("Nothing was practised here before. Start a run and choose how.")
    return run_start(
        environment=environment,
        playbook=newest.playbook,
        engine=newest.engine,
        by=by,
        rounds=1,
        tasks=min(TASKS_PER_TOOL * len(tools), LIMITS["tasks"]),
        budget=newest.budget,
        switches=Switches(focus=tuple(tools), drift_watch=True),
    )
