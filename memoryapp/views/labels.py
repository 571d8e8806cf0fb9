"""A label: which release it gives to whom, and the release on trial under it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404
from memoryapp.domain.canary import LEAST
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.seen import shown
from memoryapp.forms import TrialEndForm, TrialForm, first_error
from memoryapp.models import Release, ReleaseLabel
from memoryapp.queries import releases as release_queries
from memoryapp.queries import serving
from memoryapp.services import canaries
from memoryapp.views.links import posted
from memoryapp.views.playbooks import playbook_or_404

EVENTS_SHOWN = 20
RELEASES_OFFERED = 50


@require_safe
@gate(Right.READ)
def label_detail(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    return _page(request, _label(request, slug, name))


@require_POST
@gate(Right.REVIEW)
def trial_start(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Give a release to a share of the agents that pull the label, or change the share."""
    label = _label(request, slug, name)
    form = TrialForm(request.POST)
    if error := first_error(form):
        return _page(request, label, error=error, status=422)
    release = object_or_404(label.playbook.releases.light(), number=form.cleaned_data["release"])
    share, seen = form.cleaned_data["share"], form.cleaned_data["seen"]
    return _moved(
        request,
        label,
        lambda: canaries.canary_start(
            label=label, release=release, share=share, seen=seen, by=request.user
        ),
        f"{release} goes to {share}% of the agents that pull {name}.",
        share_typed=share,
    )


@require_POST
@gate(Right.REVIEW)
def trial_end(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    label = _label(request, slug, name)
    form = TrialEndForm(request.POST)
    if error := first_error(form):
        return _page(request, label, error=error, status=422)
    why = form.cleaned_data["reason"]
    return _moved(
        request,
        label,
        lambda: canaries.canary_end(label=label, by=request.user, why=why),
        f"The trial has ended. All agents that pull {name} get {label.release}.",
    )


@require_POST
@gate(Right.REVIEW)
def trial_promote(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    label, seen = _label(request, slug, name), posted(request, "seen")
    return _moved(
        request,
        label,
        lambda: canaries.canary_promote(label=label, seen=seen, by=request.user),
        f"{name} points at the release that was on trial. Agents get it with their next pull.",
    )


def _moved(
    request: HttpRequest, label: ReleaseLabel, act: Callable[[], Any], said: str, **typed: Any
) -> HttpResponse:
    try:
        act()
    except UnableTo as refusal:
        label = _label(request, label.playbook.slug, label.name)
        return _page(request, label, error=str(refusal), status=refusal.status, **typed)
    messages.success(request, said)
    return redirect(_url(label))


def _label(request: HttpRequest, slug: str, name: str) -> ReleaseLabel:
    playbook = playbook_or_404(request, slug)
    rows = ReleaseLabel.objects.filter(playbook=playbook)
    rows = rows.select_related("playbook", "release__playbook", "canary__playbook")
    return object_or_404(rows.defer(*release_queries.heavy("release", "canary")), name=name)


def _url(label: ReleaseLabel) -> str:
    return reverse("label-detail", args=[label.playbook.slug, label.name])


def _page(
    request: HttpRequest, label: ReleaseLabel, *, error: str = "", status: int = 200, **typed: Any
) -> HttpResponse:
    playbook, names = label.playbook, [label.playbook.slug, label.name]
    others: list[Release] = list(
        playbook.releases.light()
        .filter(withdrawal="")
        .exclude(pk=label.release_id)[:RELEASES_OFFERED]
    )
    pulled = serving.pulls_of(label.name, [label.release_id])
    context = {
        "label": label,
        "playbook": playbook,
        "releases_url": f"{playbook.get_absolute_url()}?tab=releases",
        "trial": serving.trial_of(label),
        "least": LEAST,
        "pulls": pulled.get(label.release_id, serving.Pulls()),
        "pull_days": serving.PULL_DAYS,
        "lost": serving.receipts_lost(),
        "moves": release_queries.label_moves(playbook.label_moves.filter(name=label.name))[
            :EVENTS_SHOWN
        ],
        "events": serving.trials_before(label)[:EVENTS_SHOWN],
        "releases": others,
        "may_decide": membership_of(request).may_review,
        "start_url": reverse("label-trial", args=names),
        "end_url": reverse("label-trial-end", args=names),
        "promote_url": reverse("label-trial-promote", args=names),
        "move_label_url": reverse("label-move", args=[playbook.slug]),
        "trial_seen": shown(canaries.trial_said(label)),
        "error": error,
        **typed,
    }
    return render(request, "memoryapp/label_detail.html", context, status=status)
