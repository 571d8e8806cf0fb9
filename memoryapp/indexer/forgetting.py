"""What nobody needs any more and nothing else removes: ended sessions, old messages to webhooks,
old traces of searches.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef
from django.utils import timezone

from memoryapp.models import Delivery, DeliveryTry, RecallTrace, Workspace

#: How long a message to a webhook, and what its receiver answered, can be read and sent again.
DELIVERIES_KEPT = timedelta(days=90)
#: How long what a search found, and why, can be read. Any key that may search can have it kept.
RECALLS_KEPT = timedelta(days=90)
#: A session is entered into the list of its person a moment before it is stored.
ENTERED = timedelta(days=1)
BATCH = 5_000


def forget_sessions() -> int:
    """Remove sessions that have run out, and from where they were. Returns how many of the latter.

    Signing out removes a session; most are just left, and hold what was typed last.
    """
    store: Any = import_module(settings.SESSION_ENGINE).SessionStore
    store.clear_expired()
    stored = Session.objects.filter(session_key=OuterRef("session_key"))
    old = UserSession.objects.filter(created_at__lt=timezone.now() - ENTERED)
    gone: int = old.filter(~Exists(stored)).delete()[0]
    return gone


def forget_deliveries() -> int:
    """Remove messages to webhooks after ``DELIVERIES_KEPT``. Returns how many.

    What waits this long belongs to a webhook that is off, and would tell it of a time long gone.
    """
    old = Delivery.objects.filter(created_at__lt=timezone.now() - DELIVERIES_KEPT).order_by()
    forgotten = 0
    while batch := list(old.values_list("pk", flat=True)[:BATCH]):
        DeliveryTry.objects.filter(delivery__in=batch)._raw_delete(using="default")
        forgotten += Delivery.objects.filter(pk__in=batch)._raw_delete(using="default")
    return forgotten


def forget_recalls() -> int:
    """Remove traces of searches after ``RECALLS_KEPT``. Returns how many.

    Workspace by workspace, as they are indexed.
    """
    forgotten = 0
    for workspace in Workspace.objects.order_by().values_list("pk", flat=True):
        kept_until = timezone.now() - RECALLS_KEPT
        old = RecallTrace.objects.filter(workspace=workspace, created_at__lt=kept_until).order_by()
        while batch := list(old.values_list("pk", flat=True)[:BATCH]):
            forgotten += RecallTrace.objects.filter(pk__in=batch)._raw_delete(using="default")
    return forgotten
