"""Whether an environment begins from the same state every time, found by looking twice.

Two sessions are opened one after the other, and the same readings are made in both. A reading that
differs within one session (a clock, a random number) says nothing of the reset and is set aside.
What an attempt changes is not tried out here: only tools that are allowed, only read and need no
argument are called. So a reset that does nothing passes; runs notice that one. The first call of
an attempt, where it only reads, is held against the same first call of the attempt before: nothing
was changed before either, so what differs was left by somebody.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from practice.agents.ports import EnvironmentSession, EnvironmentUnavailable
from practice.domain.types import Effect, Trajectory
from practice.models import Attempt, Environment, Run, Step
from practice.orchestrator.worlds import note_option, unreachable, whole_world

logger = logging.getLogger(__name__)

READINGS = 12
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?Z|[+-]\d\d:?\d\d)?"
    r"|\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b|\b\d\d:\d\d:\d\d\b"
)
SHOWN_CHARS = 300


def check_reset(environment_id: int) -> None:
    """Compare two fresh sessions and store what differs in ``options["reset_check"]``."""
    environment = Environment.objects.get(pk=environment_id)
    try:
        report = compared(environment)
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


def noticed(run: Run, attempt: Attempt, trajectory: Trajectory) -> dict[str, Any] | None:
    """How the opening of an attempt differs from the same one of an earlier attempt of its run.

    ``tool``, ``first`` and ``second`` as in a check, and ``run``; ``None`` where nothing does. One
    query, however long the run.
    """
    environment = run.environment
    opening = next(iter(trajectory.steps), None)
    if opening is None or opening.is_error or not environment.has_reset:
        return None
    row = environment.tools.filter(name=opening.tool).first()
    known = environment.options.get("reset_check", {}).get("varies", [])
    if row is None or row.effect is not Effect.READ or opening.tool in known:
        return None
    earlier = (
        Step.objects.filter(
            attempt__run=run,
            number=1,
            tool=opening.tool,
            is_error=False,
            arguments=dict(opening.arguments),
        )
        .exclude(attempt=attempt)
        .order_by("-pk")
        .values_list("observation", flat=True)
        .first()
    )
    if earlier is None or _timeless(earlier) == _timeless(opening.observation):
        return None
    return {
        "tool": opening.tool,
        "run": run.number,
        "first": _shown(earlier, opening.observation),
        "second": _shown(opening.observation, earlier),
    }


def remark(found: Mapping[str, Any]) -> str:
    """Say on the attempt what ``noticed`` found."""
    return (
        f"{found['tool']} answered its first call other than in an earlier attempt of this run, "
        "and nothing had been changed before either: attempts may not begin from the same state. "
        "Correct the reset of the environment, or check it on its page."
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


def compared(environment: Environment) -> dict[str, Any]:
    """``at``, ``compared`` and ``varies`` (tool names), ``differs`` (tool, first, second).

    Raises:
        EnvironmentUnavailable: a session could not be opened or broke off.
    """
    names = [
        tool.name
        for tool in environment.tools.usable()
        if tool.effect is Effect.READ and not tool.as_spec().required
    ][:READINGS]
    world = whole_world(environment)
    with world.open() as session:
        first, again = _read(session, names), _read(session, names)
    with world.open() as session:
        second = _read(session, names)
    varies = [name for name in names if first[name] != again[name]]
    return {
        "at": timezone.now().isoformat(),
        "compared": names,
        "varies": varies,
        "differs": [
            {
                "tool": name,
                "first": _shown(first[name], second[name]),
                "second": _shown(second[name], first[name]),
            }
            for name in names
            if name not in varies and first[name] != second[name]
        ],
    }


def _read(session: EnvironmentSession, names: list[str]) -> Mapping[str, str]:
    return {name: session.call(name, {}).text for name in names}


def _shown(text: str, other: str) -> str:
    """The part of ``text`` around the first place where it is not like ``other``."""
    pairs = zip(text, other, strict=False)
    place = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(text), len(other)))
    start = max(0, place - SHOWN_CHARS // 3)
    cut = text[start : start + SHOWN_CHARS].replace("\0", "")
    return ("…" if start else "") + cut + ("…" if start + SHOWN_CHARS < len(text) else "")
