"""Releases: publishing, one release with what it changed, and moving labels."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404
from memoryapp.domain.changes import changes
from memoryapp.domain.delivery import FORMS, Form
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.forms import LabelMoveForm, PublishForm, WithdrawForm, first_error
from memoryapp.models import Bullet, Playbook, Release
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import use as use_queries
from memoryapp.queries.releases import heavy, with_sizes
from memoryapp.queries.use import UseFilter
from memoryapp.services.releases import label_move, label_revert, release_publish
from memoryapp.views.links import parameter, with_query
from memoryapp.views.playbook_page import (
    labels_offered,
    labels_seen,
    playbook_context,
    pointed_at,
)
from memoryapp.views.playbooks import playbook_or_404


@require_POST
@gate(Right.REVIEW)
def publish(request: HttpRequest, slug: str) -> HttpResponse:
    """Freeze the draft; the label, if one was chosen, moves to it in the same step.

    A draft that is not the one its reader saw is shown once more, with what changed.
    """
    playbook = playbook_or_404(request, slug)
    form = PublishForm(request.POST)
    error, status = first_error(form), 422
    since: int | None = None
    typed: dict[str, object] = {
        name: request.POST.get(name, "") for name in ("notes", "label", "seen", "since")
    }
    if not error:
        asked = form.cleaned_data
        known, label = asked.pop("since"), asked["label"]
        asked["points_at"] = pointed_at(asked.pop("labels"), label)
        try:
            release = release_publish(playbook=playbook, by=request.user, **asked)
        except ChangedMeanwhile as refusal:
            error, status = str(refusal), refusal.status
            # What is shown below is what the next click publishes.
            typed |= {"seen": None, "since": None}
            since = known
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            said = f" {label} points at it now." if label else " No label was moved."
            messages.success(request, f"{release} of {playbook.name} is published.{said}")
            return redirect(f"{playbook.get_absolute_url()}?tab=releases")
    context = playbook_context(request, playbook, "releases")
    if since is not None:
        # Read after the draft: nothing of it that is new to its reader is left out.
        typed["changed"] = playbook_queries.draft_since(playbook, since)
    return _refused(request, context, error, status, publishing=typed)


@require_POST
@gate(Right.REVIEW)
def move_label(request: HttpRequest, slug: str) -> HttpResponse:
    """Point a label at a release, or back where it came from if nobody moved it meanwhile."""
    playbook = playbook_or_404(request, slug)
    form = LabelMoveForm(request.POST)
    error, status = first_error(form), 422
    if not error:
        name = form.cleaned_data["name"].strip()
        releases = playbook.releases.light()
        release = object_or_404(releases, number=form.cleaned_data["release"])
        now = form.cleaned_data["now"]
        try:
            if now:
                label = object_or_404(playbook.labels.all(), name=name)
                label_revert(label=label, version=now, back_to=release.number, by=request.user)
            else:
                label_move(
                    playbook=playbook,
                    name=name,
                    release=release,
                    points_at=pointed_at(form.cleaned_data["labels"], name),
                    by=request.user,
                )
        except UnableTo as refusal:
            error, status = str(refusal), refusal.status
        else:
            messages.success(
                request, f"{name} points at {release} now. Agents get it with their next pull."
            )
            return redirect(f"{playbook.get_absolute_url()}?tab=releases")
    moving = {name: request.POST.get(name, "") for name in ("name", "release")}
    context = playbook_context(request, playbook, "releases")
    return _refused(request, context, error, status, moving=moving)


def _refused(
    request: HttpRequest, context: dict[str, object], error: str, status: int, **typed: object
) -> HttpResponse:
    shown = context | {"error": error, **typed}
    return render(request, "memoryapp/playbook_detail.html", shown, status=status)


@require_safe
@gate(Right.READ)
def release_detail(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    playbook = playbook_or_404(request, slug)
    release = object_or_404(with_sizes(_releases(playbook)), number=number)
    others = playbook.releases.light().exclude(pk=release.pk)
    against = _against(request, playbook, release)
    labels = list(playbook.labels.select_related("release").defer(*heavy("release")))
    names = {label.name for label in labels}
    asked = UseFilter(playbook=slug, release=str(number))
    context = {
        "release": release,
        "playbook": playbook,
        "releases_url": f"{playbook.get_absolute_url()}?tab=releases",
        "labels": [label for label in labels if label.release_id == release.pk],
        "sections": release.document["sections"],
        "doubted": _doubted(playbook, release),
        "against": against,
        "others": others,
        "changes": changes(against.document, release.document) if against else [],
        "downloads": [
            {
                "name": name,
                "title": form.title,
                "url": reverse("release-download", args=[slug, number, name]),
                "size": _size(release, form),
            }
            for name, form in FORMS.items()
        ],
        "may_decide": membership_of(request).may_review,
        "move_label_url": reverse("label-move", args=[slug]),
        "withdraw_form": WithdrawForm(),
        "label_names": labels_offered(names),
        "labels_seen": labels_seen(labels),
        "pulls": use_queries.newest_pulls(playbook.workspace, asked),
        "pulls_url": f"{reverse('pull-list')}{asked.as_query()}",
        "measured": playbook.evaluations.filter(digest=release.fingerprint).first(),
        "measure_url": with_query(
            reverse("experiment-start"), {"playbook": slug, "release": str(number)}
        ),
    }
    return render(request, "memoryapp/release_detail.html", context)


@require_safe
@gate(Right.READ)
def download(request: HttpRequest, slug: str, number: int, form: str) -> HttpResponse:
    """The text of a release exactly as agents are served it."""
    release = object_or_404(_releases(playbook_or_404(request, slug)), number=number)
    if form not in FORMS:
        raise Http404
    answer = HttpResponse(_text(release, form), content_type=FORMS[form].content_type)
    name = f"{slug}-v{number}.{FORMS[form].suffix}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _text(release: Release, form: str) -> bytes:
    """What is served; a release that is older than a form is written in it from its document."""
    kept = release.bodies.get(form)
    return kept.encode() if kept is not None else FORMS[form].render(release.document)


def _size(release: Any, form: Form) -> int:
    """Bytes of what is served in a form."""
    kept: int | None = (release.sizes or {}).get(form.name)
    return kept if kept is not None else len(form.render(release.document))


def _doubted(playbook: Playbook, release: Release) -> dict[str, Any]:
    """Bullets of a release that are in doubt now: agents that pull it are given them."""
    labels = [held["label"] for part in release.document["sections"] for held in part["bullets"]]
    stale = Bullet.Status.STALE
    return {
        "count": playbook.bullets.filter(status=stale, label__in=labels).count(),
        "url": with_query(playbook.get_absolute_url(), {"status": stale.value}),
    }


def _releases(playbook: Playbook) -> QuerySet[Release]:
    return playbook.releases.select_related("published_by")


def _against(request: HttpRequest, playbook: Playbook, release: Release) -> Release | None:
    """The release to compare with: the one asked for, else the one before."""
    asked = parameter(request, "against")
    others = playbook.releases.exclude(pk=release.pk).defer("bodies")
    if asked.isdecimal():
        found = others.filter(number=int(asked)).first()
        if found is None:
            raise Http404
        return found
    return others.filter(number__lt=release.number).first()
