"""Starting a run."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.views.links import htmx_of, parameter
from practice.forms import RunForm, model_name, run_defaults
from practice.models import Environment, EnvironmentTool
from practice.services.runs import run_start


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def run_new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    status = 200
    if request.method == "POST":
        form = RunForm(request.POST, workspace=workspace)
        status = 422
        if form.is_valid():
            try:
                return redirect(run_start(by=request.user, **form.cleaned_data))
            except UnableTo as error:
                form.add_error(None, str(error))
                status = error.status
    else:
        form = RunForm(initial=_initial(request), workspace=workspace)
    is_part = bool(htmx_of(request)) and request.method == "GET"
    context = {
        "form": form,
        "is_part": is_part,
        "held_out_tries": 0 if form.is_faithful else form.held_out_tries(),
        "solver_runs": form.solver_runs(),
        "model": model_name(),
        "environments": workspace.environments.all(),
        "snapshots": form.fields["snapshot"].queryset.exists(),  # type: ignore[attr-defined]
        "playbooks": workspace.playbooks.all(),
        "may_edit": membership_of(request).may_edit,
    }
    template = "practice/run_start.html"
    if is_part:
        template += "#estimate"
    return render(request, template, context, status=status)


def _initial(request: HttpRequest) -> dict[str, object]:
    """Defaults for the asked environment, overlaid with whatever the address says."""
    asked = {name: parameter(request, name) for name in request.GET}
    rows = Environment.objects.filter(workspace=workspace_of(request))
    slug = asked.get("environment", "")
    chosen = rows.filter(slug=slug).first() or _with_tool(rows, asked.get("focus", ""))
    chosen = chosen or rows.order_by("-is_sample", "name").first()
    given: dict[str, object] = {name: value for name, value in asked.items() if value}
    for name in _TICKED & asked.keys():
        given[name] = asked[name] in _YES
    if "refresh" in asked:
        # The form itself asks: what it left out is a box that is not ticked.
        given |= dict.fromkeys(_TICKED - asked.keys(), False)
    return {**run_defaults(chosen), **given}


def _with_tool(rows: QuerySet[Environment], focus: str) -> Environment | None:
    """The first environment that offers the first tool of ``focus``."""
    tool = focus.partition(",")[0].strip()
    if not tool:
        return None
    offers = EnvironmentTool.objects.usable().filter(environment=OuterRef("pk"), name=tool)
    return rows.filter(Exists(offers)).order_by("name").first()


_TICKED = {"faithful", "consolidate", "drift_watch", "condense"}
_YES = {"on", "true", "1"}
