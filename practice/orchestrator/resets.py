"""Whether an environment begins from the same state every time, found by looking twice.

Two sessions are opened one after the other, and the same readings are made in both. A reading that
differs within one session (a clock, a random number) says nothing of the reset and is set aside.
Where a reset is promised, the first session ends with a change, made as practice makes one and only
with tools that are allowed and destroy nothing: a reset is proven when readings showed the change
and the second session does not. Without such a change a reset that does nothing would pass, so the
check says that it is not proven.

Runs look as well. What an attempt reads before it changes anything is held against the same look of
an earlier attempt: nothing was changed before either, so what differs was left by somebody.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import takewhile
from operator import or_
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import (
    Engine,
    EnvironmentSession,
    EnvironmentUnavailable,
    SolverLimits,
)
from practice.agents.rules import build_engine
from practice.clients.discovery import LiveSession
from practice.domain.types import Briefing, Effect, Steering, TaskSpec, Trajectory
from practice.domain.types import Step as TrajectoryStep
from practice.models import Attempt, Environment, Run, Step
from practice.orchestrator.environment_checks import note_option, unreachable
from practice.orchestrator.worlds import whole_world

logger = logging.getLogger(__name__)

READINGS = 12
#: how many calls of an attempt count as its opening.
OPENING = 5
#: how many tasks are tried for a change that a reading shows, and the calls of each.
CHANGES, CHANGE_STEPS = 6, 12
PROVEN, DIFFERS, UNPROVEN = "proven", "differs", "unproven"
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z|[+-]\d\d:?\d\d)?"
    r"|\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b|\b\d\d:\d\d:\d\d\b"
)
SHOWN_CHARS = 300


class _Silent(EnvironmentUnavailable):
    """One reading got no answer, which says nothing of the others."""

    def __init__(self, tool: str, error: EnvironmentUnavailable) -> None:
        super().__init__(str(error))
        self.tool = tool


def check_reset(environment_id: int) -> None:
    """Compare two fresh sessions and store what was found in ``options["reset_check"]``."""
    environment = Environment.objects.get(pk=environment_id)
    try:
        report = _compared_without_the_silent(environment)
    except EnvironmentUnavailable as error:
        unreachable(environment, str(error))
    except Exception as error:
        logger.exception("the reset of environment %s could not be checked", environment.pk)
        unreachable(environment, f"Its reset could not be checked: {type(error).__name__}: {error}")
    else:
        note_option(environment, "reset_check", report)
        note_option(environment, "reset_noticed", None)
        environment.status = Environment.Status.CONNECTED
        environment.save(update_fields=["status"])


def _compared_without_the_silent(environment: Environment) -> dict[str, Any]:
    """What ``compared`` finds, without readings that do not answer, if there are others."""
    silent: list[str] = []
    while True:
        try:
            return {**compared(environment, silent), "silent": silent}
        except _Silent as error:
            if len(silent) == READINGS - 1:
                raise
            silent.append(error.tool)


def noticed(run: Run, attempt: Attempt, trajectory: Trajectory) -> dict[str, Any] | None:
    """How the opening of an attempt differs from the same look of an earlier attempt of its run.

    The opening is what only reads, before anything could have been changed. ``tool``, ``first`` and
    ``second`` as in a check, and ``run``; ``None`` where nothing does. Two queries, however long
    the run.
    """
    environment = run.environment
    first = trajectory.steps[:OPENING]
    if not first or not environment.has_reset:
        return None
    rows = environment.tools.filter(name__in={step.tool for step in first})
    reads = {row.name for row in rows if row.effect is Effect.READ}
    known = environment.options.get("reset_check", {}).get("varies", [])
    looks = [
        step
        for step in takewhile(lambda step: step.tool in reads, first)
        if not step.is_error and step.tool not in known
    ]
    if not looks:
        return None
    before = Step.objects.filter(
        attempt=OuterRef("attempt"),
        try_number=OuterRef("try_number"),
        number__lt=OuterRef("number"),
    )
    earlier = (
        Step.objects.filter(
            reduce(or_, (Q(tool=step.tool, arguments=dict(step.arguments)) for step in looks)),
            ~Exists(before.exclude(tool__in=reads)),
            attempt__run=run,
            number__lte=OPENING,
            is_error=False,
            is_head=False,
        )
        .exclude(attempt=attempt)
        .order_by("-pk")
        .values_list("tool", "arguments", "observation")[: 2 * OPENING]
    )
    said = [(look, was[2]) for was in earlier for look in looks if _is_same_call(look, was)]
    for look, was in said:
        if _timeless(was) != _timeless(look.observation):
            return {
                "tool": look.tool,
                "run": run.number,
                "first": _shown(was, look.observation),
                "second": _shown(look.observation, was),
            }
    return None


def _is_same_call(look: TrajectoryStep, was: Sequence[Any]) -> bool:
    return (look.tool, dict(look.arguments)) == (was[0], was[1])


def remark(found: Mapping[str, Any]) -> str:
    """Say on the attempt what ``noticed`` found."""
    return (
        f"{found['tool']} answered differently from an earlier attempt of this run, although "
        "neither had changed anything before: attempts may not begin from the same state. Correct "
        "the reset of the environment, or check it on its page."
    )


def keep(environment: Environment, found: Mapping[str, Any]) -> None:
    """Keep what a run noticed until the reset is checked; the first finding stands."""
    held = Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
    if not held.options.get("reset_noticed"):
        held.options["reset_noticed"] = {**found, "at": timezone.now().isoformat()}
        held.save(update_fields=["options"])


def _timeless(text: str) -> str:
    """A text without the time of day in it: a clock says nothing of a reset."""
    return _MOMENT.sub("", text)


def compared(environment: Environment, silent: Sequence[str] = ()) -> dict[str, Any]:
    """``state``, ``at``, ``compared`` and ``varies`` (tool names), ``differs`` (tool, first,
    second), ``changed`` (the tool that made the change, or empty) and ``shown`` (the readings that
    showed it). Tools in ``silent`` are not read.

    Raises:
        EnvironmentUnavailable: a session could not be opened or broke off.
    """
    usable = list(environment.tools.usable())
    safe = frozenset(row.name for row in usable if not row.effect.is_cautious)
    names = [
        row.name for row in usable if row.effect is Effect.READ and not row.as_spec().required
    ][:READINGS]
    names = [name for name in names if name not in silent]
    world = whole_world(environment, safe)
    changed, shown = "", list[str]()
    with world.open() as session:
        first, again = _read(session, names), _read(session, names)
        varies = [name for name in names if first[name] != again[name]]
        steady = [name for name in names if name not in varies]
        if environment.has_reset and steady:
            for tool in _changes(session):
                changed, after = tool, _read(session, steady)
                shown = [name for name in steady if after[name] != first[name]]
                if shown:
                    break
    with world.open() as session:
        second = _read(session, names)
    differs = [
        {
            "tool": name,
            "first": _shown(first[name], second[name]),
            "second": _shown(second[name], first[name]),
        }
        for name in steady
        if first[name] != second[name]
    ]
    return {
        "state": DIFFERS if differs else PROVEN if shown else UNPROVEN,
        "at": timezone.now().isoformat(),
        "compared": names,
        "varies": varies,
        "differs": differs,
        "changed": changed,
        "shown": shown,
    }


def _changes(session: LiveSession) -> Iterator[str]:
    """Change something, one task of the rules after another; yield the tool that did each time."""
    tools = session.tools()
    writing = frozenset(tool.name for tool in tools if tool.effect is Effect.WRITE)
    # A tool may have become destructive since it was allowed, and be used on the way to a change.
    if not writing or any(tool.effect.is_cautious for tool in tools):
        return
    engine = build_engine(0)
    briefing = Briefing(tools, steering=Steering(focus=tuple(sorted(writing))))
    tasks = [t for t in engine.proposer.propose(briefing).candidates if t.kind == "action"]
    for task in tasks[:CHANGES]:
        yield from _carried_out(engine, task, session, writing)


def _carried_out(
    engine: Engine, task: TaskSpec, session: LiveSession, writing: frozenset[str]
) -> list[str]:
    """Work on a task until the first change was made; the tool that made it, if one did."""
    made: list[str] = []

    def note(step: TrajectoryStep) -> None:
        if step.tool in writing and not step.is_error:
            made.append(step.tool)

    limits = SolverLimits(steps=CHANGE_STEPS, on_step=note, should_stop=lambda: bool(made))
    engine.solver.solve(task, Playbook(), session, limits)
    return made


def _read(session: EnvironmentSession, names: list[str]) -> Mapping[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = session.call(name, {}).text
        except EnvironmentUnavailable as error:
            raise _Silent(name, error) from error
    return found


def _shown(text: str, other: str) -> str:
    """The part of ``text`` around the first place where it is not like ``other``."""
    pairs = zip(text, other, strict=False)
    place = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other)))
    start = max(0, place - SHOWN_CHARS // 3)
    cut = text[start : start + SHOWN_CHARS].replace("\0", "")
    return ("…" if start else "") + cut + ("…" if start + SHOWN_CHARS < len(text) else "")
