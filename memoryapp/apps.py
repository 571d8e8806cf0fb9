from __future__ import annotations

import time
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest

from memoryapp.domain.masking import install


class MemoryAppConfig(AppConfig):
    name = "memoryapp"
    verbose_name = "Memory"

    def ready(self) -> None:
        """Let no kept answer to a pull outlive a change to who may pull."""
        for sender in ("memoryapp.Membership", "auth.User"):
            post_save.connect(_forget_pulls, sender=sender)
            post_delete.connect(_forget_pulls, sender=sender)
        install(settings.REDACTION_RULES)
        from memoryapp.models.webhooks import queued  # noqa: PLC0415  # models are ready only now

        queued.connect(_ring_for_webhooks)
        user_logged_in.connect(_seen)


def _seen(request: HttpRequest, **_: Any) -> None:
    """Whoever signs in is seen; the session is written anyway."""
    from memoryapp.access import SEEN_KEY  # noqa: PLC0415  # models are ready only now

    request.session[SEEN_KEY] = time.time()


def _forget_pulls(**_: Any) -> None:
    from memoryapp.clients import pull_cache  # noqa: PLC0415  # settings are ready only now

    transaction.on_commit(pull_cache.forget)


def _ring_for_webhooks(**_: Any) -> None:
    from memoryapp.tasks import send_webhooks  # noqa: PLC0415  # tasks need the models

    transaction.on_commit(send_webhooks.delay)
