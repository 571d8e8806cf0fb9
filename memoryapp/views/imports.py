"""Filling a playbook from a file: checked first, with a word on every row."""

from __future__ import annotations

from collections import Counter
from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from memoryapp.access import Right, gate
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.domain.seen import shown
from memoryapp.forms import ImportForm
from memoryapp.models import Playbook
from memoryapp.queries.playbooks import ChangeSince, draft_since, newest_revision
from memoryapp.services.imports import (
    VERDICTS,
    Conflict,
    Outcome,
    playbook_import,
    texts_replaced,
)
from memoryapp.views.playbooks import playbook_or_404


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def playbook_import_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Check a file, which decides all of it and stores nothing, or import it.

    What an import would replace is shown first: by the check, and once more where it changed since.
    """
    playbook = playbook_or_404(request, slug)
    form = ImportForm(request.POST or None, request.FILES or None)
    outcomes: list[Outcome] | None = None
    is_dry_run = "import" not in request.POST
    status, is_refused = 200, False
    changed: list[ChangeSince] = []
    # Read before the check: what is newer was not part of it.
    newest = newest_revision(playbook)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            asked = form.cleaned_data
            run = partial(
                playbook_import,
                playbook=playbook,
                form=asked["form"],
                text=asked["content"],
                by=request.user,
                on_conflict=Conflict(asked["on_conflict"]),
            )
            try:
                outcomes = run(dry_run=is_dry_run, seen=asked["seen"])
                status = 200
            except ChangedMeanwhile as refusal:
                outcomes, is_dry_run = run(dry_run=True), True
                status, is_refused = refusal.status, True
                changed = _changed(playbook, outcomes, asked["since"])
            except UnableTo as refusal:
                form.add_error("content", str(refusal))
    found = Counter(outcome.verdict for outcome in outcomes or ())
    if outcomes is not None and not is_dry_run and set(found) <= {"added", "updated", "kept"}:
        messages.success(request, f"{found['added']} added and {found['updated']} updated.")
        return redirect(playbook.get_absolute_url())
    if outcomes is not None:
        # A browser forgets the file that was chosen: what was read of it stands in the field.
        checked = {"file": None, "seen": shown(texts_replaced(outcomes)), "since": newest}
        form = ImportForm(initial={**form.cleaned_data, **checked})
    context = {
        "playbook": playbook,
        "form": form,
        "outcomes": outcomes,
        "is_dry_run": is_dry_run,
        "refused": is_refused,
        "changed": changed,
        "counts": [(verdict, found[verdict]) for verdict in VERDICTS if found[verdict]],
    }
    return render(request, "memoryapp/playbook_import.html", context, status=status)


def _changed(playbook: Playbook, outcomes: list[Outcome], since: int | None) -> list[ChangeSince]:
    """What others made of the bullets a file would replace, since it was checked.

    Empty where it was not checked, or with another choice of what to do about labels in use.
    """
    if since is None:
        return []
    replaced = texts_replaced(outcomes)
    return [row for row in draft_since(playbook, since) if row.change.label in replaced]
