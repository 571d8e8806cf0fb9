"""Environments: the list, connecting one, its tools and what was learned of it."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, allows, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from practice.forms import EnvironmentForm
from practice.models import Environment
from practice.queries.environments import environments
from practice.queries.runs import run_rows, runs, with_figures
from practice.services.environments import (
    environment_check,
    environment_connect,
    tool_allow,
)
from practice.views.filters import PAGE_SIZE
from practice.views.tools import card_of

RUNS_SHOWN = 5
FACTS_SHOWN = 20


@require_safe
@gate(Right.READ)
def environment_list(request: HttpRequest) -> HttpResponse:
    found = environments(workspace_of(request))
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {"page": page, "may_administer": _may_administer(request)}
    return render(request, "practice/environment_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.ADMINISTER)
def connect(request: HttpRequest) -> HttpResponse:
    form = EnvironmentForm(request.POST or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                environment = environment_connect(
                    workspace=workspace_of(request), by=request.user, **form.as_arguments()
                )
            except UnableTo as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                return redirect(environment)
    return render(request, "practice/environment_connect.html", {"form": form}, status=status)


@require_safe
@gate(Right.READ)
def environment_detail(request: HttpRequest, slug: str) -> HttpResponse:
    environment = _environment(request, slug)
    is_checking = environment.status == Environment.Status.CHECKING
    if request.htmx and is_checking:  # type: ignore[attr-defined]
        # Nothing new: htmx leaves the page as it is and asks again.
        return HttpResponse(status=204)
    template = "practice/environment_detail.html"
    if request.htmx:  # type: ignore[attr-defined]
        template += "#environment"
    return render(request, template, _detail(request, environment, is_checking=is_checking))


def _detail(
    request: HttpRequest, environment: Environment, *, is_checking: bool
) -> dict[str, object]:
    cards = [card_of(tool) for tool in environment.tools.all()]
    found = runs(environment.workspace, environment=environment.slug)
    facts = environment.facts.select_related("task", "run")
    return {
        "environment": environment,
        "is_checking": is_checking,
        "cards": cards,
        "on_count": sum(card.is_on for card in cards),
        "present_count": sum(card.tool.is_present for card in cards),
        "cautious_count": sum(card.is_cautious and not card.is_on for card in cards),
        "facts": Paginator(facts, FACTS_SHOWN).get_page(request.GET.get("page")),
        "run_rows": run_rows(environment.workspace, with_figures(found)[:RUNS_SHOWN]),
        "run_count": found.count(),
        "may_administer": _may_administer(request),
        "may_review": membership_of(request).may_review,
    }


@require_POST
@gate(Right.ADMINISTER)
def check(request: HttpRequest, slug: str) -> HttpResponse:
    environment = _environment(request, slug)
    environment_check(environment=environment, by=request.user)
    return redirect(environment)


@require_POST
@gate(Right.ADMINISTER)
def allow(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    environment = _environment(request, slug)
    tool = object_or_404(environment.tools.all(), name=name)
    allowed, problem, status = request.POST.get("allowed") == "on", "", 200
    try:
        tool = tool_allow(tool=tool, allowed=allowed, by=request.user)
    except UnableTo as error:
        problem, status = str(error), error.status
    if request.htmx:  # type: ignore[attr-defined]
        context = {
            "environment": environment,
            "card": card_of(tool, refused=problem),
            "may_administer": True,
        }
        return render(request, "practice/parts/tool.html", context, status=status)
    if problem:
        messages.error(request, problem)
    else:
        said = "on" if tool.is_enabled else "off"
        messages.success(request, f"{tool.name} is {said} for runs that start from now on.")
    return redirect(f"{environment.get_absolute_url()}#tool-{tool.pk}")


def _environment(request: HttpRequest, slug: str) -> Environment:
    found = Environment.objects.filter(workspace=workspace_of(request))
    return object_or_404(found.select_related("workspace"), slug=slug)


def _may_administer(request: HttpRequest) -> bool:
    return allows(membership_of(request), Right.ADMINISTER)
