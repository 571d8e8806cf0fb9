"""How members get into their accounts, for who administers a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db.models import Max

#: What kinds of second factors are called; recovery codes come and go with them.
FACTORS: Mapping[str, str] = {
    Authenticator.Type.TOTP: "authenticator app",
    Authenticator.Type.WEBAUTHN: "passkey",
}


@dataclass(frozen=True, slots=True)
class WaysIn:
    """``is_proved``: somebody opened a link that was mailed to the address, or came with it."""

    address: str
    is_proved: bool
    factors: tuple[str, ...]
    services: tuple[str, ...]
    seen_at: datetime | None


def has_anybody_signed_in() -> bool:
    """Whether somebody ever did on this server, in whatever way."""
    return get_user_model().objects.filter(last_login__isnull=False).exists()


def ways_in(users: Collection[Any]) -> dict[int, WaysIn]:
    """User id to their ways in, in four queries whatever their number."""
    ids = [user.pk for user in users]
    verified = EmailAddress.objects.filter(user__in=ids, verified=True)
    proved = {(user, email.lower()) for user, email in verified.values_list("user", "email")}
    factors = _by_user(
        Authenticator.objects.filter(user__in=ids, type__in=FACTORS).values_list("user", "type")
    )
    services = _by_user(SocialAccount.objects.filter(user__in=ids).values_list("user", "provider"))
    seen = dict(
        UserSession.objects.filter(user__in=ids)
        .values("user")
        .annotate(seen=Max("last_seen_at"))
        .values_list("user", "seen")
    )
    return {
        user.pk: WaysIn(
            address=user.email,
            is_proved=(user.pk, user.email.lower()) in proved,
            factors=tuple(sorted(FACTORS[kind] for kind in factors[user.pk])),
            services=tuple(sorted(service_name(kind) for kind in services[user.pk])),
            # Sessions that ran out are gone, and when they began is kept.
            seen_at=max(filter(None, (seen.get(user.pk), user.last_login)), default=None),
        )
        for user in users
    }


def service_name(provider: str) -> str:
    """What a sign-in service is called here; its id, where the operator took it away."""
    apps = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    return next((app["name"] for app in apps if app["provider_id"] == provider), provider)


def _by_user(pairs: Any) -> dict[int, set[str]]:
    found: dict[int, set[str]] = defaultdict(set)
    for user, value in pairs:
        found[user].add(value)
    return found
