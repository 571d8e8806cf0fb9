"""How long the workspace keeps things: the policy, and what it would drop now."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.views.settings_tabs import settings_tabs
from practice.models import Retention
from practice.queries.retention import due
from practice.services.retention import FIELDS, LONGEST_DAYS, retention_of, retention_set


def _days(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=LONGEST_DAYS, required=False, help_text=help_text
    )


class RetentionForm(forms.Form):
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


@require_safe
@gate(Right.READ)
def retention(request: HttpRequest) -> HttpResponse:
    """The policy; with days in the address, what such a policy would drop. Nothing is saved."""
    policy = retention_of(workspace_of(request))
    if not any(name in request.GET for name in FIELDS):
        saved = {name: getattr(policy, name) for name in FIELDS}
        return _page(request, policy, RetentionForm(initial=saved))
    form = RetentionForm(request.GET)
    if not form.is_valid():
        return _page(request, policy, form, status=422)
    tried = Retention(workspace=policy.workspace, **form.cleaned_data)
    return _page(request, tried, form, is_trial=True)


@require_POST
@gate(Right.ADMINISTER)
def save(request: HttpRequest) -> HttpResponse:
    workspace, form = workspace_of(request), RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, retention_of(workspace), form, status=422)
    retention_set(workspace=workspace, by=request.user, **form.cleaned_data)
    messages.success(request, "Saved. What is older is dropped within the hour.")
    return redirect("retention")


def _page(
    request: HttpRequest,
    policy: Retention,
    form: RetentionForm,
    *,
    is_trial: bool = False,
    status: int = 200,
) -> HttpResponse:
    context = {
        "policy": policy,
        "due": due(policy, timezone.now()),
        "form": form,
        "is_trial": is_trial,
        "may_administer": membership_of(request).may_administer,
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "practice/retention.html", context, status=status)
