"""Drift watch on an environment's page: what changed, what is in doubt, practising it now."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate
from memoryapp.domain.errors import UnableTo
from practice.models import Environment
from practice.queries.drift import changed_tools, stale_bullets
from practice.services import drift
from practice.views.addressed import environment_or_404

BULLETS_SHOWN = 10


def drift_context(environment: Environment) -> dict[str, Any]:
    """What the page says of tools that changed."""
    return {
        "drifted": list(changed_tools(environment)),
        "stale_bullets": stale_bullets(environment)[:BULLETS_SHOWN],
    }


@require_POST
@gate(Right.EDIT)
def watch(request: HttpRequest, slug: str) -> HttpResponse:
    environment, watched = environment_or_404(request, slug), request.POST.get("watched") == "on"
    drift.drift_watch(environment=environment, watched=watched, by=request.user)
    said = "are looked at now and then" if watched else "are looked at only when somebody asks"
    messages.success(request, f"The tools of {environment.name} {said}.")
    return redirect(f"{environment.get_absolute_url()}#drift")


@require_POST
@gate(Right.REVIEW)
def practise(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    try:
        return redirect(drift.drift_practise(environment=environment, by=request.user))
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect(f"{environment.get_absolute_url()}#drift")
