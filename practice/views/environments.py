"""Environments: the list, connecting one, its tools and what was learned of it."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, allows, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.forms import first_error
from memoryapp.queries.meanwhile import Meanwhile, meanwhile
from memoryapp.views.links import htmx_of, parameter
from practice.models import Environment
from practice.queries.environments import environments
from practice.queries.runs import run_rows, runs, with_figures
from practice.services.environments import (
    SLOT_LIMIT,
    environment_check,
    environment_check_reset,
    environment_connect,
    environment_reach,
    environment_resize,
    reached_by,
    slots_of,
)
from practice.services.samples import sample_load
from practice.services.snapshots import snapshot_delete, snapshot_take
from practice.services.tools import switch_of, tool_allow
from practice.views.addressed import environment_or_404
from practice.views.drift import drift_context
from practice.views.environment_forms import (
    ACCESS_FORMS,
    AccessForm,
    EnvironmentForm,
    SlotsForm,
)
from practice.views.paging import page_of
from practice.views.tools import card_of

RUNS_SHOWN = 5
FACTS_SHOWN = 20
#: a server may offer thousands, and each is drawn with its parameters.
TOOLS_SHOWN = 200


@require_safe
@gate(Right.READ)
def environment_list(request: HttpRequest) -> HttpResponse:
    found = environments(workspace_of(request))
    page = page_of(request, found)
    context = {"page": page, "may_edit": _may_edit(request)}
    return render(request, "practice/environment_list.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.EDIT)
def connect(request: HttpRequest) -> HttpResponse:
    form = EnvironmentForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                environment = environment_connect(
                    workspace=workspace_of(request), by=request.user, **form.as_arguments()
                )
            except UnableTo as error:
                form.add_error(error.field if error.field in form.fields else None, str(error))
                status = error.status
            else:
                return redirect(environment)
    return render(request, "practice/environment_connect.html", {"form": form}, status=status)


@require_POST
@gate(Right.EDIT)
def sample(request: HttpRequest) -> HttpResponse:
    """The sample help desk, for a workspace that was made without it."""
    try:
        environment, _ = sample_load(workspace=workspace_of(request), by=request.user)
    except UnableTo as refusal:
        messages.error(request, str(refusal))
        return redirect("environment-list")
    return redirect(environment)


@require_safe
@gate(Right.READ)
def environment_detail(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    is_checking = environment.status == Environment.Status.CHECKING
    if htmx_of(request) and is_checking:
        # Nothing new: htmx leaves the page as it is and asks again.
        return HttpResponse(status=204)
    return _page(request, environment)


def _page(
    request: HttpRequest, environment: Environment, *, status: int = 200, **shown: object
) -> HttpResponse:
    template = "practice/environment_detail.html"
    if htmx_of(request):
        template += "#environment"
    context = _detail(request, environment) | shown
    return render(request, template, context, status=status)


def _detail(request: HttpRequest, environment: Environment) -> dict[str, object]:
    tools = list(environment.tools.all())
    find = parameter(request, "tool")[:200]
    words = find.casefold()
    found_tools = [t for t in tools if words in f"{t.name}\n{t.description}".casefold()]
    shown = Paginator(found_tools, TOOLS_SHOWN).get_page(request.GET.get("tools"))
    on = {tool.pk for tool in tools if tool.is_usable}
    found = runs(environment.workspace, environment=environment.slug)
    facts = environment.facts.select_related("task", "run")
    return {
        "environment": environment,
        "is_checking": environment.status == Environment.Status.CHECKING,
        "cards": [card_of(tool) for tool in shown],
        "tool_page": shown,
        "find": find,
        "is_long": len(tools) > TOOLS_SHOWN,
        "on_count": len(on),
        "present_count": sum(tool.is_present for tool in tools),
        "cautious_count": sum(tool.effect.is_cautious for tool in tools if tool.pk not in on),
        "facts": Paginator(facts, FACTS_SHOWN).get_page(request.GET.get("page")),
        "run_rows": run_rows(environment.workspace, with_figures(found)[:RUNS_SHOWN]),
        "run_count": found.count(),
        "snapshots": environment.snapshots.all(),
        **drift_context(environment),
        "reset_checked_at": _when(environment.options.get("reset_check", {}).get("at", "")),
        "slot_limit": SLOT_LIMIT,
        "slots_form": SlotsForm.showing(slots_of(environment)),
        "may_edit": _may_edit(request),
        "may_review": membership_of(request).may_review,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.EDIT)
def access(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    kind = ACCESS_FORMS.get(environment.transport)
    if kind is None:
        return _access(request, environment, None, status=422 if request.method == "POST" else 200)
    if request.method != "POST":
        return _access(request, environment, kind.showing(reached_by(environment)))
    form = kind(request.POST)
    if not form.is_valid():
        return _access(request, environment, form, status=422)
    try:
        environment_reach(environment=environment, by=request.user, **form.as_arguments())
    except ChangedMeanwhile as refusal:
        environment = environment_or_404(request, slug)
        stands, seen = reached_by(environment), form.cleaned_data["seen"]
        found = meanwhile(environment.workspace, environment, stands, seen)
        again = form.again(found)
        return _access(request, environment, again, status=refusal.status, meanwhile=found)
    except UnableTo as error:
        form.add_error(None, str(error))
        return _access(request, environment, form, status=error.status)
    messages.success(request, "Stored. Attempts that begin from now on use it.")
    return redirect(environment)


def _access(
    request: HttpRequest,
    environment: Environment,
    form: AccessForm | None,
    *,
    status: int = 200,
    **shown: object,
) -> HttpResponse:
    context = {"environment": environment, "form": form, **shown}
    return render(request, "practice/environment_access.html", context, status=status)


@require_POST
@gate(Right.EDIT)
def check(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    environment_check(environment=environment, by=request.user)
    return redirect(environment)


@require_POST
@gate(Right.EDIT)
def check_reset(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    try:
        environment_check_reset(environment=environment, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect(environment)


@require_POST
@gate(Right.EDIT)
def resize(request: HttpRequest, slug: str) -> HttpResponse:
    environment, form = environment_or_404(request, slug), SlotsForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect(environment)
    try:
        environment_resize(environment=environment, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as refusal:
        environment = environment_or_404(request, slug)
        stands, seen = slots_of(environment), form.cleaned_data["seen"]
        found = meanwhile(environment.workspace, environment, stands, seen)
        return _page(
            request,
            environment,
            status=refusal.status,
            meanwhile=found,
            meanwhile_of="Sessions at once",
            slots_form=form.again(found),
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        slots = form.cleaned_data["slots"]
        messages.success(request, f"At most {slots} sessions are open at once from now on.")
    return redirect(environment)


@require_POST
@gate(Right.EDIT)
def take_snapshot(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    name = request.POST.get("name", "")
    try:
        snapshot = snapshot_take(environment=environment, by=request.user, name=name)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{snapshot} is kept. Runs can begin from it.")
    return redirect(f"{environment.get_absolute_url()}#snapshots")


@require_POST
@gate(Right.EDIT)
def delete_snapshot(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    environment = environment_or_404(request, slug)
    snapshot = object_or_404(environment.snapshots.all(), number=number)
    try:
        snapshot_delete(snapshot=snapshot, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{snapshot} is deleted.")
    return redirect(f"{environment.get_absolute_url()}#snapshots")


@require_POST
@gate(Right.EDIT)
def allow(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    tool = object_or_404(environment.tools.all(), name=name)
    allowed, problem, status = request.POST.get("allowed") == "on", "", 200
    seen = request.POST.get("seen", "")
    found: Meanwhile | None = None
    try:
        accepts = request.POST.get("accepts", "")
        tool = tool_allow(tool=tool, allowed=allowed, accepts=accepts, seen=seen, by=request.user)
    except ChangedMeanwhile as refusal:
        tool = object_or_404(environment.tools.all(), name=name)
        found = meanwhile(environment.workspace, tool, switch_of(tool), seen)
        status = refusal.status
    except UnableTo as error:
        problem, status = str(error), error.status
    if htmx_of(request):
        context = {
            "environment": environment,
            "card": card_of(tool, refused=problem, meanwhile=found),
            "may_edit": True,
        }
        return render(request, "practice/parts/tool.html", context, status=status)
    if found:
        return _page(request, environment, status=status, meanwhile=found, meanwhile_of=tool.name)
    if problem:
        messages.error(request, problem)
    else:
        said = "on" if tool.is_enabled else "off"
        messages.success(request, f"{tool.name} is {said} for runs that start from now on.")
    # Among thousands the tool may not be on the first page.
    many = environment.tools.count() > TOOLS_SHOWN
    query = f"?{urlencode({'tool': tool.name})}" if many else ""
    return redirect(f"{environment.get_absolute_url()}{query}#tool-{tool.pk}")


def _may_edit(request: HttpRequest) -> bool:
    return allows(membership_of(request), Right.EDIT)


def _when(stored: str) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
