"""API keys: the list, making one (shown once), revoking one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import KeyForm
from memoryapp.models import ApiKey, Membership
from memoryapp.models.tokens import Scope
from memoryapp.services.tokens import api_key_create, api_key_revoke, api_key_rotate
from memoryapp.views.settings_tabs import settings_tabs
from memoryapp.views.snippets import pull_command


@require_safe
@gate(Right.READ)
def key_list(request: HttpRequest) -> HttpResponse:
    return _page(request, _form(request))


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def create(request: HttpRequest) -> HttpResponse:
    """Make a key and show it in the answer itself: it is stored nowhere, not in the session."""
    form = _form(request, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        key, text = api_key_create(
            workspace=workspace_of(request),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            by=request.user,
            expires_at=form.expires_at(),
            playbooks=list(
                workspace_of(request).playbooks.filter(
                    slug__in=form.cleaned_data.get("playbooks", ())
                )
            ),
            rate_limit=form.cleaned_data["rate_limit"],
        )
    except UnableTo as error:
        form.add_error(None, str(error))
        return _page(request, form, status=error.status)
    shown: dict[str, Any] = {
        "new_key": {"name": key.name, "text": text},
        "example": _example(request, key, text),
    }
    return _page(request, _form(request), **shown)


@require_POST
@gate(Right.ADMINISTER)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = object_or_404(ApiKey.objects.filter(workspace=workspace_of(request)), pk=pk)
    api_key_revoke(key=key, by=request.user)
    messages.success(request, f"{key.name} is revoked. Requests that carry it get 401 from now on.")
    return redirect("key-list")


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a key a new secret and show it in the answer itself."""
    key = object_or_404(ApiKey.objects.filter(workspace=workspace_of(request)), pk=pk)
    try:
        key, text = api_key_rotate(key=key, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect("key-list")
    shown: dict[str, Any] = {
        "new_key": {"name": key.name, "text": text, "grace": key.previous_until},
        "example": _example(request, key, text),
    }
    return _page(request, _form(request), **shown)


def _form(request: HttpRequest, posted: Any = None) -> KeyForm:
    return KeyForm(posted, playbooks=list(workspace_of(request).playbooks.all()))


def _page(request: HttpRequest, form: KeyForm, status: int = 200, **shown: Any) -> HttpResponse:
    now = timezone.now()
    makers = Membership.objects.filter(workspace=OuterRef("workspace"), user=OuterRef("created_by"))
    rows = workspace_of(request).api_keys.annotate(has_maker=Exists(makers))
    rows = rows.select_related("created_by").prefetch_related("playbooks")
    context = {
        "keys": [
            {
                "key": key,
                "state": _state(key, now),
                "is_orphan": not key.has_maker,  # type: ignore[attr-defined]  # annotated above
                "revoke_url": reverse("key-revoke", args=[key.pk]),
                "rotate_url": reverse("key-rotate", args=[key.pk]),
                "in_grace": key.previous_until is not None and now < key.previous_until,
            }
            for key in rows
        ],
        "form": form,
        "create_url": reverse("key-create"),
        "may_administer": membership_of(request).may_administer,
        "settings_tabs": settings_tabs(request),
        **shown,
    }
    return render(request, "memoryapp/settings_keys.html", context, status=status)


def _state(key: ApiKey, now: Any) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now else "active"


def _example(request: HttpRequest, key: ApiKey, text: str) -> str:
    """A command that works as it stands, for a playbook that is served if there is one."""
    if Scope.PULL not in key.scopes:
        return ""
    playbooks = workspace_of(request).playbooks
    playbook = playbooks.filter(labels__name="production").first() or playbooks.first()
    return pull_command(request, playbook.slug, key=text) if playbook else ""
