"""How far a run is: rounds, judged attempts, open trouble, cost, and what its charts draw."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from memoryapp.queries.origins import candidates_by_origin, first_evidence
from practice.domain import metrics
from practice.domain.silence import ROLES
from practice.domain.types import PracticeRecord
from practice.models import Attempt, ModelSilence, PracticeTask, Run, Step, Unit
from practice.queries.lessons import moved
from practice.queries.silence import models_of, silent


@dataclass(frozen=True, slots=True)
class RoundCell:
    """One round of the progress line, counted in attempts."""

    number: int
    total: int
    done: int
    running: int
    #: whether its tasks were chosen; until then its proposer is at work.
    is_begun: bool = True


@dataclass(frozen=True, slots=True)
class Totals:
    """Attempts of a run by where they ended. ``unjudged_errors`` never reach proposer memory."""

    planned: int
    judged: int
    success: int
    failure: int
    infeasible: int
    unjudged_errors: int
    retrying: int
    step_limit: int


@dataclass(frozen=True, slots=True)
class RoundSeries:
    """Per finished round, oldest first: the numbers behind the charts.

    ``tools`` and ``entropy`` (bits) are over all rounds so far, as the paper counts them.
    """

    infeasible: tuple[int, ...]
    practised: tuple[int, ...]
    tools: tuple[int, ...]
    entropy: tuple[float, ...]
    candidates: tuple[int, ...]

    @property
    def infeasible_share(self) -> float | None:
        return sum(self.infeasible) / sum(self.practised) if sum(self.practised) else None


def fingerprint(run: Run) -> str:
    """A short text that changes when anything on the run's page does; six small queries."""
    seen: list[Any] = [run.status, run.message, str(run.spent())]
    seen += run.units.order_by("status").values_list("status").annotate(Count("pk"), Sum("tries"))
    seen += (
        run.attempts.order_by("status", "label")
        .values_list("status", "label")
        .annotate(Count("pk"))
    )
    seen += [(row.model, row.tries) for row in silent_models(run)]
    seen.append(moved(run))
    seen.append(Step.objects.filter(attempt__run=run).count())
    link = run.get_absolute_url()
    seen.append(sorted(candidates_by_origin(run.workspace, [link])[link].items()))
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def silent_models(run: Run) -> list[ModelSilence]:
    """Models without an answer that an unfinished run may wait for; none for the rules engine."""
    if not run.is_unfinished or run.engine != "model":
        return []
    # A model that the settings name no more is asked by nobody, so its silence never ends.
    return list(silent().filter(model__in=models_of(*chain.from_iterable(ROLES.values()))))


#: a cancelled attempt has ended too, and nothing was done.
_OVER = ~Q(label="") | Q(ended_at__isnull=False, status=Attempt.Status.INFRASTRUCTURE_ERROR)


def attempts_done(run: Run) -> tuple[int, int]:
    """How many attempts were made to their end, and of how many: planned ones or all there are.

    An experiment tries its tasks under arms, so what it planned is what there is.
    """
    if run.kind == Run.Kind.PRACTICE:
        cells = round_cells(run)
        return sum(cell.done for cell in cells), sum(cell.total for cell in cells)
    counted = run.attempts.aggregate(done=Count("pk", filter=_OVER), total=Count("pk"))
    return counted["done"], counted["total"]


def round_cells(run: Run) -> list[RoundCell]:
    """One cell per planned round; a round not yet proposed has nothing done."""
    plan = run.frozen
    at_work = Q(label="", status__in=[Attempt.Status.RUNNING, *_SOLVED])
    rows = (
        run.attempts.filter(arm=None)
        .values_list("task__round__number")
        .annotate(
            total=Count("pk"), done=Count("pk", filter=_OVER), running=Count("pk", filter=at_work)
        )
    )
    begun = {row[0]: RoundCell(*row) for row in rows}
    planned = plan.tasks * plan.attempts
    return [
        begun.get(number) or RoundCell(number, total=planned, done=0, running=0, is_begun=False)
        for number in range(1, plan.rounds + 1)
    ]


_SOLVED = (Attempt.Status.FINISHED, Attempt.Status.STEP_LIMIT)


def totals(run: Run) -> Totals:
    """Count the practice attempts of a run by label and by how they stopped."""
    plan = run.frozen
    error = Q(status=Attempt.Status.INFRASTRUCTURE_ERROR)
    counted = run.attempts.filter(arm=None).aggregate(
        judged=Count("pk", filter=~Q(label="")),
        success=Count("pk", filter=Q(label=Attempt.Label.SUCCESS)),
        failure=Count("pk", filter=Q(label=Attempt.Label.FAILURE)),
        infeasible=Count("pk", filter=Q(label=Attempt.Label.INFEASIBLE)),
        unjudged_errors=Count("pk", filter=error & Q(ended_at__isnull=False)),
        retrying=Count("pk", filter=error & Q(ended_at=None)),
        step_limit=Count("pk", filter=Q(outcome=Attempt.Status.STEP_LIMIT)),
    )
    return Totals(planned=plan.rounds * plan.tasks * plan.attempts, **counted)


def time_left(run: Run, now: datetime) -> timedelta | None:
    """The time the rounds still to come would take at the pace of the finished ones."""
    ended = [r.ended_at for r in run.rounds.all() if r.ended_at is not None]
    if not ended or run.status != Run.Status.RUNNING:
        return None
    per_round = (max(ended) - run.started_at) / len(ended)
    left = run.started_at + per_round * run.frozen.rounds - now
    return max(left, timedelta(0))


def calls_by_tool(run: Run) -> dict[str, Counter[int]]:
    """Tool to executed calls per round, from the try that counts of each attempt.

    A call of a tool the run does not have was answered with an error and not executed.
    """
    known = run.frozen.tools
    found: dict[str, Counter[int]] = {}
    rows = (
        Step.objects.filter(
            attempt__run=run, attempt__arm=None, try_number=F("attempt__current_try")
        )
        .order_by()
        .values_list("tool", "attempt__task__round__number")
        .annotate(total=Count("pk"))
    )
    for tool, number, total in rows:
        if tool not in known and run.kind != Run.Kind.ONLINE:
            continue
        found.setdefault(tool, Counter())[number] += total
    return found


def round_series(run: Run) -> RoundSeries:
    """The construction metrics per finished round (Preping, table 3), and new candidates."""
    by_round: dict[int, list[PracticeRecord]] = {}
    for row in run.records.select_related("task__round"):
        record = row.as_value()
        by_round.setdefault(record.round, []).append(record)
    proposed = candidates_by_round(run)
    so_far: list[PracticeRecord] = []
    infeasible, practised, tools, entropy, new = [], [], [], [], []
    for number in range(1, max(by_round, default=0) + 1):
        records = by_round.get(number, [])
        so_far += records
        infeasible.append(round(metrics.infeasible_share(records) * len(records)))
        practised.append(len(records))
        tools.append(metrics.unique_tools(so_far))
        entropy.append(round(metrics.entropy_bits(metrics.invocations(so_far)), 2))
        new.append(proposed[number])
    return RoundSeries(
        tuple(infeasible), tuple(practised), tuple(tools), tuple(entropy), tuple(new)
    )


def candidates_by_round(run: Run) -> Counter[int]:
    """Candidates by the round whose attempt they were first learned from."""
    links = first_evidence(run.workspace, run.get_absolute_url())
    rounds = {
        attempt.get_absolute_url(): attempt.task.round.number
        for attempt in run.attempts.filter(label__gt="").select_related("task__round")
    }
    pages = [link.partition("#")[0] for link in links.values()]
    return Counter(rounds[page] for page in pages if page in rounds)


def troubled_units(run: Run) -> QuerySet[Unit]:
    """Units that failed for good or wait to be tried again, newest first."""
    again = Q(status=Unit.Status.WAITING, message__gt="")
    return run.units.filter(Q(status=Unit.Status.FAILED) | again).order_by("-pk")


def seed_outcomes(run: Run) -> list[dict[str, Any]]:
    """What last became of each seed task, as ``Round.seeds`` has it, and in which ``round``."""
    found: dict[str, dict[str, Any]] = {}
    rounds = run.rounds.exclude(seeds=[]).order_by("number")
    for number, seeds in rounds.values_list("number", "seeds"):
        found |= {seed["asked"]: {"round": number, **seed} for seed in seeds}
    return list(found.values())


def dropped_by_round(run: Run) -> list[tuple[int, Sequence[PracticeTask]]]:
    """Candidates novelty selection left out, newest round first, each with its reason."""
    found: dict[int, list[PracticeTask]] = {}
    rows = PracticeTask.objects.filter(round__run=run, drop_reason__gt="").select_related("round")
    for task in rows.order_by("-round__number", "number"):
        found.setdefault(task.round.number, []).append(task)
    return list(found.items())
