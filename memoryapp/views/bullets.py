"""One bullet: what it says, its revisions, and the ways to change it by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain import doubt
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.excerpts import named_in
from memoryapp.domain.playbook import SECTIONS
from memoryapp.domain.provenance import WORDS, Trust
from memoryapp.domain.ranking import helpful_bound, is_harmful
from memoryapp.domain.seen import shown
from memoryapp.domain.warnings import warnings_of
from memoryapp.forms import BulletEditForm, BulletForm, first_error
from memoryapp.models import Bullet
from memoryapp.queries import entries as entry_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries import use as use_queries
from memoryapp.queries.browsing import NEWEST, EntryFilter, entry_neighbors, entry_place
from memoryapp.queries.use import UseFilter
from memoryapp.services import bullets
from memoryapp.services.curation import tags_of
from memoryapp.services.retrieval import query_vector
from memoryapp.views.links import htmx_of, parameter, posted, with_query
from memoryapp.views.playbook_page import curve_shown, playbook_context
from memoryapp.views.playbooks import playbook_or_404
from memoryapp.views.review_evidence import evidence_groups

#: tools that one link asks a run to practise first.
TOOLS_IN_FOCUS = 10
VOTES_SHOWN = 20
#: in an address: where a bullet stood in the list of its filter before it was changed.
PLACE = "place"
#: What became of something suspicious in a text that a person wrote, by its kind.
BECAME = {
    "hidden": "The text is stored without.",
    "secret": "The text is stored masked.",
    "order": "The text is stored as you wrote it: read it once more.",
}


@require_POST
@gate(Right.REVIEW)
def add(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a bullet by hand; a refused one comes back with its text."""
    playbook = playbook_or_404(request, slug)
    form = BulletForm(request.POST)
    error, status = first_error(form), 422
    if not error:
        try:
            bullet = bullets.bullet_add(playbook=playbook, by=request.user, **form.cleaned_data)
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(
                request, f"{bullet.label} was added. Agents read it after the next release."
            )
            _warn(request, form.cleaned_data["content"])
            return redirect(bullet)
    context = playbook_context(request, playbook, "bullets") | {
        "error": error,
        "added": {name: request.POST.get(name, "") for name in ("section", "content")},
    }
    return render(request, "memoryapp/playbook_detail.html", context, status=status)


def _warn(request: HttpRequest, written: str) -> None:
    """Say what is suspicious about a text somebody wrote, and what became of it."""
    for warned in warnings_of(written):
        messages.warning(request, f"{warned.text}. {BECAME[warned.kind]}")


@require_safe
@gate(Right.READ)
def bullet_detail(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    bullet = bullet_or_404(request, slug, label)
    may_edit = membership_of(request).may_review and bullet.status != Bullet.Status.RETIRED
    if not (may_edit and parameter(request, "edit")):
        return bullet_page(request, bullet)
    start = parameter(request, "from")
    earlier = bullet.revisions.filter(number=start).first() if start.isdecimal() else None
    return bullet_page(
        request,
        bullet,
        editing=True,
        content=earlier.content if earlier else bullet.content,
        start_from=earlier.number if earlier else None,
    )


@require_POST
@gate(Right.REVIEW)
def edit(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    bullet = bullet_or_404(request, slug, label)
    # A row of the bullets tab that is edited in place comes back as a row.
    in_place = bool(htmx_of(request)) and "in_place" in request.POST
    form = BulletEditForm(request.POST)
    error, status = first_error(form), 422
    if not error:
        try:
            bullets.bullet_edit(bullet=bullet, by=request.user, **form.cleaned_data)
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            if in_place:
                return bullet_row(request, bullet_or_404(request, slug, label), saved=True)
            messages.success(request, f"{label} was saved. Agents read it after the next release.")
            _warn(request, form.cleaned_data["content"])
            return redirect(bullet_url(request, bullet))
    answer = bullet_row if in_place else bullet_page
    return answer(
        request,
        bullet_or_404(request, slug, label),
        status=status,
        editing=True,
        content=request.POST.get("content", ""),
        reason=request.POST.get("reason", ""),
        error=error,
    )


@require_POST
@gate(Right.REVIEW)
def retire(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    said = "is retired. It leaves the next release and can be restored here."
    return _move(request, slug, label, bullets.bullet_retire, said)


@require_POST
@gate(Right.REVIEW)
def confirm(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    said = "still holds. Nothing changes for agents."
    return _move(request, slug, label, bullets.bullet_confirm, said)


@require_POST
@gate(Right.REVIEW)
def restore(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    said = "is back in the draft. Agents read it after the next release."
    return _move(request, slug, label, bullets.bullet_restore, said)


def _move(
    request: HttpRequest, slug: str, label: str, act: Callable[..., Bullet], said: str
) -> HttpResponse:
    bullet = bullet_or_404(request, slug, label)
    reason = posted(request, "reason")
    try:
        act(bullet=bullet, reason=reason, by=request.user)
    except UnableTo as error:
        return bullet_page(
            request,
            bullet_or_404(request, slug, label),
            status=error.status,
            reason=reason,
            error=str(error),
        )
    messages.success(request, f"{label} {said}")
    return redirect(bullet_url(request, bullet))


def bullet_row(
    request: HttpRequest, bullet: Bullet, *, status: int = 200, **state: Any
) -> HttpResponse:
    """Render one row as the bullets tab does, which htmx names as the page it asks from."""
    context = {
        "bullet": bullet,
        "rows": [bullet],
        "page_query": _asked_from(request),
        "may_decide": membership_of(request).may_review,
        **state,
    }
    return render(request, "memoryapp/parts/bullet_row.html", context, status=status)


def _asked_from(request: HttpRequest) -> QueryDict:
    """The query of the page that htmx asks from."""
    try:
        url = urlsplit(htmx_of(request).current_url or "")
    except ValueError:  # whoever writes it by hand may write no address
        return QueryDict()
    return QueryDict(url.query)


def bullet_or_404(request: HttpRequest, slug: str, label: str) -> Bullet:
    """The bullet of the reader's workspace behind an address."""
    found = Bullet.objects.filter(playbook__workspace=workspace_of(request), playbook__slug=slug)
    return object_or_404(found.select_related("playbook__workspace"), label=label)


def bullet_url(request: HttpRequest, bullet: Bullet) -> str:
    """The page of a bullet that was changed, in the filter of Memory it was opened in.

    Pass ``bullet`` as it was read before the change: the page goes on from where it stood then.
    """
    listed = EntryFilter.from_query(request.GET)
    place = parameter(request, PLACE) or entry_place(listed, bullet)
    return f"{bullet.get_absolute_url()}{_own_query(listed, place)}"


def _own_query(listed: EntryFilter, place: str) -> str:
    """The query of the page of one bullet of a filter; empty where it was opened in none."""
    if not (listed.said and place):
        return listed.as_query()
    return f"{listed.as_query()}&{urlencode({PLACE: place})}"


def _beside(request: HttpRequest, bullet: Bullet) -> dict[str, Any]:
    """The bullets before and after it, where it was opened in a list of Memory."""
    listed = EntryFilter.from_query(request.GET)
    if not listed.said:
        return {}
    previous, following = entry_neighbors(
        workspace_of(request),
        listed,
        bullet,
        vector=query_vector(listed.q)[0] if listed.is_ranked else None,
        place=parameter(request, PLACE),
    )
    in_list = listed.changed(sort="") if listed.sort == NEWEST else listed
    return {
        "query": listed.as_query(),
        "memory_url": f"{reverse('entry-list')}{in_list.as_query()}",
        "previous": previous,
        "next": following,
    }


def bullet_page(
    request: HttpRequest, bullet: Bullet, status: int = 200, **state: Any
) -> HttpResponse:
    """Render the page of a bullet; ``state`` is what a refused form held, and why."""
    names = [bullet.playbook.slug, bullet.label]
    own_query = _own_query(EntryFilter.from_query(request.GET), parameter(request, PLACE))
    asked = UseFilter(playbook=bullet.playbook.slug, bullet=bullet.label)
    context: dict[str, Any] = {
        "bullet": bullet,
        "playbook": bullet.playbook,
        "bullets_url": bullet.playbook.get_absolute_url(),
        "may_decide": membership_of(request).may_review,
        "trust": WORDS[Trust(bullet.trust)],
        "served_by": release_queries.served_through(bullet.playbook, [bullet.label]),
        "curve": curve_shown(bullet),
        "pulls": use_queries.newest_pulls(bullet.playbook.workspace, asked),
        "pulls_url": f"{reverse('pull-list')}{asked.as_query()}",
        "votes_url": f"{reverse('vote-list')}{asked.as_query()}",
        "recalls_url": with_query(reverse("recall-list"), {"bullet": str(bullet.pk)}),
        "evidence_groups": evidence_groups(entry_queries.bullet_evidence(bullet)),
        "named": named_in(bullet.content),
        "revisions": [
            {"revision": revision, "before": before}
            for revision, before in entry_queries.revisions_with_before(bullet)
        ],
        **{
            f"{act}_url": f"{reverse(f'bullet-{act}', args=names)}{own_query}"
            for act in ("edit", "confirm", "retire", "restore", "move", "place", "tag")
        },
        "own_query": own_query,
        "section_typed": bullet.section,
        "tags_typed": ", ".join(bullet.tags),
        "tags_seen": shown(tags_of(bullet)),
        "section_names": sorted(
            {*SECTIONS, *bullet.playbook.bullets.values_list("section", flat=True)}
        ),
        **_beside(request, bullet),
        **_reported(bullet),
        **_doubt(bullet),
        **state,
    }
    return render(request, "memoryapp/bullet_detail.html", context, status=status)


def _reported(bullet: Bullet) -> dict[str, Any]:
    """What agents said of it, and what of all votes can be relied on."""
    value, votes = bullet.as_value(), entry_queries.bullet_votes(bullet)
    return {
        "votes": votes[:VOTES_SHOWN],
        "vote_count": votes.count(),
        "vote_total": value.helpful + value.harmful,
        "helpful_bound": helpful_bound(value),
        "is_harmful": is_harmful(value),
    }


def _doubt(bullet: Bullet) -> dict[str, Any]:
    """Why a stale bullet is stale, and where its tools can be practised. Nothing for others.

    A tool that is gone cannot be.
    """
    if bullet.status != Bullet.Status.STALE:
        return {}
    why = entry_queries.newest_reason(bullet)
    if doubt.is_gone(why):
        return {"stale_reason": why, "practise_url": ""}
    first = filter(None, [doubt.tool_of(why)])
    tools = list(dict.fromkeys([*first, *entry_queries.tools_shown(bullet)]))[:TOOLS_IN_FOCUS]
    asked = {"playbook": bullet.playbook.slug, "focus": ",".join(tools)}
    return {"stale_reason": why, "practise_url": with_query(reverse("run-start"), asked)}
