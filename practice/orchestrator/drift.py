"""Drift watch: a tool that changed makes the bullets that cite it stale and asks for practice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from memoryapp.domain import doubt
from memoryapp.services.bullets import bullets_go_stale, bullets_reverify
from memoryapp.services.events import event_record
from practice.agents.rules.documents import failure
from practice.domain.drift import differences
from practice.domain.types import ToolSpec, Trajectory
from practice.models import Attempt, Environment, Run, Steering
from practice.queries.drift import changed_tools, doubted_as_gone, doubted_for, settled_by

NOTE_CHARS = 300


def noticed(
    environment: Environment,
    changed: Mapping[str, str],
    before: Mapping[str, Mapping[str, object]],
    found: Mapping[str, ToolSpec],
    back: Collection[str] = (),
) -> None:
    """Store what a check found different: tool name to what happened to it.

    ``before`` are the changed tools as they were described until now, ``found`` all of them as they
    are, ``back`` those that were gone until now. Only playbooks that were practised in this
    environment are looked at; a tool of the same name elsewhere is another tool. The caller holds
    the transaction.
    """
    put_back = _compared(environment, found)
    if not changed and not put_back and not back:
        return
    for tool in sorted(back):
        _trusted(doubted_as_gone(environment, tool), tool, f"{tool} of {environment.name} is back.")
    playbooks = list(environment.runs.order_by().values_list("playbook", flat=True).distinct())
    held = {wish.tool: doubted_for(wish) for wish in put_back}
    for tool, why in sorted(changed.items() if environment.drift_watch else ()):
        standing = environment.steering.standing().filter(tool=tool)
        wished = why != doubt.GONE and tool not in held and not standing.exists()
        if wished:
            environment.steering.create(
                kind=Steering.Kind.FOCUS,
                tool=tool,
                note=why[:NOTE_CHARS],
                origin=Steering.Origin.DRIFT,
                was=before[tool],
            )
        stale = bullets_go_stale(
            playbook_ids=playbooks,
            tool=tool,
            reason=doubt.reason(tool, environment=environment.name, why=why),
        )
        event_record(
            workspace=environment.workspace,
            actor=None,
            kind="tool.drifted",
            subject=environment,
            tool=tool,
            before={},
            after={"found": why},
            stale_bullets=stale,
            practice_asked=wished,
        )
    for tool, doubted in held.items():
        said = f"{tool} of {environment.name} is again what it was when it was practised."
        _trusted(doubted, tool, said)


def _trusted(doubted: Mapping[int, Sequence[str]], tool: str, reason: str) -> None:
    """End the doubt about bullets, by playbook, that nothing but ``tool`` gave rise to."""
    for playbook, labels in doubted.items():
        bullets_reverify(playbook_id=playbook, labels=labels, tools={tool}, reason=reason)


def _compared(environment: Environment, found: Mapping[str, ToolSpec]) -> list[Steering]:
    """Have each wish say what is different now from what was practised.

    Returns the wishes that ended because nothing is. A wish from before tools were kept with it
    keeps its words.
    """
    put_back = []
    for wish in changed_tools(environment):
        if not wish.was:
            continue
        now = found.get(wish.tool)
        if now is not None and now.schema_hash == wish.was["schema_hash"]:
            wish.ended_at = timezone.now()
            put_back.append(wish)
        else:
            note = differences(_as_it_was(wish), now) if now is not None else doubt.GONE
            if note[:NOTE_CHARS] == wish.note:
                continue
            wish.note = note[:NOTE_CHARS]
        wish.save(update_fields=["note", "ended_at"])
    return put_back


def _as_it_was(wish: Steering) -> ToolSpec:
    was = wish.was
    return ToolSpec(
        name=wish.tool,
        description=was["description"],
        input_schema=was["input_schema"],
        output_schema=was["output_schema"],
    )


def practised(environment: Environment, calls: Sequence[Sequence[Any]]) -> None:
    """End the drift watch's wishes for tools that were called without an error since."""
    worked = {call[0] for call in calls if not call[1]}
    environment.steering.standing().filter(
        origin=Steering.Origin.DRIFT, kind=Steering.Kind.FOCUS, tool__in=worked
    ).update(ended_at=timezone.now())


def reverified(run: Run, attempt: Attempt, trajectory: Trajectory, tags: Mapping[str, str]) -> None:
    """Trust stale bullets again that helped a success in which the tools they cite worked.

    One that cites several stays in doubt until the tool it is in doubt for is among them.
    """
    helped = [label for label, tag in tags.items() if tag == "helpful"]
    if not helped or attempt.label != Attempt.Label.SUCCESS or run.kind == Run.Kind.ONLINE:
        return
    worked = {step.tool for step in trajectory.steps if not failure(step)}
    bullets_reverify(
        playbook_id=run.playbook_id,
        labels=settled_by(run.playbook, helped, worked),
        tools=worked,
        reason=f"It helped in {run}, with its tools as they are now.",
    )


def ask_for_check(run: Run) -> None:
    """Have the environment looked at because a session of this run found its tools different.

    Once per run: after a check that is newer than the run, everybody knows.
    """
    if not run.frozen.drift_watch:
        return
    never = Q(checked_at=None) | Q(checked_at__lt=run.started_at)
    Environment.objects.filter(never, pk=run.environment_id).update(
        status=Environment.Status.CHECKING
    )


def due(now: datetime, every: timedelta) -> list[int]:
    """Watched environments that nobody has looked at for this long, nor was asked to."""
    unasked = Q(check_asked_at=None) | Q(check_asked_at__lt=now - every)
    watched = Environment.objects.filter(
        unasked, drift_watch=True, checked_at__lt=now - every
    ).exclude(status=Environment.Status.CHECKING)
    return list(watched.values_list("pk", flat=True))
