"""What somebody changed about the ways into their account: rows of the audit log.

An account is in no workspace, and what it may do is in all of those its person belongs to: each has
a row, as of signing in. Whoever looks for how an account was taken over finds both in one place:
its person and those who administer the workspace, and no other member (``queries.events.Reader``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from memoryapp.models import Event, Membership
from memoryapp.queries.members import FACTORS

PASSWORD_CHANGED, PASSWORD_RESET = "account.password_changed", "account.password_reset"
PASSWORD_ENDED = "account.password_ended"
FACTOR_ADDED, FACTOR_REMOVED = "account.second_factor_added", "account.second_factor_removed"
CODES_RENEWED = "account.recovery_codes_renewed"
SERVICE_CONNECTED, SERVICE_REMOVED = "account.service_connected", "account.service_disconnected"
ADDRESS_ADDED, ADDRESS_REMOVED = "account.address_added", "account.address_removed"
ADDRESS_CHANGED, ADDRESS_PROVED = "account.address_changed", "account.address_proved"


def account_change_record(
    *,
    user: Any,
    kind: str,
    address: str = "",
    through: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write down that ``user``'s account was changed, from the network address ``address``.

    ``through`` is what changed it where that was not the person.
    """
    data: dict[str, Any] = {"before": dict(before or {}), "after": dict(after or {})}
    if address:
        data["address"] = address
    for membership in Membership.objects.filter(user=user).select_related("workspace"):
        Event.objects.record(
            workspace=membership.workspace,
            actor=None if through else user,
            kind=kind,
            subject=user,
            through=through,
            **data,
        )


def second_factors_remove(*, user: Any, through: str) -> bool:
    """Remove every second factor of ``user``. Returns whether there was one.

    For whoever runs the server: it asks nothing of the person, who may have lost them all.
    """
    with transaction.atomic():
        kept = Authenticator.objects.filter(user=user)
        had = sorted(
            {FACTORS[kind] for kind in kept.values_list("type", flat=True) if kind in FACTORS}
        )
        kept.delete()
        if had:
            account_change_record(
                user=user,
                kind=FACTOR_REMOVED,
                through=through,
                before={"second factors": had},
                after={"second factors": []},
            )
    return bool(had)


def veiled(mail_address: str) -> str:
    """A mail address as the log keeps it, in every workspace of its person: ``r…@example.com``."""
    name, _, host = mail_address.rpartition("@")
    return f"{name[:1]}…@{host}"
