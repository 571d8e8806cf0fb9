"""A webhook that is removed while somebody tells it something: both come through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from memoryapp import deliveries
from memoryapp.clients.webhooks import Told
from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Delivery, DeliveryTry, Webhook
from memoryapp.services.webhooks import delivery_replay, webhook_remove, webhook_test
from tests.locks import elsewhere, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def told(hook: Webhook) -> None:
    Delivery.objects.queue(workspace=hook.workspace, kind="release.published", data={})


@pytest.mark.parametrize("status", [200, 410, None])
def test_a_try_that_is_written_down_meanwhile_goes_along(
    hook: Any, ada: Any, status: int | None
) -> None:
    """One that says that its receiver is gone turns the webhook off as well."""
    delivery = webhook_test(webhook=hook, by=ada)
    assert delivery.claim(timezone.now())
    troubles: list[Exception] = []
    with transaction.atomic():
        deliveries._write_down(delivery, Told(status, "heard", 5))
        removing = elsewhere(lambda: webhook_remove(webhook=hook, by=ada), troubles)
        until_somebody_waits()
    removing.join(60)
    assert troubles == []
    for model in (DeliveryTry, Delivery, Webhook):
        assert not model.objects.exists()


@pytest.mark.parametrize("status", [200, 410])
def test_a_try_that_ends_after_it_is_written_down_nowhere(hook: Any, ada: Any, status: int) -> None:
    delivery = webhook_test(webhook=hook, by=ada)
    assert delivery.claim(timezone.now())
    webhook_remove(webhook=hook, by=ada)
    with transaction.atomic():
        deliveries._write_down(delivery, Told(status, "heard", 5))
    assert not DeliveryTry.objects.exists()


def test_a_change_that_tells_it_goes_first(hook: Any, ada: Any) -> None:
    troubles: list[Exception] = []
    with transaction.atomic():
        told(hook)
        removing = elsewhere(lambda: webhook_remove(webhook=hook, by=ada), troubles)
        until_somebody_waits()
    removing.join(60)
    assert troubles == []
    assert not Delivery.objects.exists()


def test_a_change_neither_waits_for_its_end_nor_fails_by_it(hook: Any, ada: Any) -> None:
    troubles: list[Exception] = []
    with transaction.atomic():
        webhook_remove(webhook=hook, by=ada)
        changing = elsewhere(lambda: told(hook), troubles)
        changing.join(20)
        assert not changing.is_alive()
    assert troubles == []
    assert not Delivery.objects.exists()


def test_what_is_asked_of_it_afterwards_is_refused_in_a_line(hook: Any, ada: Any) -> None:
    delivery = webhook_test(webhook=hook, by=ada)
    webhook_remove(webhook=hook, by=ada)
    ways: list[Callable[[], object]] = [
        lambda: webhook_test(webhook=hook, by=ada),
        lambda: delivery_replay(delivery=delivery, by=ada),
        lambda: webhook_remove(webhook=hook, by=ada),
    ]
    for ask in ways:
        with pytest.raises(UnableToChange, match="removed meanwhile"):
            ask()
