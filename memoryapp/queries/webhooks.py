"""Webhooks and what they were told."""

from __future__ import annotations

from django.db.models import Count, Max, Q, QuerySet

from memoryapp.models import Delivery, Webhook, Workspace


def webhooks_with_figures(workspace: Workspace) -> QuerySet[Webhook]:
    """Webhooks with how many messages wait and failed, and when one last arrived."""
    waiting = Q(deliveries__status=Delivery.Status.WAITING)
    failed = Q(deliveries__status=Delivery.Status.FAILED)
    return (
        Webhook.objects.filter(workspace=workspace)
        .select_related("created_by")
        .annotate(
            waiting_count=Count("deliveries", filter=waiting),
            failed_count=Count("deliveries", filter=failed),
            last_delivered_at=Max("deliveries__delivered_at"),
        )
        .order_by("-created_at", "-pk")
    )


def delivery_log(webhook: Webhook, *, status: str = "") -> QuerySet[Delivery]:
    """What a webhook was told, newest first, each with its tries."""
    rows = webhook.deliveries.prefetch_related("attempts")
    return rows.filter(status=status) if status else rows


def deliveries_waiting() -> int:
    """Messages of all workspaces that are still to be delivered, to webhooks that are on."""
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING)
    return waiting.filter(webhook__is_active=True).count()
