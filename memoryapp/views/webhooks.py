"""Webhooks: the list, making one (its secret shown once), its delivery log, sending again."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.domain.webhooks import KINDS, TRIES
from memoryapp.forms import WebhookForm, WebhookKindsForm, first_error
from memoryapp.models import Delivery, Webhook
from memoryapp.queries.facets import facet
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.queries.webhooks import delivery_log, webhooks_with_figures
from memoryapp.services import webhooks
from memoryapp.views.links import chips, page_of, parameter
from memoryapp.views.settings_tabs import settings_tabs


@require_safe
@gate(Right.READ)
def webhook_list(request: HttpRequest) -> HttpResponse:
    return _list(request, WebhookForm())


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def create(request: HttpRequest) -> HttpResponse:
    """Make a webhook and show its secret in the answer itself: it cannot be read again."""
    form = WebhookForm(request.POST)
    if not form.is_valid():
        return _list(request, form, status=422)
    try:
        webhook, secret = webhooks.webhook_create(
            workspace=workspace_of(request), by=request.user, **form.cleaned_data
        )
    except UnableTo as error:
        form.add_error("url", str(error))
        return _list(request, form, status=error.status)
    return _detail(request, webhook, new_secret=secret)


@require_safe
@gate(Right.ADMINISTER)
def webhook_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _webhook(request, pk))


@require_POST
@gate(Right.ADMINISTER)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    webhook = _webhook(request, pk)
    form = WebhookKindsForm(request.POST)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return redirect("webhook-detail", pk)
    try:
        webhooks.webhook_change(webhook=webhook, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as refusal:
        webhook = _webhook(request, pk)
        stands, seen = webhooks.told_of(webhook), form.cleaned_data["seen"]
        found = meanwhile(webhook.workspace, webhook, stands, seen)
        again = form.again(found)
        return _detail(request, webhook, status=refusal.status, form=again, meanwhile=found)
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect("webhook-list")
    messages.success(request, "Saved.")
    return redirect("webhook-detail", pk)


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        secret = webhooks.webhook_rotate(webhook=_webhook(request, pk), by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect("webhook-list")
    return _detail(request, _webhook(request, pk), new_secret=secret)


@require_POST
@gate(Right.ADMINISTER)
def test(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        webhooks.webhook_test(webhook=_webhook(request, pk), by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "A test message is on its way. Its answer shows below.")
    return redirect("webhook-detail", pk)


@require_POST
@gate(Right.ADMINISTER)
def replay(request: HttpRequest, pk: int, delivery: UUID) -> HttpResponse:
    row = object_or_404(_webhook(request, pk).deliveries.select_related("webhook"), pk=delivery)
    try:
        webhooks.delivery_replay(delivery=row, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{row.kind} is sent again, under the id it had.")
    return redirect("webhook-detail", pk)


@require_POST
@gate(Right.ADMINISTER)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    webhook = _webhook(request, pk)
    try:
        webhooks.webhook_remove(webhook=webhook, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{webhook.url} is told nothing more.")
    return redirect("webhook-list")


def _webhook(request: HttpRequest, pk: int) -> Webhook:
    return object_or_404(Webhook.objects.filter(workspace=workspace_of(request)), pk=pk)


def _list(request: HttpRequest, form: WebhookForm, status: int = 200) -> HttpResponse:
    may_administer = membership_of(request).may_administer
    context = {
        "webhooks": [
            {"webhook": row, "url": reverse("webhook-detail", args=[row.pk])}
            for row in webhooks_with_figures(workspace_of(request))
        ],
        "form": form,
        "create_url": reverse("webhook-create"),
        "may_administer": may_administer,
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "memoryapp/settings_webhooks.html", context, status=status)


def _detail(
    request: HttpRequest, webhook: Webhook, *, status: int = 200, **shown: Any
) -> HttpResponse:
    asked = parameter(request, "status")
    known = asked if asked in Delivery.Status.values else ""
    counts = facet(delivery_log(webhook), "status")
    page = page_of(request, delivery_log(webhook, status=known), 25)
    page_url = reverse("webhook-detail", args=[webhook.pk])
    context = {
        "webhook": webhook,
        "page_obj": page,
        "deliveries": [
            {
                "delivery": row,
                "tries": list(row.attempts.all()),
                "sent": json.dumps(row.payload, ensure_ascii=False, indent=2),
                "replay_url": reverse("webhook-replay", args=[webhook.pk, row.pk]),
            }
            for row in page
        ],
        "page_url": page_url,
        "filters": chips(request, "status", Delivery.Status.choices, counts, path=page_url),
        "form": WebhookKindsForm.showing(webhooks.told_of(webhook)),
        "kind_words": [KINDS[kind] for kind in webhook.kinds if kind in KINDS],
        "tries_most": TRIES,
        "change_url": reverse("webhook-change", args=[webhook.pk]),
        "rotate_url": reverse("webhook-rotate", args=[webhook.pk]),
        "test_url": reverse("webhook-test", args=[webhook.pk]),
        "remove_url": reverse("webhook-remove", args=[webhook.pk]),
        "list_url": reverse("webhook-list"),
        "settings_tabs": settings_tabs(request),
        **shown,
    }
    return render(request, "memoryapp/webhook_detail.html", context, status=status)
