"""Who signed in, and who failed to: rows of the audit log of every workspace they belong to."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q

from memoryapp.models import Event, Membership

logger = logging.getLogger(__name__)

SUCCEEDED, FAILED = "sign_in.succeeded", "sign_in.failed"


def sign_in_record(*, user: Any, address: str, means: str, failed: bool = False) -> None:
    """Write down that ``user`` signed in from ``address`` by ``means``, or failed to.

    ``means`` is ``password``, ``second factor``, ``passkey`` or ``identity provider``. Who failed
    is not known to be the person, so such a row has no actor.
    """
    for membership in Membership.objects.filter(user=user).select_related("workspace"):
        Event.objects.record(
            workspace=membership.workspace,
            actor=None if failed else user,
            kind=FAILED if failed else SUCCEEDED,
            subject=user,
            address=address,
            means=means,
        )


def unknown_sign_in_record(*, login: str, address: str) -> None:
    """Write down a wrong password for ``login``, a name or a mail address.

    A name that nobody has is in no audit log; it is a line of the server's log, and without the
    name, for people type their password there by mistake.
    """
    named = Q(username__iexact=login) | Q(email__iexact=login)
    user = get_user_model().objects.filter(named).first() if login else None
    if user is None:
        logger.warning("A sign-in from %s named nobody.", address)
        return
    sign_in_record(user=user, address=address, means="password", failed=True)
