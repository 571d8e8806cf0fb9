"""Filling a playbook from a file: checked first, with a word on every row."""

from __future__ import annotations

from collections import Counter

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from memoryapp.access import Right, gate
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import ImportForm
from memoryapp.services.imports import Conflict, Outcome, playbook_import
from memoryapp.views.playbooks import playbook_or_404

VERDICTS = ("added", "review", "updated", "kept", "skipped", "refused")


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def playbook_import_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Check a file, which does all of it and takes it back, or import it."""
    playbook = playbook_or_404(request, slug)
    form = ImportForm(request.POST or None, request.FILES or None)
    outcomes: list[Outcome] | None = None
    is_dry_run = "import" not in request.POST
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                outcomes = playbook_import(
                    playbook=playbook,
                    form=form.cleaned_data["form"],
                    text=form.cleaned_data["content"],
                    by=request.user,
                    on_conflict=Conflict(form.cleaned_data["on_conflict"]),
                    dry_run=is_dry_run,
                )
                status = 200
            except UnableTo as refusal:
                form.add_error("content", str(refusal))
    found = Counter(outcome.verdict for outcome in outcomes or ())
    if outcomes is not None and not is_dry_run and set(found) <= {"added", "updated", "kept"}:
        messages.success(request, f"{found['added']} added and {found['updated']} updated.")
        return redirect(playbook.get_absolute_url())
    if outcomes is not None:
        # A browser forgets the file that was chosen: what was read of it stands in the field.
        form = ImportForm(initial={**form.cleaned_data, "file": None})
    context = {
        "playbook": playbook,
        "form": form,
        "outcomes": outcomes,
        "is_dry_run": is_dry_run,
        "counts": [(verdict, found[verdict]) for verdict in VERDICTS],
    }
    return render(request, "memoryapp/playbook_import.html", context, status=status)
