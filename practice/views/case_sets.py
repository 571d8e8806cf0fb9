"""Labelled sets: sending one, ending its reading, reading it again, renaming and deleting it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.views.links import posted
from practice.models import CaseSet
from practice.services import case_sets as services
from practice.services import holdings
from practice.services.telemetry import MAX_BYTES
from practice.views.telemetry import NO_LONGER


@require_POST
@gate(Right.REVIEW)
def send(request: HttpRequest) -> HttpResponse:
    sent = request.FILES.get("archive")
    if sent is None:
        messages.error(request, "Choose a .zip or .tar.gz of a set in the neutral layout.")
        return redirect("replay-list")
    if request.POST.get("whole") != "yes":  # the form's last field, so it comes after the archive
        messages.error(request, "The upload was cut off on its way. Send it again.")
        return redirect("replay-list")
    try:
        case_set = services.case_set_send(
            workspace=workspace_of(request),
            name=sent.name or "set",
            data=sent.read(MAX_BYTES + 1),
            by=request.user,
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        said = "is read already" if case_set.status == "done" else "is stored. A worker reads it"
        messages.success(request, f"{case_set} {said}.")
    return redirect("replay-list")


@require_POST
@gate(Right.REVIEW)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End the reading of a set."""
    try:
        services.case_set_cancel(case_set=_case_set(request, pk), by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect("replay-list")


@require_POST
@gate(Right.REVIEW)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a set read anew whose reading failed or was cancelled."""
    try:
        services.case_set_read_again(case_set=_case_set(request, pk), by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect("replay-list")


@require_POST
@gate(Right.REVIEW)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    case_set = _case_set(request, pk)
    try:
        holdings.case_set_rename(
            case_set=case_set,
            name=request.POST.get("name", ""),
            seen=posted(request, "seen"),
            by=request.user,
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"It is called {case_set} now.")
    return redirect("replay-list")


@require_POST
@gate(Right.EDIT)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    case_set = _case_set(request, pk)
    try:
        holdings.case_set_delete(case_set=case_set, seen=posted(request, "seen"), by=request.user)
    except ChangedMeanwhile:
        messages.error(request, NO_LONGER.format(case_set))
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{case_set} is deleted.")
    return redirect("replay-list")


def _case_set(request: HttpRequest, pk: int) -> CaseSet:
    sets = CaseSet.objects.filter(workspace=workspace_of(request)).light()
    return object_or_404(sets.select_related("workspace"), pk=pk)
