"""Removing a webhook takes its messages along, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.models import Delivery, DeliveryTry, Webhook
from memoryapp.services.webhooks import webhook_create, webhook_remove, webhook_test

pytestmark = pytest.mark.django_db


def with_messages(like: Webhook, count: int, by: Any) -> Webhook:
    """Another webhook, which was told this often."""
    hook, _ = webhook_create(workspace=like.workspace, url=like.url, kinds=like.kinds, by=by)
    made = Delivery.objects.bulk_create(
        Delivery(webhook=hook, kind="webhook.test", payload={}) for _ in range(count)
    )
    DeliveryTry.objects.bulk_create(
        DeliveryTry(delivery=each, number=1, duration_ms=5) for each in made
    )
    return hook


def statements(hook: Webhook, by: Any) -> int:
    with CaptureQueriesContext(connection) as asked:
        webhook_remove(webhook=hook, by=by)
    return len(asked)


def test_many_messages_go_in_as_many_statements_as_one(hook: Any, ada: Any) -> None:
    few, many = (with_messages(hook, count, ada) for count in (1, 450))
    assert statements(few, ada) == statements(many, ada)
    assert not Delivery.objects.exists()
    assert not DeliveryTry.objects.exists()


def test_what_another_one_was_told_stays(hook: Any, ada: Any) -> None:
    kept = webhook_test(webhook=hook, by=ada)
    webhook_remove(webhook=with_messages(hook, 2, ada), by=ada)
    assert [delivery.pk for delivery in Delivery.objects.all()] == [kept.pk]
