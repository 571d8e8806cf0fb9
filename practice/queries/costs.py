"""What practice has cost: tokens and money by role and by run, from the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest

from memoryapp.models import Workspace
from practice.domain.prices import Total
from practice.domain.rounds import RunKind
from practice.models import Attempt, LedgerEntry, ModelCall, Run
from practice.models.runs import EMBEDDING

#: How the ledger's roles are said to people, in the order they work.
ROLES = {
    "proposer": "Proposing",
    "solver": "Solving",
    "condenser": "Condensing tool output",
    "validator": "Validation",
    "reflector": "Reflection",
    "curator": "Curation",
    "consolidator": "Consolidation",
    "summariser": "Environment facts",
    EMBEDDING: "Comparing tasks",
}
_UNPRICED = Q(cost=None)


@dataclass(frozen=True, slots=True)
class RoleCost:
    """What one role has used; tokens are the provider's own figures."""

    name: str
    requests: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    total: Total

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class RunCost:
    run: Run
    requests: int
    tokens: int
    cached: int
    total: Total


def unpriced() -> Coalesce:
    """How many calls of a part of the ledger have no price; an entry is at least one."""
    return Coalesce(Sum(Greatest(F("requests"), 1), filter=_UNPRICED), 0)


def _sums() -> dict[str, Any]:
    return {
        "asked": Coalesce(Sum("requests"), 0),
        "read": Coalesce(Sum("input_tokens"), 0),
        "written": Coalesce(Sum("output_tokens"), 0),
        "cached": Coalesce(Sum("cached_tokens"), 0),
        "known": Coalesce(Sum("cost"), Decimal(0)),
        "unpriced": unpriced(),
    }


def by_role(entries: QuerySet[LedgerEntry]) -> list[RoleCost]:
    """A part of the ledger by role, in the order the roles work."""
    rows: list[Any] = list(entries.order_by().values("role").annotate(**_sums()))
    known = list(ROLES)
    rows.sort(key=lambda row: known.index(row["role"]) if row["role"] in known else len(known))
    return [
        RoleCost(
            name=ROLES.get(row["role"], row["role"].title()),
            requests=row["asked"],
            input_tokens=row["read"],
            output_tokens=row["written"],
            cached_tokens=row["cached"],
            total=Total(row["known"], row["unpriced"]),
        )
        for row in rows
    ]


def whole(roles: Iterable[RoleCost]) -> Total:
    return sum((role.total for role in roles), Total())


def ledger(workspace: Workspace) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(run__workspace=workspace)


def runs_with_costs(workspace: Workspace) -> QuerySet[Run]:
    """Runs that are in the ledger, newest first."""
    paid = LedgerEntry.objects.filter(run__workspace=workspace, requests__gt=0).values("run")
    found = workspace.runs.filter(pk__in=paid).select_related("environment", "playbook")
    return found.order_by("-number")


def by_run(runs: Sequence[Run]) -> list[RunCost]:
    """What each run of a page has cost, in one query."""
    entries = LedgerEntry.objects.filter(run__in=[run.pk for run in runs])
    rows: list[Any] = list(entries.order_by().values("run").annotate(**_sums()))
    found = {row["run"]: row for row in rows}
    return [
        RunCost(
            run=run,
            requests=row["asked"],
            tokens=row["read"] + row["written"],
            cached=row["cached"],
            total=Total(row["known"], row["unpriced"]),
        )
        for run in runs
        if (row := found.get(run.pk)) is not None
    ]


def aside(workspace: Workspace) -> list[RoleCost]:
    """What belongs to no run: dry runs of prompts, and analyses; without those nobody asked for."""
    calls = ModelCall.objects.filter(workspace=workspace, run=None)
    parts = {
        "Dry runs of prompts": calls.filter(trial__isnull=False),
        "Root-cause analyses": calls.filter(trial=None),
    }
    found = [_apart(name, asked) for name, asked in parts.items()]
    return [part for part in found if part.requests]


def _apart(name: str, calls: QuerySet[ModelCall]) -> RoleCost:
    row = calls.aggregate(
        asked=Count("pk"),
        read=Coalesce(Sum("input_tokens"), 0),
        written=Coalesce(Sum("output_tokens"), 0),
        cached=Coalesce(Sum("cached_tokens"), 0),
        known=Coalesce(Sum("cost"), Decimal(0)),
        unpriced=Count("pk", filter=_UNPRICED),
    )
    return RoleCost(
        name,
        row["asked"],
        row["read"],
        row["written"],
        row["cached"],
        Total(row["known"], row["unpriced"]),
    )


def construction(workspace: Workspace) -> Total:
    """What all practice runs have cost: the price of preparing, paid once."""
    return whole(by_role(ledger(workspace).filter(run__kind=RunKind.PRACTICE)))


#: What learning online adds to a user's task, which its agent solves in any case.
LEARNING = ("validator", "reflector", "curator")


@dataclass(frozen=True, slots=True)
class OnlineCost:
    """What learning from attempts has cost so far."""

    total: Total
    tasks: int

    @property
    def per_task(self) -> Decimal | None:
        """US dollars per user task; ``None`` where nothing of it is known."""
        if not self.tasks or self.total.unpriced or not self.total.known:
            return None
        return self.total.known / self.tasks


def online(workspace: Workspace) -> OnlineCost:
    """What online runs have cost, and over how many tasks of users."""
    entries = ledger(workspace).filter(run__kind=RunKind.ONLINE)
    return OnlineCost(whole(by_role(entries)), _judged_where_paid(entries))


def learning(workspace: Workspace) -> OnlineCost:
    """What judging and learning have cost in practice, over its attempts.

    The same roles would do the same after each user task, at the same prices. Attempts of the
    rules engine cost nothing and say nothing about it.
    """
    entries = ledger(workspace).filter(run__kind=RunKind.PRACTICE, role__in=LEARNING)
    return OnlineCost(whole(by_role(entries)), _judged_where_paid(entries))


def _judged_where_paid(entries: QuerySet[LedgerEntry]) -> int:
    """Attempts of the runs that asked a model, trials too: each was judged for its money."""
    paid = entries.filter(requests__gt=0).values("run")
    return Attempt.objects.filter(run__in=paid).exclude(label="").count()
