"""Deciding many candidates at once: what it would cover, how far it is, what came of each row."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain import review
from memoryapp.domain.errors import UnableTo
from memoryapp.models import BulkDecision, Candidate
from memoryapp.queries import review as review_queries
from memoryapp.services import bulk as bulk_service
from memoryapp.services.votes import is_blind
from memoryapp.views.bulk_progress import progress_of
from memoryapp.views.links import htmx_of, posted, render_part, uuids_of
from memoryapp.views.picked import pick, picked, picked_done
from memoryapp.views.review_checks import check_name
from memoryapp.views.review_queue import ReviewFilter, candidate_label

#: Rows shown before a bulk decision is asked for.
SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.REVIEW)
def bulk_new(request: HttpRequest) -> HttpResponse:
    """What a bulk decision would cover; posting it asks for it and decides the first rows.

    Without an ``action``, as the queue posts it, rows are only selected: nobody decides what they
    were not shown. It leads to what they come to.
    """
    workspace, chosen = workspace_of(request), ReviewFilter.of(request)
    if (kept := pick(request, chosen.query)) is not None:
        return kept
    selection = picked(request)
    if selection and selection.done:
        return redirect("review-bulk-detail", pk=selection.done)
    ids = selection.ids if selection else uuids_of(request, "chosen")
    asked = {"reason": posted(request, "reason"), "to": posted(request, "to")}
    members = review_queries.may_be_assigned(workspace)
    error = selection.error if selection else ""
    if request.method == "POST" and not error:
        try:
            bulk = bulk_service.bulk_start(
                workspace=workspace,
                action=posted(request, "action"),
                narrowed=chosen.asked(),
                chosen=ids,
                reason=asked["reason"],
                assignee=members.filter(user__username=asked["to"]).first(),
                by=request.user,
            )
        except UnableTo as refusal:
            error = str(refusal)
        else:
            if selection:
                picked_done(request, selection, bulk.pk)
            bulk_service.bulk_continue(bulk=bulk, by=request.user)
            return redirect(bulk)
    rows = chosen.queue(workspace, status=Candidate.Status.PENDING.value)
    if ids or selection:
        rows = rows.filter(pk__in=ids)
    shown = list(rows.prefetch_related("targets")[:SHOWN])
    standing = review_queries.policies(workspace)
    for row in shown:
        row.playbook.standing_policy = standing.get(row.playbook_id)
    context = {
        "total": rows.count(),
        "rows": [
            {"candidate": row, "label": candidate_label(row), **_judged(row)} for row in shown
        ],
        "is_selection": bool(ids or selection),
        "name": chosen.name,
        "asked": asked,
        "reasons": review.REJECT_REASONS,
        "members": members,
        "error": error,
        "post_url": request.get_full_path(),
        "back_url": chosen.url(),
    }
    return render_part(
        request, "memoryapp/review_bulk.html", "main", context, status=409 if error else 200
    )


@require_safe
@gate(Right.READ)
def bulk_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _bulk(request, pk))


@require_POST
@gate(Right.REVIEW)
def bulk_go_on(request: HttpRequest, pk: int) -> HttpResponse:
    """Decide the next rows."""
    bulk = _bulk(request, pk)
    bulk_service.bulk_continue(bulk=bulk, by=request.user)
    if htmx_of(request):
        return _detail(request, bulk)
    return redirect(bulk)


@require_POST
@gate(Right.REVIEW)
def bulk_undo(request: HttpRequest, pk: int) -> HttpResponse:
    bulk = _bulk(request, pk)
    try:
        back = bulk_service.bulk_undo(bulk=bulk, by=request.user)
    except UnableTo as refusal:
        return _detail(request, bulk, error=str(refusal), status=refusal.status)
    bulk_service.bulk_continue(bulk=back, by=request.user)
    return redirect(back)


def _detail(
    request: HttpRequest, bulk: BulkDecision, *, error: str = "", status: int = 200
) -> HttpResponse:
    outcomes = bulk.outcomes.select_related("candidate__playbook")
    rows = outcomes.prefetch_related("candidate__targets")
    progress = progress_of(request, bulk, rows, back_url=reverse("review"))
    context = {**progress, "error": error}
    return render_part(request, "memoryapp/review_bulk_detail.html", "bulk", context, status=status)


def _judged(candidate: Candidate) -> dict[str, Any]:
    """What the validator said of a row: the names of failed checks, none where it is blind."""
    if is_blind(candidate):
        return {"blind": True, "failed": []}
    checks = candidate.scores.get("checks") or []
    return {"blind": False, "failed": [check_name(row) for row in checks if not row.get("passed")]}


def _bulk(request: HttpRequest, pk: int) -> BulkDecision:
    rows = BulkDecision.objects.filter(workspace=workspace_of(request))
    return object_or_404(rows.select_related("asked_by", "assignee", "undoes"), pk=pk)
