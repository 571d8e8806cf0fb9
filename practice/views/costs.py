"""What practice costs and when it has paid for itself."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from practice.domain import breakeven
from practice.domain.prices import Total
from practice.queries import costs
from practice.views.paging import page_of

#: the drawing's size, and the box inside it that the two lines share.
WIDTH, HEIGHT = 360, 192
LEFT, RIGHT, TOP, BOTTOM = 52, 350, 12, 164
HIGHEST = Decimal(1_000_000)
AT_LEAST = "ledger, at least"
ESTIMATED = "what judging and learning cost per practice attempt"


class BreakEvenForm(forms.Form):
    """Both sides of the comparison; what is left out comes from the ledger or the paper."""

    construction = forms.DecimalField(
        label="Practice, once, $", required=False, min_value=0, max_value=HIGHEST, decimal_places=4
    )
    per_task = forms.DecimalField(
        label="Online learning, extra $ per user task",
        required=False,
        min_value=Decimal("0.000001"),
        max_value=HIGHEST,
        decimal_places=6,
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """The two ways with where each figure comes from. Costs are US dollars."""

    construction: Decimal
    construction_source: str
    per_task: Decimal
    per_task_source: str
    tasks: int | None
    rows: list[breakeven.Row]

    @property
    def is_least(self) -> bool:
        """Whether the cost of practice has unknown parts, so that its true sum is higher."""
        return self.construction_source == AT_LEAST

    @property
    def drawing(self) -> dict[str, object]:
        """Coordinates of the box, of both lines and of where they cross."""
        last = self.rows[-1]
        top = max(last.online, last.prepared) or Decimal(1)
        even = self.tasks or 0
        return {
            "flat_y": _y(self.construction, top),
            "end_x": _x(last.tasks, last.tasks),
            "end_y": _y(last.online, top),
            "even_x": _x(even, last.tasks),
            "even_y": _y(self.per_task * even, top),
            "width": WIDTH,
            "height": HEIGHT,
            "left": LEFT,
            "right": RIGHT,
            "top": TOP,
            "bottom": BOTTOM,
            "label_x": LEFT - 6,
            "count_y": BOTTOM + 18,
        }

    @property
    def last(self) -> breakeven.Row:
        return self.rows[-1]


@require_safe
@gate(Right.READ)
def costs_page(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    roles = costs.by_role(costs.ledger(workspace))
    aside = costs.aside(workspace)
    form = BreakEvenForm(request.GET or None)
    is_asked = form.is_bound and form.is_valid()
    asked = form.cleaned_data if is_asked else {"construction": None, "per_task": None}
    page = page_of(request, costs.runs_with_costs(workspace))
    construction, online = costs.construction(workspace), costs.online(workspace)
    context = {
        "roles": [role for role in roles if role.requests],
        "aside": aside,
        "total": costs.whole([*roles, *aside]),
        "tokens": sum(role.tokens for role in (*roles, *aside)),
        "cached": sum(role.cached_tokens for role in (*roles, *aside)),
        "page": page,
        "runs": costs.by_run(list(page.object_list)),
        "form": form,
        "construction": construction,
        "online": online,
        # What was entered and cannot be used must not seem to have given a figure.
        "compared": None
        if form.is_bound and not is_asked
        else compared(
            asked["construction"],
            asked["per_task"],
            construction,
            online,
            costs.learning(workspace),
        ),
        "published": breakeven.PUBLISHED,
    }
    return render(request, "practice/costs.html", context)


def compared(
    construction: Decimal | None,
    per_task: Decimal | None,
    ledger: Total,
    online: costs.OnlineCost,
    learning: costs.OnlineCost,
) -> Compared:
    """Put both sides together: what was entered, else the ledger, else the paper's figures.

    What this workspace pays is never set against what the paper paid, at other prices: without a
    ledger of online learning the same roles in practice say what it would cost, and where nothing
    says it both sides are the paper's.
    """
    paper = breakeven.PUBLISHED[0]
    source = task_source = "entered"
    if per_task is None and online.per_task is not None:
        task_source, per_task = "ledger", online.per_task
    elif per_task is None and learning.per_task is not None:
        task_source, per_task = ESTIMATED, learning.per_task
    if construction is None and ledger.known and per_task is not None:
        # A sum with unknown parts is a floor, and is said to be one.
        source = AT_LEAST if ledger.is_least else "ledger"
        construction = ledger.known
    if construction is None:
        source, construction = f"paper, {paper.name}", paper.construction
        if task_source != "entered":
            per_task = None
    if per_task is None:
        task_source, per_task = f"paper, {paper.name}", paper.per_task
    return Compared(
        construction=construction,
        construction_source=source,
        per_task=per_task,
        per_task_source=task_source,
        tasks=breakeven.tasks_to_break_even(construction, per_task),
        rows=breakeven.rows(construction, per_task),
    )


def _x(tasks: int, last: int) -> str:
    return f"{LEFT + (RIGHT - LEFT) * tasks / (last or 1):.1f}"


def _y(dollars: Decimal, top: Decimal) -> str:
    return f"{BOTTOM - (BOTTOM - TOP) * float(dollars / top):.1f}"
