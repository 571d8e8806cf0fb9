"""The run that ``benchmarks.growth`` measures, inside the product's own settings."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection

from memoryapp.services.playbooks import playbook_create
from memoryapp.services.workspaces import first_operator_create
from practice.models import Attempt, Environment, Run
from practice.orchestrator import rounds, worlds
from practice.services.environments import environment_connect
from practice.services.reaching import PackAsked
from practice.services.runs import LIMITS, run_start
from practice.tasks import check_environment, drive_run

TASKS, ATTEMPTS = 50, 8


@dataclass(slots=True)
class Count:
    """What was counted when so many attempts were done. ``memory`` is in megabytes."""

    attempts: int = 0
    statements: int = 0
    messages: int = 0
    seconds: float = 0.0
    memory: float = 0.0


def main(attempts: int, seed: int) -> None:
    """Drive a run of about ``attempts`` attempts and print what a tenth of it costs."""
    run = _started(attempts, seed)
    counts = _driven(run, step=max(attempts // 10, ATTEMPTS))
    tenths = [_between(a, b) for a, b in pairwise(counts)]
    first, last = tenths[0], tenths[-1]
    _figure("growth_attempts", counts[-1].attempts, None, seed)
    for name in ("statements_per_attempt", "messages_per_attempt", "milliseconds_per_attempt"):
        _figure(f"growth_{name}", last[name], first[name], seed)
    _figure("growth_memory_mb", counts[-1].memory, counts[1].memory, seed)


def _started(attempts: int, seed: int) -> Run:
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
    worlds.check(environment.pk)
    environment.refresh_from_db()
    environment.tools.update(is_enabled=True)
    return run_start(
        environment=environment,
        playbook=playbook_create(workspace=workspace, name="Growth", by=user),
        engine="rules",
        by=user,
        rounds=min(-(-attempts // (TASKS * ATTEMPTS)), LIMITS["rounds"]),
        tasks=TASKS,
        attempts=ATTEMPTS,
        seed=seed,
    )


def _driven(run: Run, *, step: int) -> list[Count]:
    """Work until the run ends, counting each ``step`` judged attempts."""
    seen, counts = Count(memory=_memory()), [Count(memory=_memory())]
    begun = time.monotonic()

    def count(execute: Callable[..., Any], *rest: Any) -> Any:
        seen.statements += 1
        return execute(*rest)

    with connection.execute_wrapper(count):
        bells = deque(rounds.drive(run.pk))
        while bells:
            seen.messages += 1
            rounds.work(bells.popleft())
            bells.extend(rounds.drive(run.pk))
            if seen.messages % 100 == 0 or not bells:
                _take(run, seen, counts, begun, step=step, last=not bells)
    return counts


def _take(
    run: Run, seen: Count, counts: list[Count], begun: float, *, step: int, last: bool
) -> None:
    before = seen.statements
    seen.attempts = Attempt.objects.filter(run=run).exclude(label="").count()
    seen.statements = before  # what is asked here is not the product's
    if seen.attempts - counts[-1].attempts >= step or (last and len(counts) < 3):
        now = time.monotonic() - begun
        counts.append(Count(seen.attempts, seen.statements, seen.messages, now, _memory()))


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


def _figure(name: str, value: float, peer: float | None, seed: int) -> None:
    line = {"figure": name, "value": value, "peer": peer, "seed": seed}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()
