"""What nobody needs any more goes by itself: ended sessions, old messages, traces of searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.utils import timezone

from memoryapp.indexer.forgetting import (
    DELIVERIES_KEPT,
    RECALLS_KEPT,
    forget_deliveries,
    forget_recalls,
    forget_sessions,
)
from memoryapp.models import Delivery, DeliveryTry, RecallTrace, Webhook
from memoryapp.project import settings as product

pytestmark = pytest.mark.django_db


def session(key: str, user: Any, *, ends_in: timedelta, since: timedelta) -> None:
    now = timezone.now()
    Session.objects.create(session_key=key, session_data="x", expire_date=now + ends_in)
    UserSession.objects.create(
        session_key=key, user=user, ip="127.0.0.1", user_agent="x", created_at=now - since
    )


def test_a_session_that_ran_out_goes_with_where_it_was(rita: Any) -> None:
    day = timedelta(days=1)
    session("ended", rita, ends_in=-day, since=15 * day)
    session("open", rita, ends_in=day, since=15 * day)
    # Somebody signs in just now: the session is stored after it is listed.
    UserSession.objects.create(session_key="new", user=rita, ip="127.0.0.1", user_agent="x")
    assert forget_sessions() == 1
    assert set(Session.objects.values_list("session_key", flat=True)) == {"open"}
    assert set(UserSession.objects.values_list("session_key", flat=True)) == {"open", "new"}


def test_messages_to_webhooks_go_with_their_tries(workspace: Any) -> None:
    hook = Webhook(workspace=workspace, url="https://x.example", kinds=["run.finished"])
    hook.keep_secret(b"x" * 32)
    hook.save()
    for age in (timedelta(), DELIVERIES_KEPT - timedelta(days=1), DELIVERIES_KEPT * 2):
        made = Delivery.objects.create(webhook=hook, kind="run.finished", payload={})
        DeliveryTry.objects.create(delivery=made, number=1, status_code=200)
        Delivery.objects.filter(pk=made.pk).update(created_at=timezone.now() - age)
    assert forget_deliveries() == 1
    assert (Delivery.objects.count(), DeliveryTry.objects.count()) == (2, 2)


def test_traces_of_searches_go_in_every_workspace(workspace: Any, olga: Any) -> None:
    for own in (workspace, olga.memberships.get().workspace):
        for age in (timedelta(), RECALLS_KEPT - timedelta(days=1), RECALLS_KEPT * 2):
            made = RecallTrace.objects.create(workspace=own, query="refund")
            RecallTrace.objects.filter(pk=made.pk).update(created_at=timezone.now() - age)
    assert forget_recalls() == 2
    assert RecallTrace.objects.count() == 4


@pytest.mark.parametrize("task", ["forget_sessions", "forget_deliveries", "forget_recalls"])
def test_beat_rings_for_it(task: str) -> None:
    rung = {entry["task"] for entry in product.CELERY_BEAT_SCHEDULE.values()}
    assert f"memoryapp.tasks.{task}" in rung


def test_locked_names_are_not_forgotten_for_others_that_were_guessed_at() -> None:
    """Django's own limit of 300 would throw a third of all away, by their names."""
    cache.set("a-name-that-is-locked", True, 300)
    for guess in range(310):
        cache.set(f"guess-{guess}", True, 300)
    assert cache.get("a-name-that-is-locked")
