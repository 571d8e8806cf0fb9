"""Taking a release out of use and bringing it back, from its page."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate, object_or_404
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import WithdrawForm, first_error
from memoryapp.models import Release
from memoryapp.services.withdrawals import release_reinstate, release_withdraw
from memoryapp.views.playbooks import playbook_or_404


def _release(request: HttpRequest, slug: str, number: int) -> Release:
    rows = playbook_or_404(request, slug).releases.light()
    return object_or_404(rows, number=number)


@require_POST
@gate(Right.REVIEW)
def withdraw(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Retire or recall a release; labels move to what replaces it."""
    release = _release(request, slug, number)
    form = WithdrawForm(request.POST)
    if error := first_error(form):
        messages.error(request, error)
        return redirect(release.get_absolute_url())
    wanted = form.cleaned_data["replacement"]
    try:
        release = release_withdraw(
            release=release,
            kind=form.cleaned_data["kind"],
            reason=form.cleaned_data["reason"],
            by=request.user,
            replacement=_release(request, slug, wanted) if wanted else None,
        )
    except UnableTo as refusal:
        messages.error(request, str(refusal))
    else:
        instead = f"are sent on to {release.replacement}" if release.replacement else "get 410"
        messages.success(request, f"{release} is {release.withdrawal}. Agents {instead}.")
    return redirect(release.get_absolute_url())


@require_POST
@gate(Right.REVIEW)
def reinstate(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    release = _release(request, slug, number)
    try:
        release_reinstate(release=release, by=request.user)
    except UnableTo as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{release} is in use again. Labels stay where they are.")
    return redirect(release.get_absolute_url())
