"""Playbooks: the list, making one, and one with its bullets, releases and use."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import PlaybookForm
from memoryapp.models import Playbook
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries.tallies import held_by
from memoryapp.services.playbooks import playbook_create, playbook_require_evaluation
from memoryapp.views.links import page_of, parameter, with_query
from memoryapp.views.playbook_page import TABS, playbook_context


@require_safe
@gate(Right.READ)
def playbook_list(request: HttpRequest) -> HttpResponse:
    return _list(request, PlaybookForm())


@require_POST
@gate(Right.REVIEW)
def create(request: HttpRequest) -> HttpResponse:
    form = PlaybookForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    try:
        playbook = playbook_create(
            workspace=workspace_of(request), by=request.user, **form.cleaned_data
        )
    except UnableTo as error:
        form.add_error("name", str(error))
        return _list(request, form, status=error.status)
    messages.success(request, f"{playbook.name} is ready. Practice may propose bullets for it.")
    return redirect(playbook)


@require_safe
@gate(Right.READ)
def playbook_detail(request: HttpRequest, slug: str) -> HttpResponse:
    tab = parameter(request, "tab")
    playbook = playbook_or_404(request, slug)
    context = playbook_context(request, playbook, tab if tab in TABS else "bullets")
    return render(request, "memoryapp/playbook_detail.html", context)


@require_POST
@gate(Right.ADMINISTER)
def requirement(request: HttpRequest, slug: str) -> HttpResponse:
    """Switch on or off that only what passed an evaluation may be published."""
    playbook = playbook_or_404(request, slug)
    required = request.POST.get("required") == "yes"
    try:
        playbook_require_evaluation(playbook=playbook, required=required, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        said = (
            "publishes only what passed an evaluation from now on."
            if required
            else "publishes what is approved, measured or not."
        )
        messages.success(request, f"{playbook.name} {said}")
    return redirect(f"{playbook.get_absolute_url()}?tab=releases")


def playbook_or_404(request: HttpRequest, slug: str) -> Playbook:
    """The playbook of the reader's workspace behind an address."""
    return object_or_404(workspace_of(request).playbooks.all(), slug=slug)


def _list(request: HttpRequest, form: PlaybookForm, status: int = 200) -> HttpResponse:
    workspace = workspace_of(request)
    page = page_of(request, playbook_queries.playbooks_with_labels(workspace))
    shown: list[Any] = list(page.object_list)
    held = held_by(workspace, shown)
    context = {
        "rows": [
            {
                "playbook": playbook,
                "bullet_count": held[playbook.pk].bullets,
                "tokens": held[playbook.pk].tokens,
                "serving": list(playbook.labels.all()),
                "waiting": held[playbook.pk].waiting,
                "review_url": with_query(reverse("review"), {"playbook": playbook.slug}),
                "updated_at": playbook.updated_at,
            }
            for playbook in shown
        ],
        "page_obj": page,
        "may_decide": membership_of(request).may_review,
        "create_url": reverse("playbook-create"),
        "create_form": form,
    }
    return render(request, "memoryapp/playbook_list.html", context, status=status)
