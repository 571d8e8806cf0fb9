"""Review: the queue, one candidate with its evidence, and the decision about it.

Every address works without scripts: a decision is a POST that redirects to the next candidate of
the same filter, and a refused one shows the page again with what was typed. With htmx a decision is
answered with the next candidate at once; the rows of the queue are asked for after it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.models import Candidate
from memoryapp.queries import review as review_queries
from memoryapp.services import decisions, desk, twins
from memoryapp.templatetags.ui import person
from memoryapp.views.links import htmx_of, parameter, posted, render_part, uuid_or_404
from memoryapp.views.review_candidate import candidate_context, publish_offers, undo_context
from memoryapp.views.review_queue import ReviewFilter, place_context, queue_context


@require_safe
@gate(Right.READ)
def review(request: HttpRequest) -> HttpResponse:
    wanted = parameter(request, "candidate")
    candidate = _candidate(request, uuid_or_404(wanted)) if wanted else None
    undone = parameter(request, "undo")
    return _page(
        request,
        candidate,
        editing=bool(parameter(request, "edit")),
        undo=_candidate(request, uuid_or_404(undone)) if undone else None,
    )


@require_safe
@gate(Right.READ)
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One candidate by an address without a filter: where the addresses of its forms begin."""
    return redirect(_candidate(request, pk))


@require_safe
@gate(Right.READ)
def queue(request: HttpRequest) -> HttpResponse:
    """The queue column alone, for the candidate that is read."""
    wanted = parameter(request, "candidate")
    chosen, membership = ReviewFilter.of(request), membership_of(request)
    if not htmx_of(request):
        return redirect(chosen.url(candidate=wanted))
    candidate = _candidate(request, uuid_or_404(wanted)) if wanted else None
    taken = _taken(request)
    item = review_queries.review_item(chosen.queue(membership.workspace), candidate, taken=taken)
    return render(
        request,
        "memoryapp/review.html#queue",
        {
            "queue": queue_context(membership, chosen, item, taken.policies),
            "may_decide": membership.may_review,
        },
    )


@require_POST
@gate(Right.REVIEW)
def approve(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Approve as it stands, or with ``content`` in the reviewer's words."""
    candidate = _to_decide(request, pk)
    content = posted(request, "content") if "content" in request.POST else None
    try:
        decisions.candidate_approve(
            candidate=candidate, by=request.user, content=content, seen=posted(request, "seen")
        )
    except UnableTo as error:
        return _refused(request, pk, error, editing=content is not None, content=content)
    return _onward(request, candidate)


@require_POST
@gate(Right.REVIEW)
def reject(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Reject for one of the listed reasons, in the reviewer's words, or both."""
    candidate = _to_decide(request, pk)
    reasons = [text.replace("\x00", "").strip() for text in request.POST.getlist("reason")]
    try:
        decisions.candidate_reject(
            candidate=candidate,
            by=request.user,
            reason=": ".join(filter(None, reasons)),
            seen=posted(request, "seen"),
        )
    except UnableTo as error:
        return _refused(request, pk, error, reasons=reasons)
    return _onward(request, candidate)


@require_POST
@gate(Right.REVIEW)
def undo(request: HttpRequest, pk: UUID) -> HttpResponse:
    candidate = _candidate(request, pk)
    try:
        decisions.candidate_undo(candidate=candidate, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The decision was taken back. The candidate waits again.")
    return redirect(ReviewFilter.of(request).url(candidate=str(pk)))


@require_POST
@gate(Right.REVIEW)
def note(request: HttpRequest, pk: UUID) -> HttpResponse:
    candidate, text = _candidate(request, pk), posted(request, "note")
    try:
        desk.note_add(candidate=candidate, text=text, by=request.user)
    except UnableTo as error:
        return _refused(request, pk, error, note=text)
    messages.success(request, "Your note is saved. The next reviewer sees it.")
    return redirect(ReviewFilter.of(request).url(candidate=str(pk)))


@require_POST
@gate(Right.REVIEW)
def assign(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Hand the candidate to the member named ``to``; empty means nobody in particular."""
    candidate, name = _candidate(request, pk), posted(request, "to")
    members = review_queries.may_be_assigned(workspace_of(request))
    to = object_or_404(members, user__username=name) if name else None
    try:
        seen = posted(request, "seen")
        desk.candidate_assign(candidate=candidate, to=to, seen=seen, by=request.user)
    except UnableTo as error:
        return _refused(request, pk, error)
    whom = person(to.user) if to else "nobody in particular"
    messages.success(request, f"It waits for {whom} now.")
    return redirect(ReviewFilter.of(request).url(candidate=str(pk)))


@require_POST
@gate(Right.REVIEW)
def take(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take a candidate over from whoever is reading it."""
    candidate = _candidate(request, pk)
    desk.candidate_reserve(candidate=candidate, membership=membership_of(request), take_over=True)
    return redirect(ReviewFilter.of(request).url(candidate=str(pk)))


@require_POST
@gate(Right.REVIEW)
def merge(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Keep this candidate and let ``other``, which says the same, wait no more."""
    kept = _candidate(request, pk)
    other = _candidate(request, uuid_or_404(posted(request, "other")))
    try:
        twins.candidates_merge(kept=kept, other=other, by=request.user)
    except UnableTo as error:
        return _refused(request, pk, error)
    return redirect(ReviewFilter.of(request).url(candidate=str(pk), undo=str(other.pk)))


@require_POST
@gate(Right.REVIEW)
def uphold(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Say that what a policy admitted is right, or was ``wrong``, and go on to the next audit."""
    candidate, is_right = _candidate(request, pk), not posted(request, "wrong")
    following = _following(request, candidate, _taken(request))
    try:
        decisions.audit_uphold(candidate=candidate, by=request.user, is_right=is_right)
    except UnableTo as error:
        return _refused(request, pk, error)
    said = "Upheld: the policy's decision stays."
    messages.success(request, said if is_right else "Overturned: the policy was wrong.")
    return redirect(ReviewFilter.of(request).url(candidate=str(following.pk) if following else ""))


def _candidate(request: HttpRequest, pk: UUID) -> Candidate:
    found = Candidate.objects.filter(workspace=workspace_of(request))
    return object_or_404(found.select_related(*review_queries.RELATED), pk=pk)


def _to_decide(request: HttpRequest, pk: UUID) -> Candidate:
    """The candidate alone: what it belongs to is read under the lock."""
    return object_or_404(Candidate.objects.filter(workspace=workspace_of(request)), pk=pk)


def _following(
    request: HttpRequest, candidate: Candidate, taken: review_queries.Taken
) -> Candidate | None:
    """The next candidate of the filter that is free, else the one before.

    Asked after the decision: it may have superseded the neighbor.
    """
    queue = ReviewFilter.of(request).queue(workspace_of(request))
    return review_queries.following(queue, candidate, taken)


def _taken(request: HttpRequest) -> review_queries.Taken:
    return review_queries.taken(membership_of(request), timezone.now())


def _onward(request: HttpRequest, candidate: Candidate) -> HttpResponse:
    """To the next candidate; the decided one can be undone there."""
    chosen, taken = ReviewFilter.of(request), _taken(request)
    following = _following(request, candidate, taken)
    url = chosen.url(
        candidate=str(following.pk) if following else "", undo=str(candidate.pk), edit=""
    )
    if not htmx_of(request):
        return redirect(url)
    answer = _page(request, following, undo=candidate, taken=taken, with_rows=False)
    answer["HX-Push-Url"] = url
    answer["HX-Retarget"] = "#item"
    return answer


def _refused(
    request: HttpRequest,
    pk: UUID,
    error: UnableTo,
    *,
    editing: bool = False,
    content: str | None = None,
    reasons: list[str] | None = None,
    note: str = "",
) -> HttpResponse:
    """The page as it is now, with what the service said and what was typed."""
    typed = {
        "content": content,
        "reasons": reasons or [],
        "note": note,
        "form_error": str(error),
    }
    return _page(
        request, _candidate(request, pk), editing=editing, typed=typed, status=error.status
    )


def _page(
    request: HttpRequest,
    wanted: Candidate | None,
    *,
    editing: bool = False,
    typed: dict[str, Any] | None = None,
    undo: Candidate | None = None,
    taken: review_queries.Taken | None = None,
    with_rows: bool = True,
    status: int = 200,
) -> HttpResponse:
    """The page; without the rows of its queue only the item, which brings them up to date later."""
    membership = membership_of(request)
    chosen = ReviewFilter.of(request)
    taken = taken or _taken(request)
    window = review_queries.WINDOW if with_rows else review_queries.NEIGHBORS
    item = review_queries.review_item(
        chosen.queue(membership.workspace), wanted, taken=taken, window=window
    )
    context: dict[str, Any] = {
        "queue": queue_context(membership, chosen, item, taken.policies)
        if with_rows
        else place_context(review_queries.Tallied(membership.workspace), chosen, item)
        | {"column_url": chosen.column_url(item.candidate)},
        "candidate": item.candidate,
        "may_decide": membership.may_review,
        "last": undo_context(membership, chosen, undo),
    }
    if item.candidate is None:
        context["publish_offers"] = publish_offers(membership.workspace, chosen)
    else:
        item.candidate.playbook.standing_policy = taken.policies.get(item.candidate.playbook_id)
        context |= candidate_context(
            item.candidate,
            membership,
            chosen,
            desk.candidate_reserve(
                candidate=item.candidate,
                membership=membership,
                is_free=item.candidate.pk not in taken.reading,
            ),
            editing=editing and membership.may_review,
            typed=typed or {},
        )
    part = "review" if with_rows else "item"
    return render_part(request, "memoryapp/review.html", part, context, status=status)
