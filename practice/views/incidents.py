"""Root causes: the list of incidents, one incident, and what a person does about it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo, UnableToStart
from memoryapp.queries.facets import facet
from memoryapp.views.links import chips, htmx_of, parameter, posted
from memoryapp.views.saved_views import saved_views
from practice.domain.alerts import FIELDS, NotAnAlert, Sent, read
from practice.domain.incident_lessons import report
from practice.models import Attempt, Incident, TelemetrySource
from practice.queries import incidents as queries
from practice.services import causes, incidents
from practice.services.analysis_asked import LIMITS
from practice.services.leading import notes_of
from practice.services.sample_incidents import sample_incident_load
from practice.views.incident_page import (
    asked_of,
    fingerprint,
    incident_context,
    query_of,
    shown,
)
from practice.views.paging import page_of


@require_safe
@gate(Right.READ)
def incident_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = asked_of(request)
    found = queries.incidents(workspace, **asked)
    page = page_of(request, queries.with_figures(found))
    by_status = queries.incidents(workspace, **asked | {"status": ""})
    sources = list(workspace.telemetry_sources.order_by("name"))
    own = [source for source in sources if not source.is_sample]
    context = {
        "page": page,
        "rows": page.object_list,
        "chips": chips(request, "status", Incident.Status.choices, facet(by_status, "status")),
        "asked": asked,
        "is_filtered": any(asked.values()),
        "query": query_of(asked),
        **saved_views(request, "incident-list", query_of(asked)),
        "severities": queries.severities(workspace),
        "sources": sources,
        "outcomes": Incident.Outcome.choices,
        "kinds": Incident.Kind.choices,
        "may_review": membership_of(request).may_review,
        "own_sources": own,
        "webhook": webhook_example(request, own[0] if own else None),
        "tab": "incidents",
    }
    return render(request, "practice/incident_list.html", context)


def webhook_example(request: HttpRequest, source: TelemetrySource | None) -> str:
    """A whole configuration of Alertmanager that sends to this host, for a source if there is one.

    Without a name the API takes the workspace's only source, also one that is added later.
    """
    url = request.build_absolute_uri("/api/v1/alerts/alertmanager")
    if source is not None:
        url += f"?source={source.slug}"
    return (
        "route:\n  receiver: greenroom\n"
        "receivers:\n- name: greenroom\n  webhook_configs:\n"
        f"  - url: {url}\n"
        "    http_config:\n      authorization:\n        credentials: gr_YOUR_KEY"
    )


@require_POST
@gate(Right.REVIEW)
def sample_incident(request: HttpRequest) -> HttpResponse:
    return redirect(sample_incident_load(workspace=workspace_of(request)))


@require_POST
@gate(Right.REVIEW)
def attempt_cause(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask of a failed attempt which step decided it."""
    rows = Attempt.objects.filter(run__workspace=workspace_of(request))
    attempt = object_or_404(
        rows.select_related("task", "run__workspace", "run__environment"), pk=pk
    )
    try:
        return redirect(incidents.attempt_analyse(attempt=attempt, by=request.user))
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect(attempt)


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def incident_new(request: HttpRequest) -> HttpResponse:
    """Open an incident by hand: when, where, what."""
    workspace = workspace_of(request)
    context: dict[str, Any] = {
        "sources": workspace.telemetry_sources.order_by("name"),
        "asked": request.POST or request.GET,
    }
    if request.method != "POST":
        return render(request, "practice/incident_new.html", context)
    slug = request.POST.get("source", "")
    source = object_or_404(workspace.telemetry_sources.all(), slug=slug) if slug else None
    try:
        alert = _alert(request)
        incident = incidents.incident_create(
            workspace=workspace, alert=alert, source=source, by=request.user
        )
    except (NotAnAlert, UnableTo) as error:
        context["error"] = str(error)
        return render(request, "practice/incident_new.html", context, status=422)
    return redirect(incident)


def _alert(request: HttpRequest) -> Sent:
    asked = {name: request.POST[name] for name in FIELDS if request.POST.get(name)}
    if "at" not in asked:
        raise NotAnAlert("Say when the trouble was noticed.")
    return read(asked)


@require_safe
@gate(Right.READ)
def incident_detail(request: HttpRequest, number: int) -> HttpResponse:
    incident = _incident(request, number)
    template = "practice/incident_detail.html"
    if htmx_of(request):
        newest = incident.analyses.light().first()
        if parameter(request, "seen") == fingerprint(incident, newest):
            # Nothing has moved: htmx leaves the page as it is, with all that is open on it.
            return HttpResponse(status=204)
        template += "#incident"
    return render(request, template, incident_context(request, incident))


@require_safe
@gate(Right.READ)
def incident_report(request: HttpRequest, number: int) -> HttpResponse:
    """The incident as Markdown, to keep or to paste: of the analysis that is shown."""
    incident = _incident(request, number)
    analysis = shown(request, incident)
    found = analysis.as_value() if analysis else None
    if analysis is None or found is None:
        raise Http404("No analysis of it has ended yet.")
    text = report(
        found,
        title=incident.title,
        name=str(incident),
        status=incident.get_status_display().lower(),
        cause=incident.cause,
        said=incident.cause_reason,
        notes=notes_of(analysis),
        words=[one["text"] for one in analysis.panels.get("words", ())],
        alerts=[(a.at.timestamp(), a.entry, a.signal) for a in incident.alerts.all()],
        recalled=analysis.panels.get("lessons", ()),
    )
    response = HttpResponse(text, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="incident-{incident.number}.md"'
    return response


@require_POST
@gate(Right.REVIEW)
def analyse(request: HttpRequest, number: int) -> HttpResponse:
    """Look again: at another window, with other limits, without memory, or with a step to test."""

    def act(incident: Incident) -> str:
        window = _window(request)
        limits = {
            name: float(value)
            for name in LIMITS
            if (value := request.POST.get(name, "").strip()).replace(".", "", 1).isdecimal()
        }
        analysis = incidents.analysis_start(
            incident=incident,
            by=request.user,
            window=window,
            budget=limits,
            # An empty box sends nothing; the field behind it then says off.
            uses_memory="on" in (request.POST.getlist("memory") or ["on"]),
            test=_test(request),
        )
        return f"{analysis} of {incident} has begun. What earlier ones found stays."

    return _act(request, number, act)


def _test(request: HttpRequest) -> dict[str, Any] | None:
    """The step to run again; what is not JSON is left for the service to refuse."""
    step = request.POST.get("step", "")
    if not step:
        return None
    try:
        arguments = json.loads(request.POST.get("arguments", ""))
    except (ValueError, RecursionError):
        arguments = None
    return {"step": _whole(request, "step"), "arguments": arguments}


def _whole(request: HttpRequest, name: str) -> int:
    """A number of the form; 0 for anything else."""
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _window(request: HttpRequest) -> tuple[datetime, datetime] | None:
    begin, end = request.POST.get("from", "").strip(), request.POST.get("to", "").strip()
    if not begin and not end:
        return None
    if not begin or not end:
        raise UnableToStart("Give both ends of the window, or neither.")
    return (_moment(begin), _moment(end))


def _moment(text: str) -> datetime:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnableToStart(f"{text[:40]} is not a time. Write it as 2026-11-25T09:12.") from error
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@require_POST
@gate(Right.REVIEW)
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    def act(incident: Incident) -> str:
        analysis = incidents.analysis_cancel(incident=incident, by=request.user)
        return f"{analysis} of {incident} is cancelled. What earlier ones found stays."

    return _act(request, number, act)


@require_POST
@gate(Right.REVIEW)
def confirm(request: HttpRequest, number: int) -> HttpResponse:
    def act(incident: Incident) -> str:
        causes.cause_confirm(
            incident=incident,
            node=request.POST.get("cause", ""),
            by=request.user,
            analysis=_whole(request, "analysis"),
        )
        return f"{incident} is confirmed. Send its lesson to review to remember it for good."

    return _act(request, number, act)


@require_POST
@gate(Right.REVIEW)
def correct(request: HttpRequest, number: int) -> HttpResponse:
    def act(incident: Incident) -> str:
        causes.cause_correct(
            incident=incident,
            node=request.POST.get("cause", ""),
            reason=request.POST.get("reason", ""),
            by=request.user,
            analysis=_whole(request, "analysis"),
        )
        return f"{incident} is corrected. What the wrong verdict left in memory is forgotten."

    return _act(request, number, act)


@require_POST
@gate(Right.REVIEW)
def dismiss(request: HttpRequest, number: int) -> HttpResponse:
    def act(incident: Incident) -> str:
        causes.incident_dismiss(
            incident=incident, reason=request.POST.get("reason", ""), by=request.user
        )
        return f"{incident} is dismissed."

    return _act(request, number, act)


@require_POST
@gate(Right.REVIEW)
def undo(request: HttpRequest, number: int) -> HttpResponse:
    def act(incident: Incident) -> str:
        causes.decision_undo(incident=incident, by=request.user, seen=posted(request, "seen"))
        return f"{incident} is open again, and memory is as its analyses left it."

    return _act(request, number, act)


@require_POST
@gate(Right.REVIEW)
def send_lesson(request: HttpRequest, number: int) -> HttpResponse:
    slug = request.POST.get("playbook", "")
    playbook = object_or_404(workspace_of(request).playbooks.all(), slug=slug)

    def act(incident: Incident) -> str:
        candidate = causes.lesson_submit(incident=incident, playbook=playbook, by=request.user)
        return f"The lesson waits in review, for {candidate.playbook.name}."

    return _act(request, number, act)


def _act(request: HttpRequest, number: int, act: Callable[[Incident], str]) -> HttpResponse:
    incident = _incident(request, number)
    try:
        messages.success(request, act(incident))
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect(f"{incident.get_absolute_url()}{query_of(asked_of(request))}")


def _incident(request: HttpRequest, number: int) -> Incident:
    rows = Incident.objects.filter(workspace=workspace_of(request))
    return object_or_404(
        rows.select_related(
            "workspace", "source", "attempt__task", "attempt__run__environment", "decided_by"
        ),
        number=number,
    )
