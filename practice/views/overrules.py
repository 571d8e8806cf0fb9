"""A person's word on a verdict, from the page of its trajectory."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from practice.models import Attempt
from practice.services.overrules import attempt_overrule, overrule_undo


@require_POST
@gate(Right.REVIEW)
def overrule(request: HttpRequest, pk: int) -> HttpResponse:
    attempt = _attempt(request, pk)
    try:
        said = attempt_overrule(
            attempt=attempt,
            label=request.POST.get("label", ""),
            reason=request.POST.get("reason", ""),
            by=request.user,
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        agreed = said.label == said.was
        messages.success(
            request,
            f"The verdict is {'supported' if agreed else 'overruled'}: you say {said.label}. "
            "Calibration counts it; what was learned stays.",
        )
    return redirect(f"{attempt.get_absolute_url()}#verdict-title")


@require_POST
@gate(Right.REVIEW)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    attempt = _attempt(request, pk)
    try:
        taken_back = overrule_undo(attempt=attempt, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{taken_back.label.capitalize()} is taken back.")
    return redirect(f"{attempt.get_absolute_url()}#verdict-title")


def _attempt(request: HttpRequest, pk: int) -> Attempt:
    found = Attempt.objects.filter(run__workspace=workspace_of(request))
    return object_or_404(found.select_related("run"), pk=pk)
