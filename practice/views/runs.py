"""Runs: the list, one run while it works and after, and the three ways to steer it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.queries.facets import facet
from memoryapp.views.links import chips, htmx_of, parameter
from practice.models import Run
from practice.queries.progress import fingerprint
from practice.queries.runs import run_rows, runs, with_figures
from practice.services.runs import run_cancel, run_pause, run_resume
from practice.views.paging import page_of
from practice.views.run_page import run_context


@require_safe
@gate(Right.READ)
def run_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = {name: parameter(request, name) for name in _FILTERS}
    found = runs(workspace, **asked)
    page = page_of(request, with_figures(found))
    context = {
        "page": page,
        "rows": run_rows(workspace, page.object_list),
        "chips": chips(
            request,
            "status",
            Run.Status.choices,
            facet(runs(workspace, **asked | {"status": ""}), "status"),
        ),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "environments": workspace.environments.order_by("name"),
        "may_review": membership_of(request).may_review,
        "may_edit": membership_of(request).may_edit,
    }
    return render(request, "practice/run_list.html", context)


_FILTERS = ("status", "environment", "engine")


@require_safe
@gate(Right.READ)
def run_detail(request: HttpRequest, number: int) -> HttpResponse:
    run = _run(request, number)
    if run.kind == Run.Kind.EXPERIMENT:
        return redirect(run)
    template = "practice/run_detail.html"
    if htmx_of(request):
        if parameter(request, "seen") == fingerprint(run):
            # Nothing has moved: htmx leaves the page as it is, with all that is open on it.
            return HttpResponse(status=204)
        template += "#run"
    return render(request, template, run_context(request, run))


@require_POST
@gate(Right.REVIEW)
def pause(request: HttpRequest, number: int) -> HttpResponse:
    return _steer(request, number, run_pause, "is paused. Attempts under way finish and are kept.")


@require_POST
@gate(Right.REVIEW)
def resume(request: HttpRequest, number: int) -> HttpResponse:
    return _steer(request, number, run_resume, "goes on where it stood.")


@require_POST
@gate(Right.REVIEW)
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    return _steer(
        request, number, run_cancel, "is cancelled. What was judged and proposed so far stays."
    )


def _steer(request: HttpRequest, number: int, act: Callable[..., Any], said: str) -> HttpResponse:
    run = _run(request, number)
    try:
        act(run=run, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{run} {said}")
    return redirect(run)


def _run(request: HttpRequest, number: int) -> Run:
    found = Run.objects.filter(workspace=workspace_of(request))
    return object_or_404(
        found.select_related("workspace", "environment", "snapshot", "playbook", "started_by"),
        number=number,
    )
