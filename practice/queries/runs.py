"""The list of runs with their figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum

from memoryapp.models import Workspace
from memoryapp.queries.origins import candidates_by_origin
from practice.models import Attempt, LedgerEntry, Round, Run
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

    Trials of lessons are no practice: they are left out.
    """
    practised = Q(attempts__arm=None)

    def labelled(label: str) -> Count:
        return Count("attempts", filter=practised & Q(attempts__label=label))

    newest = Round.objects.filter(run=OuterRef("pk")).order_by("-number").values("number")[:1]
    cost = (
        LedgerEntry.objects.filter(run=OuterRef("pk"))
        .order_by()
        .values("run")
        .annotate(total=Sum("cost"), unpriced=unpriced())
    )
    return found.annotate(
        judged=Count("attempts", filter=practised & ~Q(attempts__label="")),
        success=labelled(Attempt.Label.SUCCESS),
        failure=labelled(Attempt.Label.FAILURE),
        infeasible=labelled(Attempt.Label.INFEASIBLE),
        newest_round=Subquery(newest),
        cost=Subquery(cost.values("total")),
        unpriced=Subquery(cost.values("unpriced")),
    ).order_by("-number")


def run_rows(workspace: Workspace, found: Iterable[Run]) -> list[RunRow]:
    """Join a page of runs with what each has proposed, in one query."""
    page = list(found)
    proposed = candidates_by_origin(workspace, [run.get_absolute_url() for run in page])
    return [RunRow(run, proposed[run.get_absolute_url()]) for run in page]
