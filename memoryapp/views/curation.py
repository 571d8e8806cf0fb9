"""Ordering a playbook by hand: sections, places, tags, merges, its budget, and one run undone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, gate, membership_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.forms import PlaybookChangeForm, first_error
from memoryapp.models import Bullet, Candidate, Playbook
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.services import curation
from memoryapp.services.restoring import job_restore, standing_undo
from memoryapp.services.undoing import job_preview, job_undo
from memoryapp.templatetags.formats import count_of
from memoryapp.views.bullets import bullet_or_404, bullet_page, bullet_row, bullet_url
from memoryapp.views.links import htmx_of, parameter, posted, with_query
from memoryapp.views.playbook_page import playbook_context
from memoryapp.views.playbooks import playbook_or_404

BOTH = ["GET", "HEAD", "POST"]
#: bullets that are shown beside each other, to become one.
MERGED_MOST = 20


@require_POST
@gate(Right.REVIEW)
def move(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    """Put a bullet into another section; ``own`` names one that does not exist yet."""
    own, seen = _posted(request, "own"), _posted(request, "seen")
    section = own or _posted(request, "section")
    return _changed(
        request,
        slug,
        label,
        lambda b: curation.bullet_move(bullet=b, section=section, seen=seen, by=request.user),
        stands=curation.section_of,
        meanwhile_of="Section",
        section_typed=section,
        own_typed=own,
    )


@require_POST
@gate(Right.REVIEW)
def place(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    """Move a bullet one place up or down."""
    direction = _posted(request, "direction")
    return _changed(
        request,
        slug,
        label,
        lambda b: curation.bullet_place(bullet=b, direction=direction, by=request.user),
    )


@require_POST
@gate(Right.REVIEW)
def tag(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    """Replace a bullet's tags; commas or spaces stand between them."""
    bullet = bullet_or_404(request, slug, label)
    typed, seen = _posted(request, "tags"), _posted(request, "seen")
    tags = typed.replace(",", " ").split()
    refused: dict[str, Any] = {"tags_typed": typed, "meanwhile_of": "Tags"}
    try:
        curation.bullet_tag(bullet=bullet, tags=tags, seen=seen, by=request.user)
    except ChangedMeanwhile as refusal:
        bullet, status = bullet_or_404(request, slug, label), refusal.status
        now = curation.tags_of(bullet)
        refused["meanwhile"] = meanwhile(bullet.playbook.workspace, bullet, now, seen)
    except UnableTo as refusal:
        status = refusal.status
        refused["tags_seen"] = seen
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{label} is changed.")
        return redirect(bullet_url(request, bullet))
    return bullet_page(request, bullet, status=status, **refused)


@require_safe
@gate(Right.READ)
def row(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    """One row of the bullets tab, to read or to edit in place; its page where scripts are off."""
    bullet = bullet_or_404(request, slug, label)
    editing = bool(parameter(request, "edit")) and membership_of(request).may_review
    if not htmx_of(request):
        return redirect(with_query(bullet.get_absolute_url(), {"edit": "1" if editing else ""}))
    return bullet_row(request, bullet, editing=editing, content=bullet.content)


@require_http_methods(BOTH)
@gate(Right.REVIEW)
def merge(request: HttpRequest, slug: str) -> HttpResponse:
    """Several bullets beside each other, and the text that takes their place."""
    playbook = playbook_or_404(request, slug)
    given = request.POST if request.method == "POST" else request.GET
    chosen = [label.replace("\x00", "") for label in given.getlist("bullet")]
    rows = curation.bullets_named(playbook, chosen[:MERGED_MOST])
    if len(rows) < 2:
        messages.error(request, "Choose at least two bullets to merge.")
        return redirect(playbook)
    first = _posted(request, "first") if request.method == "POST" else parameter(request, "first")
    rows.sort(key=lambda row: row.label != first)
    if request.method != "POST" or "preview" in request.POST:
        if len(chosen) > MERGED_MOST:
            messages.warning(
                request,
                f"You chose {len(chosen)} bullets; these are the first {MERGED_MOST}. More are not "
                "merged at a time.",
            )
        return _merge_page(request, playbook, rows, _typed(request, rows))
    try:
        bullet = curation.bullets_merge(
            playbook=playbook,
            labels=[row.label for row in rows],
            content=_posted(request, "content"),
            seen=_posted(request, "seen"),
            reason=_posted(request, "reason"),
            by=request.user,
        )
    except UnableTo as error:
        return _merge_page(
            request, playbook, rows, _posted(request, "content"), str(error), error.status
        )
    messages.success(
        request,
        f"{len(rows)} bullets are now {bullet.label}. The others are retired and can be restored.",
    )
    return redirect(bullet)


def _typed(request: HttpRequest, rows: Sequence[Bullet]) -> str:
    """The text for the bullet that stays; empty where nobody touched the text that was shown.

    Whoever keeps another bullet without touching the text means that bullet's own text.
    """
    content, before = _posted(request, "content"), _posted(request, "shown_first")
    untouched = any(row.label == before and row.content == content for row in rows)
    return "" if untouched else content


def _merge_page(
    request: HttpRequest,
    playbook: Playbook,
    rows: list[Bullet],
    content: str,
    error: str = "",
    status: int = 200,
) -> HttpResponse:
    content = content or rows[0].content
    tokens: tuple[int, int] | None = None
    try:
        tokens = curation.merge_preview(
            playbook=playbook, labels=[row.label for row in rows], content=content
        )
    except UnableTo as refusal:
        error = error or str(refusal)
    context = {
        "playbook": playbook,
        "rows": rows,
        "first": rows[0],
        "content": content,
        "reason": _posted(request, "reason"),
        "tokens": tokens,
        "seen": curation.merge_digest(rows),
        "error": error,
        "merge_url": reverse("bullets-merge", args=[playbook.slug]),
    }
    return render(request, "memoryapp/bullets_merge.html", context, status=status)


@require_POST
@gate(Right.REVIEW)
def change(request: HttpRequest, slug: str) -> HttpResponse:
    """Rename a playbook, describe it anew or change its token budget."""
    playbook = playbook_or_404(request, slug)
    form = PlaybookChangeForm(request.POST)
    found = None
    error, status = first_error(form), 422
    if not error:
        try:
            changed = curation.playbook_change(
                playbook=playbook, by=request.user, **form.cleaned_data
            )
        except ChangedMeanwhile as refusal:
            status = refusal.status
            playbook = playbook_or_404(request, slug)
            stands, seen = curation.settings_of(playbook), form.cleaned_data["seen"]
            found = meanwhile(playbook.workspace, playbook, stands, seen)
            form = form.again(found)
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(request, f"{changed.name} is saved.")
            return redirect(changed)
    context = playbook_context(request, playbook, "bullets") | {
        "error": error,
        "settings": form,
        "changing": True,
        "meanwhile": found,
    }
    return render(request, "memoryapp/playbook_detail.html", context, status=status)


@require_http_methods(BOTH)
@gate(Right.REVIEW)
def run_undo(request: HttpRequest, slug: str) -> HttpResponse:
    """What undoing one run would do to the playbook, then doing it; and taking that back."""
    playbook = playbook_or_404(request, slug)
    asked = _posted(request, "origin") if request.method == "POST" else parameter(request, "origin")
    candidate = playbook.candidates.filter(origin_link=asked).exclude(origin_link="").first()
    if candidate is None:
        raise Http404
    error, status = "", 200
    if request.method == "POST":
        act = _run_restored if _posted(request, "undo") else _run_undone
        try:
            said, url = act(request, playbook, candidate)
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(request, said)
            return redirect(url)
    context = {
        "playbook": playbook,
        "origin": candidate,
        "report": job_preview(playbook=playbook, origin_link=asked),
        "standing": standing_undo(playbook=playbook, origin_link=asked),
        "reason": _posted(request, "reason"),
        "error": error,
        "undo_url": reverse("run-undo", args=[slug]),
    }
    return render(request, "memoryapp/run_undo.html", context, status=status)


def _run_undone(request: HttpRequest, playbook: Playbook, origin: Candidate) -> tuple[str, str]:
    """Undo the run that ``origin`` came from; return what to say, and where that can be undone."""
    report = job_undo(
        playbook=playbook,
        origin_link=origin.origin_link,
        reason=_posted(request, "reason"),
        seen=_posted(request, "seen"),
        by=request.user,
    )
    kept = f" What people changed since stays: {count_of(report.spared, 'bullet')}."
    said = (
        f"{origin.origin_name} is undone: {count_of(report.changing, 'bullet')} taken back, "
        f"{count_of(report.waiting, 'waiting candidate')} withdrawn.{kept if report.spared else ''}"
    )
    url = reverse("run-undo", args=[playbook.slug])
    return said, with_query(url, {"origin": origin.origin_link})


def _run_restored(request: HttpRequest, playbook: Playbook, origin: Candidate) -> tuple[str, str]:
    """Take the undo of a run back; return what to say, and the page of the playbook."""
    undo = _posted(request, "undo")
    back = job_restore(
        playbook=playbook,
        origin_link=origin.origin_link,
        undo=int(undo) if re.fullmatch(r"[0-9]{1,18}", undo) else 0,
        by=request.user,
    )
    kept = f" What was changed since stays: {count_of(len(back.spared), 'bullet')}."
    said = (
        f"{origin.origin_name} is back: {count_of(len(back.rows), 'bullet')} as before, "
        f"{count_of(len(back.waiting), 'candidate')} waiting again.{kept if back.spared else ''}"
    )
    return said, playbook.get_absolute_url()


def _changed(
    request: HttpRequest,
    slug: str,
    label: str,
    act: Callable[[Bullet], Bullet],
    *,
    stands: Callable[[Bullet], Mapping[str, Any]] | None = None,
    **typed: str,
) -> HttpResponse:
    """Do one thing to a bullet and go back to the page it was asked for on.

    ``stands`` returns what the reader has ``seen`` of it, where it is replaced; ``typed`` is kept.
    """
    bullet = bullet_or_404(request, slug, label)
    try:
        act(bullet)
    except ChangedMeanwhile as refusal:
        assert stands is not None
        bullet = bullet_or_404(request, slug, label)
        seen = _posted(request, "seen")
        found = meanwhile(bullet.playbook.workspace, bullet, stands(bullet), seen)
        return bullet_page(request, bullet, status=refusal.status, meanwhile=found, **typed)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{label} is changed.")
    arranging = _posted(request, "arrange")
    if arranging:
        return redirect(f"{bullet.playbook.get_absolute_url()}?arrange=1#b-{label}")
    return redirect(bullet_url(request, bullet))


def _posted(request: HttpRequest, name: str) -> str:
    return posted(request, name).strip()
