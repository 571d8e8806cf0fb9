"""Proposer memory: regions, facts, wishes, what was shown, and files in and out."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, object_or_404
from memoryapp.domain.errors import UnableTo, UnableToChange
from memoryapp.views.links import parameter, posted
from memoryapp.views.playbooks import playbook_or_404
from practice.models import Environment, EnvironmentFact, Steering
from practice.services import artifact
from practice.services.facts import fact_exclude
from practice.services.steering import steering_add, steering_end
from practice.views.addressed import environment_or_404
from practice.views.memory_page import memory_context

FILE_CAP = 10 * 2**20


@require_safe
@gate(Right.READ)
def memory_page(request: HttpRequest, slug: str) -> HttpResponse:
    return _page(request, environment_or_404(request, slug))


@require_POST
@gate(Right.REVIEW)
def wish_add(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    asked = {name: posted(request, name) for name in ("kind", "tool", "instruction", "note")}
    try:
        wish = steering_add(environment=environment, by=request.user, **asked)
    except UnableTo as error:
        return _page(request, environment, "wishes", typed=asked, error=error)
    words = {
        Steering.Kind.FOCUS: f"{wish.tool} is practised first from the next round on.",
        Steering.Kind.AVOID: f"No task will need {wish.tool} from the next round on.",
        Steering.Kind.SEED_TASK: "The next round begins from this task.",
    }
    messages.success(request, words[Steering.Kind(wish.kind)])
    return _to(environment, request.POST.get("back", "") or "wishes")


@require_POST
@gate(Right.REVIEW)
def wish_end(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    environment = environment_or_404(request, slug)
    wish = object_or_404(environment.steering.select_related("environment__workspace"), pk=pk)
    try:
        steering_end(wish=wish, by=request.user)
    except UnableTo as error:
        return _page(request, environment, "wishes", error=error)
    messages.success(request, "The wish has ended. Rounds that have begun are not changed.")
    return _to(environment, request.POST.get("back", "") or "wishes")


@require_POST
@gate(Right.REVIEW)
def fact_change(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    environment = environment_or_404(request, slug)
    rows = EnvironmentFact.objects.filter(environment=environment)
    fact = object_or_404(rows.select_related("environment__workspace"), pk=pk)
    excluded = request.POST.get("excluded") == "on"
    fact_exclude(fact=fact, excluded=excluded, by=request.user)
    said = "is no longer shown to proposers" if excluded else "may be shown to proposers again"
    messages.success(request, f"The fact {said}.")
    return _to(environment, "facts")


@require_safe
@gate(Right.READ)
def file_download(request: HttpRequest, slug: str, file: str) -> HttpResponse:
    """One of the artifact's two files, as its own code reads it."""
    environment = environment_or_404(request, slug)
    if file == artifact.MEMORY_FILE:
        document = artifact.memory_document(environment)
    elif file == artifact.PLAYBOOK_FILE:
        playbook = playbook_or_404(request, parameter(request, "playbook"))
        document = artifact.playbook_document(playbook)
    else:
        raise Http404
    answer = JsonResponse(document, json_dumps_params={"ensure_ascii": False, "indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="{file}"'
    return answer


@require_POST
@gate(Right.REVIEW)
def file_import(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    playbook = playbook_or_404(request, posted(request, "playbook"))
    dry_run = request.POST.get("dry_run") == "on"
    try:
        report = artifact.artifact_import(
            environment=environment,
            playbook=playbook,
            file=request.POST.get("file", ""),
            document=_uploaded(request),
            by=request.user,
            dry_run=dry_run,
        )
    except UnableTo as error:
        return _page(request, environment, "files", error=error)
    return _page(request, environment, "files", report=report, playbook=playbook)


def _uploaded(request: HttpRequest) -> Any:
    """The document of the uploaded file.

    Raises:
        UnableToChange: there is none, it is too large, or it is not JSON.
    """
    upload = request.FILES.get("document")
    if upload is None:
        raise UnableToChange("Choose a file first. Nothing was imported.")
    if (upload.size or 0) > FILE_CAP:
        raise UnableToChange("The file is larger than 10 MB. Nothing was imported.")
    try:
        return json.loads(upload.read())
    except (ValueError, RecursionError) as error:
        raise UnableToChange(
            f"The file is not JSON: {str(error)[:200]}. Nothing was imported."
        ) from error


def _page(
    request: HttpRequest,
    environment: Environment,
    tab: str = "",
    error: UnableTo | None = None,
    **more: Any,
) -> HttpResponse:
    context = memory_context(request, environment, tab)
    context |= {"error": str(error) if error else "", **more}
    status = error.status if error else 200
    return render(request, "practice/memory.html", context, status=status)


def _to(environment: Environment, tab: str) -> HttpResponse:
    known = tab if tab in {"tools", "facts"} else "wishes"
    return redirect(f"{reverse('memory', args=[environment.slug])}?tab={known}")
