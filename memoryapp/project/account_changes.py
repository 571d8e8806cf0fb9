"""What allauth tells of changes to an account, written into the audit log.

In the transaction of the change (``account_urls.whole``). Of second factors that are added allauth
tells after it, so their rows themselves are what tells.
"""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from allauth.core import context
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as social
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest

from memoryapp.queries.members import FACTORS, service_name
from memoryapp.services import accounts


def _record(request: HttpRequest, user: Any, kind: str, **sides: Any) -> None:
    address = str(get_adapter(request).get_client_ip(request))
    accounts.account_change_record(user=user, kind=kind, address=address, **sides)


@receiver([account.password_changed, account.password_set])
def _password_changed(request: HttpRequest, user: Any, **_: Any) -> None:
    _record(request, user, accounts.PASSWORD_CHANGED)


@receiver(account.password_reset)
def _password_reset(request: HttpRequest, user: Any, **_: Any) -> None:
    """By a link that was mailed."""
    _record(request, user, accounts.PASSWORD_RESET)


def password_ended(request: HttpRequest, user: Any) -> None:
    """By coming from the provider with an address that was not proved here."""
    _record(request, user, accounts.PASSWORD_ENDED)


@receiver(post_save, sender=Authenticator)
def _factor_stored(instance: Authenticator, created: bool, **_: Any) -> None:
    """Recovery codes that come with a first factor are part of it."""
    request = context.request
    if request is None or not created:
        return
    user = instance.user
    if instance.type in FACTORS:
        request.is_factor_added = True
        has = _factors(user)
        had = _factors(user, without=instance)
        _record(request, user, accounts.FACTOR_ADDED, before=had, after=has)
    elif not getattr(request, "is_factor_added", False):
        _record(request, user, accounts.CODES_RENEWED)


@receiver(mfa.authenticator_removed)
def _factor_removed(
    request: HttpRequest, user: Any, authenticator: Authenticator, **_: Any
) -> None:
    if authenticator.type in FACTORS:
        has = _factors(user)
        had = {"second factors": sorted([*has["second factors"], _factor(authenticator)])}
        _record(request, user, accounts.FACTOR_REMOVED, before=had, after=has)


@receiver(social.social_account_added)
def _service_connected(request: HttpRequest, sociallogin: SocialLogin, **_: Any) -> None:
    added, user = sociallogin.account, sociallogin.user
    has = _services(user)
    had = _services(user, without=added)
    _record(request, user, accounts.SERVICE_CONNECTED, before=had, after=has)


@receiver(social.social_account_removed)
def _service_removed(request: HttpRequest, socialaccount: SocialAccount, **_: Any) -> None:
    user = socialaccount.user
    has = _services(user)
    had = {"sign-in services": sorted([*has["sign-in services"], _service(socialaccount)])}
    _record(request, user, accounts.SERVICE_REMOVED, before=had, after=has)


@receiver(account.email_added)
def _address_added(request: HttpRequest, user: Any, email_address: EmailAddress, **_: Any) -> None:
    _record(request, user, accounts.ADDRESS_ADDED, after=_mail(email_address))


@receiver(account.email_removed)
def _address_removed(
    request: HttpRequest, user: Any, email_address: EmailAddress, **_: Any
) -> None:
    _record(request, user, accounts.ADDRESS_REMOVED, before=_mail(email_address))


@receiver(account.email_changed)
def _address_changed(
    request: HttpRequest,
    user: Any,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **_: Any,
) -> None:
    was, now = _mail(from_email_address), _mail(to_email_address)
    _record(request, user, accounts.ADDRESS_CHANGED, before=was, after=now)


@receiver(account.email_confirmed)
def _address_proved(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """By a link that was mailed to it, which may be opened signed out."""
    now = {**_mail(email_address), "proved": True}
    was = {**_mail(email_address), "proved": False}
    _record(request, email_address.user, accounts.ADDRESS_PROVED, before=was, after=now)


def _factors(user: Any, *, without: Authenticator | None = None) -> dict[str, list[str]]:
    kept = Authenticator.objects.filter(user=user, type__in=FACTORS)
    if without is not None:
        kept = kept.exclude(pk=without.pk)
    return {"second factors": sorted(_factor(one) for one in kept)}


def _factor(kept: Authenticator) -> str:
    """A passkey is called what its owner calls it."""
    kind = FACTORS[kept.type]
    return f"{kind} {kept.wrap().name}" if kept.type == Authenticator.Type.WEBAUTHN else kind


def _services(user: Any, *, without: SocialAccount | None = None) -> dict[str, list[str]]:
    kept = SocialAccount.objects.filter(user=user)
    if without is not None:
        kept = kept.exclude(pk=without.pk)
    return {"sign-in services": sorted(_service(one) for one in kept)}


def _service(kept: SocialAccount) -> str:
    """What the provider is called here; what it calls the person is theirs."""
    return service_name(kept.provider)


def _mail(address: EmailAddress | None) -> dict[str, str]:
    return {"mail address": accounts.veiled(address.email)} if address is not None else {}
