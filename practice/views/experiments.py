"""Experiments: the list, starting one, and what one found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.queries.facets import facet
from memoryapp.views.links import changed, chips, htmx_of, parameter
from practice.domain.paired import MARGIN
from practice.forms import model_name
from practice.models import Arm, Attempt, Experiment, Run
from practice.queries import experiments as queries
from practice.queries.costs import by_role, whole
from practice.queries.progress import fingerprint, troubled_units
from practice.services.experiments import experiment_start
from practice.views.experiment_form import CHOSEN, ExperimentForm
from practice.views.paging import page_of
from practice.views.states import shown_state

TROUBLE_SHOWN = 10
#: masked arms that are shown task by task; more would make a table nobody can read.
MASKED_SHOWN = 4


@require_safe
@gate(Right.READ)
def experiment_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = {name: parameter(request, name) for name in ("playbook", "status")}
    found = queries.experiments(workspace, **asked)
    page = page_of(request, found)
    by_status = queries.experiments(workspace, **asked | {"status": ""})
    context = {
        "page": page,
        "rows": [_row(experiment) for experiment in page.object_list],
        "chips": chips(request, "status", Run.Status.choices, facet(by_status, "run__status")),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "playbooks": workspace.playbooks.order_by("name"),
        "may_review": membership_of(request).may_review,
    }
    return render(request, "practice/experiment_list.html", context)


def _row(experiment: Experiment) -> dict[str, Any]:
    """An experiment with the two figures that matter, where it has them."""
    arms = {arm["role"]: arm for arm in experiment.result.get("arms", ())}
    main = next(iter(experiment.result.get("compared", ())), None)
    return {
        "experiment": experiment,
        "run": experiment.run,
        "none": arms.get("none"),
        "memory": arms.get("memory"),
        "p": main["p"] if main and main["n"] else None,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def experiment_new(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    status = 200
    is_estimate = bool(htmx_of(request)) and request.method == "GET"
    if request.method == "POST":
        form = ExperimentForm(request.POST, workspace=workspace)
        status = 422
        if form.is_valid():
            try:
                return redirect(experiment_start(by=request.user, **form.as_arguments()))
            except UnableTo as error:
                form.add_error(None, str(error))
                status = error.status
    elif is_estimate:
        form = ExperimentForm(request.GET, workspace=workspace)
    else:
        form = ExperimentForm(initial=_initial(request), workspace=workspace)
    context = {
        "form": form,
        "estimate": form.estimate(),
        "model": model_name(),
        "environments": workspace.environments.all(),
        "playbooks": workspace.playbooks.all(),
        "may_edit": membership_of(request).may_edit,
        "margin": MARGIN,
    }
    template = "practice/experiment_start.html"
    return render(request, template + "#estimate" * is_estimate, context, status=status)


def _initial(request: HttpRequest) -> dict[str, Any]:
    """What the address names: a playbook, its release, labels to leave out, an environment."""
    asked = {name: value for name in request.GET if (value := parameter(request, name))}
    initial: dict[str, Any] = {
        name: asked[name]
        for name in ("environment", "engine", "tasks", "attempts", "seed", "budget", "is_gate")
        if name in asked
    }
    if "playbook" in asked:
        initial["measured"] = f"{asked['playbook']}:{asked.get('release', '')}"
    if "bullets" in asked:
        initial |= {"mask": CHOSEN, "bullets": asked["bullets"]}
    return initial


@require_safe
@gate(Right.READ)
def experiment_detail(request: HttpRequest, number: int) -> HttpResponse:
    found = Experiment.objects.filter(run__workspace=workspace_of(request)).select_related(
        "run__workspace", "run__environment", "run__playbook", "run__started_by", "release"
    )
    experiment = object_or_404(found, run__number=number)
    template = "practice/experiment_detail.html"
    if htmx_of(request):
        if parameter(request, "seen") == fingerprint(experiment.run):
            return HttpResponse(status=204)
        template += "#experiment"
    return render(request, template, _context(request, experiment))


def _context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    run = experiment.run
    attempts = list(
        run.attempts.exclude(arm=None).select_related("task", "arm").order_by("task_id", "number")
    )
    result = experiment.result or (queries.computed(experiment) if attempts else {})
    roles = by_role(run.ledger.all())
    trouble = troubled_units(run)
    arms = list(run.arms.all())
    masked = [arm for arm in arms if arm.masked]
    left_out = masked if len(masked) > MASKED_SHOWN else []
    shown = [arm for arm in arms if arm not in left_out]
    return {
        "experiment": experiment,
        "run": run,
        "plan": run.frozen,
        "seen": fingerprint(run),
        "refresh_url": changed(request),
        "result": result,
        "is_final": bool(experiment.result),
        "tasks": _tasks(attempts, shown),
        "shown_arms": shown,
        "masked_aside": len(left_out),
        "judged": sum(bool(attempt.label) for attempt in attempts),
        "total": len(attempts),
        "margin": MARGIN,
        "roles": roles,
        "spent": whole(roles),
        "trouble": list(trouble[:TROUBLE_SHOWN]),
        "may_review": membership_of(request).may_review,
    }


def _tasks(attempts: Sequence[Attempt], shown: Sequence[Arm]) -> list[dict[str, Any]]:
    """Each task with its attempts under each shown arm; ``differs`` where those disagree.

    They disagree by either measure: a success with a failed call is not one without.
    """
    tasks: dict[int, dict[str, Any]] = {}
    for attempt in attempts:
        task = tasks.setdefault(attempt.task_id, {"task": attempt.task, "tried": []})
        task["tried"].append(attempt)
    for task in tasks.values():
        by_arm = {arm.pk: [a for a in task["tried"] if a.arm_id == arm.pk] for arm in shown}
        seen = {
            (a.label, a.label == Attempt.Label.SUCCESS and a.error_count > 0)
            for tried in by_arm.values()
            for a in tried
            if a.label
        }
        task["differs"] = len(seen) > 1
        task["is_left_out"] = {a.label for a in task["tried"]} == {Attempt.Label.INFEASIBLE}
        task["cells"] = [[(a, shown_state(a)) for a in tried] for tried in by_arm.values()]
    return sorted(tasks.values(), key=lambda row: (not row["differs"], row["task"].pk))
