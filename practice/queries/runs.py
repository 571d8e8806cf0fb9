"""The list of runs with their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from memoryapp.models import Workspace
from memoryapp.queries.origins import candidates_by_origin
from practice.models import Attempt, AttemptTally, LedgerEntry, Round, Run
from practice.queries.costs import unpriced


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run as the list shows it. ``proposed`` counts its candidates per status."""

    run: Run
    proposed: Counter[str]

    @property
    def new_candidates(self) -> int:
        return self.proposed.total()


def runs(
    workspace: Workspace, *, status: str = "", environment: str = "", engine: str = ""
) -> QuerySet[Run]:
    """The runs of a workspace that match a filter, newest first; experiments are listed apart."""
    found = Run.objects.filter(workspace=workspace).exclude(kind=Run.Kind.EXPERIMENT)
    if status:
        found = found.filter(status=status)
    if environment:
        found = found.filter(environment__slug=environment)
    if engine:
        found = found.filter(engine=engine)
    return found.select_related("environment", "playbook", "started_by")


def with_figures(found: QuerySet[Run]) -> QuerySet[Run]:
    """Runs with their judged attempts, newest round and cost, counted by the database.

    Trials of lessons are no practice: they are left out. Attempts are summed up from tallies, so
    that a page of runs reads a few rows for each of its own and none of the others.
    """
    practised = AttemptTally.objects.filter(
        workspace=OuterRef("workspace"),
        environment=OuterRef("environment"),
        run=OuterRef("pk"),
        is_trial=False,
    )

    def summed(parts: QuerySet[AttemptTally]) -> Coalesce:
        total = parts.order_by().values("run").annotate(total=Sum("amount")).values("total")
        return Coalesce(Subquery(total), 0)

    newest = Round.objects.filter(run=OuterRef("pk")).order_by("-number").values("number")[:1]
    cost = (
        LedgerEntry.objects.filter(run=OuterRef("pk"))
        .order_by()
        .values("run")
        .annotate(total=Sum("cost"), unpriced=unpriced())
    )
    return found.annotate(
        judged=summed(practised.exclude(label="")),
        success=summed(practised.filter(label=Attempt.Label.SUCCESS)),
        failure=summed(practised.filter(label=Attempt.Label.FAILURE)),
        infeasible=summed(practised.filter(label=Attempt.Label.INFEASIBLE)),
        newest_round=Subquery(newest),
        cost=Subquery(cost.values("total")),
        unpriced=Subquery(cost.values("unpriced")),
    ).order_by("-number")


def run_rows(workspace: Workspace, found: Iterable[Run]) -> list[RunRow]:
    """Join a page of runs with what each has proposed, in one query."""
    page = list(found)
    proposed = candidates_by_origin(workspace, [run.get_absolute_url() for run in page])
    return [RunRow(run, proposed[run.get_absolute_url()]) for run in page]
