"""Browsers of people, without the page on which they sign in."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from django.utils.crypto import get_random_string

from memoryapp.access import SEEN_KEY


def signed_in(user: Any) -> Client:
    """A browser whose session is written as signing in leaves it.

    ``Client.force_login`` makes one, puts another in its place and changes that: some fifteen
    statements, of which one is enough.
    """
    key = get_random_string(32, VALID_KEY_CHARS)
    held = {
        SESSION_KEY: str(user.pk),
        BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
        HASH_SESSION_KEY: user.get_session_auth_hash(),
        SEEN_KEY: time.time(),
    }
    Session.objects.create(
        session_key=key,
        session_data=SessionStore().encode(held),
        expire_date=timezone.now() + timedelta(seconds=settings.SESSION_COOKIE_AGE),
    )
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client
