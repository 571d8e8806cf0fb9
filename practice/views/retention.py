"""How long the workspace keeps things: the policy, and what it would drop now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile
from memoryapp.forms import SeenForm
from memoryapp.queries.meanwhile import Meanwhile, meanwhile
from memoryapp.views.settings_tabs import settings_tabs
from practice.models import Retention
from practice.queries.retention import due
from practice.services.retention import (
    FIELDS,
    FOR_EVER,
    LONGEST_DAYS,
    retention_of,
    retention_said,
    retention_set,
)


def _days(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=LONGEST_DAYS, required=False, help_text=help_text
    )


class RetentionForm(SeenForm):
    """Days for each kind of thing; empty keeps it for ever."""

    steps_days = _days(
        "Steps of trajectories, days after the run",
        "What tools were called with and what they answered. Verdicts, lessons and the excerpts "
        "that lessons cite stay.",
    )
    calls_days = _days(
        "Texts of model calls, days after the run",
        "What models were asked and what they answered; of dry runs and analyses, days after the "
        "call. Tokens and costs stay.",
    )
    telemetry_days = _days(
        "Telemetry, days after it was sent",
        "Metrics, traces and logs of incidents. Topology and what is usual stay, and so does what "
        "analyses found and show. An incident cannot be looked at again without its telemetry.",
    )

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        return {name: None if days == FOR_EVER else days for name, days in stands.items()}


@require_safe
@gate(Right.READ)
def retention(request: HttpRequest) -> HttpResponse:
    """The policy; with days in the address, what such a policy would drop. Nothing is saved."""
    policy = retention_of(workspace_of(request))
    if not any(name in request.GET for name in FIELDS):
        return _page(request, policy, RetentionForm.showing(retention_said(policy)))
    form = RetentionForm(request.GET)
    if not form.is_valid():
        return _page(request, policy, form, status=422)
    asked = {name: form.cleaned_data[name] for name in FIELDS}
    tried = Retention(workspace=policy.workspace, **asked)
    return _page(request, tried, form, is_trial=True)


@require_POST
@gate(Right.ADMINISTER)
def save(request: HttpRequest) -> HttpResponse:
    workspace, form = workspace_of(request), RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, retention_of(workspace), form, status=422)
    try:
        retention_set(workspace=workspace, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as refusal:
        policy = retention_of(workspace)
        found = meanwhile(workspace, policy, retention_said(policy), form.cleaned_data["seen"])
        return _page(request, policy, form.again(found), status=refusal.status, meanwhile=found)
    messages.success(request, "Saved. What is older is dropped within the hour.")
    return redirect("retention")


def _page(
    request: HttpRequest,
    policy: Retention,
    form: RetentionForm,
    *,
    is_trial: bool = False,
    status: int = 200,
    meanwhile: Meanwhile | None = None,
) -> HttpResponse:
    context = {
        "policy": policy,
        "due": due(policy, timezone.now()),
        "form": form,
        "is_trial": is_trial,
        "meanwhile": meanwhile,
        "may_administer": membership_of(request).may_administer,
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "practice/retention.html", context, status=status)
