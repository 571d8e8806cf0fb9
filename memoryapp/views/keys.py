"""API keys: the list, making one (shown once), revoking one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import KeyForm
from memoryapp.models import ApiKey
from memoryapp.models.tokens import Scope
from memoryapp.services.tokens import api_key_create, api_key_revoke
from memoryapp.views.settings_tabs import settings_tabs
from memoryapp.views.snippets import pull_command


@require_safe
@gate(Right.READ)
def key_list(request: HttpRequest) -> HttpResponse:
    return _page(request, KeyForm())


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def create(request: HttpRequest) -> HttpResponse:
    """Make a key and show it in the answer itself: it is stored nowhere, not in the session."""
    form = KeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        key, text = api_key_create(
            workspace=workspace_of(request),
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            by=request.user,
            expires_at=form.expires_at(),
        )
    except UnableTo as error:
        form.add_error(None, str(error))
        return _page(request, form, status=error.status)
    shown: dict[str, Any] = {
        "new_key": {"name": key.name, "text": text},
        "example": _example(request, key, text),
    }
    return _page(request, KeyForm(), **shown)


@require_POST
@gate(Right.ADMINISTER)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    key = object_or_404(ApiKey.objects.filter(workspace=workspace_of(request)), pk=pk)
    api_key_revoke(key=key, by=request.user)
    messages.success(request, f"{key.name} is revoked. Requests that carry it get 401 from now on.")
    return redirect("key-list")


def _page(request: HttpRequest, form: KeyForm, status: int = 200, **shown: Any) -> HttpResponse:
    now = timezone.now()
    rows = workspace_of(request).api_keys.select_related("created_by")
    context = {
        "keys": [
            {
                "key": key,
                "state": _state(key, now),
                "revoke_url": reverse("key-revoke", args=[key.pk]),
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
