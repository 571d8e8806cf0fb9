"""The run that ``benchmarks.growth`` measures, inside the product's own settings."""

from __future__ import annotations

import ctypes
import gc
import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Max

from memoryapp.services.playbooks import playbook_create
from memoryapp.services.workspaces import first_operator_create
from practice.models import Attempt, Environment, Run
from practice.orchestrator import environment_checks, rounds
from practice.services.environments import environment_connect
from practice.services.reaching import PackAsked
from practice.services.runs import LIMITS, run_start
from practice.tasks import check_environment, drive_run

TASKS, ATTEMPTS = 50, 16


@dataclass(slots=True)
class Count:
    """What was counted when so many attempts were done. Memory is in megabytes.

    ``bare`` is what is left of ``memory`` once what the engine keeps to be quick is thrown away.
    """

    attempts: int = 0
    statements: int = 0
    messages: int = 0
    seconds: float = 0.0
    memory: float = 0.0
    bare: float = 0.0


def main(attempts: int, seed: int) -> None:
    """Drive a run of about ``attempts`` attempts and print what its first and last rounds cost."""
    run = _started(seed)
    at_start_of = _driven(run, attempts)
    rounds_ = len(at_start_of) - 1
    part = max(rounds_ // 5, 1)
    first = _between(at_start_of[0], at_start_of[part])
    last = _between(at_start_of[-1 - part], at_start_of[-1])
    _figure("growth_attempts", at_start_of[-1].attempts, None, seed)
    _figure("growth_rounds", rounds_, None, seed)
    for name in ("statements_per_attempt", "messages_per_attempt", "milliseconds_per_attempt"):
        _figure(f"growth_{name}", last[name], first[name], seed)
    for name in ("memory", "bare"):
        now, then = getattr(at_start_of[-1], name), getattr(at_start_of[part], name)
        _figure(f"growth_{name}_mb", now, then, seed)


def _started(seed: int) -> Run:
    # Nobody listens on this broker: every bell is answered below.
    for task in (check_environment, drive_run):
        task.apply_async = lambda *args, **kwargs: None
    workspace, _ = first_operator_create()
    user = get_user_model().objects.get()
    environment = environment_connect(
        workspace=workspace,
        name="Pack",
        transport=Environment.Transport.PACK,
        pack=PackAsked("bfcl", seed),
        by=user,
    )
    environment_checks.check(environment.pk)
    environment.refresh_from_db()
    environment.tools.update(is_enabled=True)
    return run_start(
        environment=environment,
        playbook=playbook_create(workspace=workspace, name="Growth", by=user),
        engine="rules",
        by=user,
        # Ideas that repeat are dropped, the more the longer a run is: it ends where it has enough.
        rounds=LIMITS["rounds"],
        tasks=TASKS,
        attempts=ATTEMPTS,
        seed=seed,
    )


def _driven(run: Run, attempts: int) -> list[Count]:
    """Work until a round ends with ``attempts`` done. Returns the count at each round's start.

    Whole rounds are compared, because a round's stages cost differently.
    """
    seen = Count(memory=_memory())
    counts: list[Count] = []
    begun = time.monotonic()

    def count(execute: Callable[..., Any], *rest: Any) -> Any:
        seen.statements += 1
        return execute(*rest)

    def take() -> None:
        before = seen.statements
        newest = run.units.aggregate(newest=Max("round"))["newest"] or 0
        seen.attempts = Attempt.objects.filter(run=run).exclude(label="").count()
        seen.statements = before  # what is asked here is not the product's
        seen.seconds, seen.memory = time.monotonic() - begun, _memory()
        if newest > len(counts) or not bells:
            counts.append(replace(seen, bare=_bare_memory()))

    with connection.execute_wrapper(count):
        bells = deque(rounds.drive(run.pk))
        take()
        while bells and (len(counts) < 2 or counts[-1].attempts < attempts):
            seen.messages += 1
            rounds.work(bells.popleft())
            waited = not bells
            bells.extend(rounds.drive(run.pk))
            if waited:  # between two stages, so perhaps between two rounds
                take()
    return counts


def _between(a: Count, b: Count) -> dict[str, float]:
    attempts = b.attempts - a.attempts
    return {
        "statements_per_attempt": round((b.statements - a.statements) / attempts, 2),
        "messages_per_attempt": round((b.messages - a.messages) / attempts, 3),
        "milliseconds_per_attempt": round(1000 * (b.seconds - a.seconds) / attempts, 1),
    }


def _memory() -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return round(int(found[1]) / 1024, 1) if found else 0.0


def _bare_memory() -> float:
    """The memory with every bounded cache of the product emptied, and given back."""
    for kept in [o for o in gc.get_objects() if type(o) is _lru_cache_wrapper]:
        if kept.__module__.startswith(("practice.", "memoryapp.")):
            kept.cache_clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return _memory()


def _figure(name: str, value: float, peer: float | None, seed: int) -> None:
    line = {"figure": name, "value": value, "peer": peer, "seed": seed}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
