"""Whether an environment begins from the same state every time, found by looking twice.

Two sessions are opened one after the other, and the same readings are made in both. A reading that
differs within one session (a clock, a random number) says nothing of the reset and is set aside.
What an attempt changes is not tried out here: only tools that are allowed, only read and need no
argument are called.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from practice.agents.ports import EnvironmentSession, EnvironmentUnavailable
from practice.domain.types import Effect
from practice.models import Environment
from practice.orchestrator.worlds import note_option, unreachable, whole_world

logger = logging.getLogger(__name__)

READINGS = 12
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
        environment.status = Environment.Status.CONNECTED
        environment.save(update_fields=["status"])


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
