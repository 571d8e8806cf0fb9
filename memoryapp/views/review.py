"""Review: the queue, one candidate with its evidence, and the decision about it.

Every address works without scripts: a decision is a POST that redirects to the next candidate of
the same filter, and a refused one shows the page again with what was typed.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.models import Candidate
from memoryapp.queries import review as review_queries
from memoryapp.services import candidates
from memoryapp.views.links import parameter, render_part, uuid_or_404
from memoryapp.views.review_candidate import candidate_context, publish_offers, undo_context
from memoryapp.views.review_queue import ReviewFilter, queue_context


@require_safe
@gate(Right.READ)
def review(request: HttpRequest) -> HttpResponse:
    wanted = parameter(request, "candidate")
    candidate = _candidate(request, uuid_or_404(wanted)) if wanted else None
    return _page(request, candidate, editing=bool(parameter(request, "edit")))


@require_POST
@gate(Right.REVIEW)
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve as it stands, or with ``content`` in the reviewer's words."""
    candidate = _candidate(request, pk)
    content = _posted(request, "content") if "content" in request.POST else None
    try:
        candidates.candidate_approve(
            candidate=candidate, by=request.user, content=content, seen=_posted(request, "seen")
        )
    except UnableTo as error:
        return _refused(request, pk, error, editing=content is not None, content=content)
    return redirect(_onward(request, candidate))


@require_POST
@gate(Right.REVIEW)
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reject for one of the listed reasons, in the reviewer's words, or both."""
    candidate = _candidate(request, pk)
    reasons = [text.replace("\x00", "").strip() for text in request.POST.getlist("reason")]
    try:
        candidates.candidate_reject(
            candidate=candidate,
            by=request.user,
            reason=": ".join(filter(None, reasons)),
            seen=_posted(request, "seen"),
        )
    except UnableTo as error:
        return _refused(request, pk, error, reasons=reasons)
    return redirect(_onward(request, candidate))


@require_POST
@gate(Right.REVIEW)
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    candidate = _candidate(request, pk)
    try:
        candidates.candidate_undo(candidate=candidate, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The decision was taken back. The candidate waits again.")
    return redirect(ReviewFilter.of(request).url(candidate=str(pk)))


def _candidate(request: HttpRequest, pk: UUID) -> Candidate:
    found = Candidate.objects.filter(playbook__workspace=workspace_of(request))
    return object_or_404(found.select_related("playbook__workspace", "decided_by"), pk=pk)


def _posted(request: HttpRequest, name: str) -> str:
    return request.POST.get(name, "").replace("\x00", "")


def _onward(request: HttpRequest, candidate: Candidate) -> str:
    """The next candidate of the filter, else the one before; the decided one can be undone.

    Asked after the decision: it may have superseded the neighbor.
    """
    chosen = ReviewFilter.of(request)
    item = review_queries.review_item(chosen.queue(workspace_of(request)), candidate, window=2)
    following = item.next or item.previous
    return chosen.url(
        candidate=str(following.pk) if following else "", undo=str(candidate.pk), edit=""
    )


def _refused(
    request: HttpRequest,
    pk: UUID,
    error: UnableTo,
    *,
    editing: bool = False,
    content: str | None = None,
    reasons: list[str] | None = None,
) -> HttpResponse:
    """The page as it is now, with what the service said and what was typed."""
    return _page(
        request,
        _candidate(request, pk),
        editing=editing,
        typed={"content": content, "reasons": reasons or [], "form_error": str(error)},
        status=error.status,
    )


def _page(
    request: HttpRequest,
    wanted: Candidate | None,
    *,
    editing: bool = False,
    typed: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    membership = membership_of(request)
    chosen = ReviewFilter.of(request)
    item = review_queries.review_item(chosen.queue(membership.workspace), wanted)
    context: dict[str, Any] = {
        "queue": queue_context(membership, chosen, item),
        "candidate": item.candidate,
        "may_decide": membership.may_review,
        "last": undo_context(membership, chosen, parameter(request, "undo")),
    }
    if item.candidate is None:
        context["publish_offers"] = publish_offers(membership.workspace, chosen)
    else:
        context |= candidate_context(
            item.candidate, chosen, editing=editing and membership.may_review, typed=typed or {}
        )
    return render_part(request, "memoryapp/review.html", "review", context, status=status)
