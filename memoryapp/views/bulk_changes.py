"""Changing many bullets at once: what it would cover, how far it is, what came of each."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.playbook import SECTIONS
from memoryapp.models import BulkChange
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services import bulk_changes
from memoryapp.views.bulk_progress import progress_of
from memoryapp.views.links import htmx_of, posted, render_part, uuids_of
from memoryapp.views.picked import pick, picked, picked_done

#: bullets shown before a change is asked for.
SHOWN = 20
ACTIONS = [(a.value, a.label) for a in BulkChange.Action if a != BulkChange.Action.UNDO]


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def bulk_change_new(request: HttpRequest) -> HttpResponse:
    """What a change would cover; posting one asks for it and changes the first bullets.

    A post without an ``action``, as the list sends it, only selects bullets and leads to this page:
    nobody changes what they were not shown.
    """
    workspace, asked = workspace_of(request), EntryFilter.from_query(request.GET)
    if (kept := pick(request, dict(asked.said))) is not None:
        return kept
    selection = picked(request)
    if selection and selection.done:
        return redirect("bulk-change-detail", pk=selection.done)
    ids = selection.ids if selection else uuids_of(request, "chosen")
    typed = {name: posted(request, name) for name in ("action", "value", "reason")}
    error = selection.error if selection else ""
    if request.method == "POST" and not error:
        try:
            bulk = bulk_changes.bulk_change_start(
                workspace=workspace, asked=asked, chosen=ids, by=request.user, **typed
            )
        except UnableTo as refusal:
            error = str(refusal)
        else:
            if selection:
                picked_done(request, selection, bulk.pk)
            bulk_changes.bulk_change_continue(bulk=bulk, by=request.user)
            return redirect(bulk)
    rows = bulk_changes.matching(workspace, asked, ids)
    if selection and not ids:
        rows = rows.none()
    context = {
        "total": rows.count(),
        "rows": rows.select_related("playbook").order_by("-updated_at", "pk")[:SHOWN],
        "is_selection": bool(ids or selection),
        "asked": asked,
        "is_filtered": any(name != "sort" for name, _ in asked.said),
        "typed": typed,
        "actions": ACTIONS,
        "section_names": SECTIONS,
        "error": error,
        "post_url": request.get_full_path(),
        "back_url": f"{reverse('entry-list')}{asked.as_query()}",
    }
    return render_part(
        request, "memoryapp/bulk_change.html", "main", context, status=409 if error else 200
    )


@require_safe
@gate(Right.READ)
def bulk_change_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _bulk(request, pk))


@require_POST
@gate(Right.REVIEW)
def bulk_change_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Change the next bullets."""
    bulk = _bulk(request, pk)
    bulk_changes.bulk_change_continue(bulk=bulk, by=request.user)
    if htmx_of(request):
        return _detail(request, bulk)
    return redirect(bulk)


@require_POST
@gate(Right.REVIEW)
def bulk_change_undo(request: HttpRequest, pk: int) -> HttpResponse:
    bulk = _bulk(request, pk)
    try:
        back = bulk_changes.bulk_change_undo(bulk=bulk, by=request.user)
    except UnableTo as refusal:
        return _detail(request, bulk, error=str(refusal), status=refusal.status)
    bulk_changes.bulk_change_continue(bulk=back, by=request.user)
    return redirect(back)


def _detail(
    request: HttpRequest, bulk: BulkChange, *, error: str = "", status: int = 200
) -> HttpResponse:
    listed = EntryFilter(**bulk.query["filter"])
    progress = progress_of(
        request,
        bulk,
        bulk.outcomes.select_related("bullet__playbook"),
        back_url=f"{reverse('entry-list')}{listed.as_query()}",
    )
    context = {**progress, "error": error}
    return render_part(request, "memoryapp/bulk_change_detail.html", "bulk", context, status=status)


def _bulk(request: HttpRequest, pk: int) -> BulkChange:
    rows = BulkChange.objects.filter(workspace=workspace_of(request))
    return object_or_404(rows.select_related("asked_by", "undoes"), pk=pk)
