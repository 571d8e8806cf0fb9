"""Seal stored secrets anew after a change of keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import Model, QuerySet

from memoryapp.domain.sealing import Seal, Unreadable
from memoryapp.models import Webhook
from memoryapp.models.webhooks import PURPOSE as WEBHOOK
from memoryapp.services.accounts import FACTOR_REMOVED, account_change_record

Row = TypeVar("Row", bound=Model)

SECOND_FACTOR = "second factor"
#: what an authenticator keeps sealed, by its type.
_SEALED_PART = {"totp": "secret", "recovery_codes": "seed"}
BATCH = 200


@dataclass(frozen=True, slots=True)
class Renewed:
    """What became of one kind of secrets: counts of rows, and who cannot be read any more."""

    kind: str
    renewed: int = 0
    current: int = 0
    unreadable: tuple[str, ...] = ()


def renew(
    rows: QuerySet[Row],
    *,
    kind: str,
    purpose: str,
    read: Callable[[Row], Mapping[str, str]],
    write: Callable[[Row, Mapping[str, str]], None],
    name: Callable[[Row], str] = str,
) -> Renewed:
    """Seal what is not under the first key anew, some rows at a time.

    ``read`` names the sealed texts of a row; ``write`` stores those that changed; ``name`` is what
    one that cannot be read is called by. A row is locked while it is renewed, so that nothing a
    person enters meanwhile is lost. What was done stays done: stopped in the middle, the next call
    goes on with the rest.
    """
    seal = Seal(settings.SEALING_KEYS, purpose)
    renewed = current = last = 0
    unreadable: list[str] = []
    while True:
        with transaction.atomic():
            batch = list(
                rows.filter(pk__gt=last).order_by("pk").select_for_update(no_key=True)[:BATCH]
            )
            for row in batch:
                try:
                    found = {name: seal.renewed(text) for name, text in read(row).items() if text}
                except Unreadable:
                    unreadable.append(name(row))
                    continue
                changed = {name: text for name, text in found.items() if text is not None}
                if changed:
                    write(row, changed)
                renewed, current = renewed + bool(changed), current + (not changed)
        if not batch:
            return Renewed(kind, renewed, current, tuple(unreadable))
        last = batch[-1].pk


def webhooks_renew() -> Renewed:
    """Seal the secrets of webhooks with the newest key, the one before it in its grace too."""

    def write(hook: Webhook, changed: Mapping[str, str]) -> None:
        for name, text in changed.items():
            setattr(hook, name, text)
        hook.save(update_fields=[*changed])

    return renew(
        Webhook.objects.all(),
        kind="webhooks",
        purpose=WEBHOOK,
        read=lambda hook: {
            "sealed_secret": hook.sealed_secret,
            "sealed_previous": hook.sealed_previous,
        },
        write=write,
    )


def unreadable() -> list[str]:
    """Whose stored secrets none of the keys opens: webhooks, and people with a second factor."""
    hooks = Seal(settings.SEALING_KEYS, WEBHOOK)
    found = [
        str(hook) for hook in Webhook.objects.iterator() if _is_lost(hooks, hook.sealed_secret)
    ]
    people = {kept.user.get_username(): None for kept in _lost_factors()}
    return found + [f"{name} (second factor)" for name in people]


def second_factors_forget() -> list[str]:
    """Remove the second factors that none of the keys opens. Returns whose they were.

    Nobody could sign in with them. Their owners sign in by their passwords alone until they set up
    new ones, so whoever runs the server has to ask for it.
    """
    lost = _lost_factors()
    with transaction.atomic():
        Authenticator.objects.filter(pk__in=[kept.pk for kept in lost]).delete()
        for user in {kept.user.pk: kept.user for kept in lost}.values():
            account_change_record(user=user, kind=FACTOR_REMOVED, through="rotate_secrets")
    return sorted({kept.user.get_username() for kept in lost})


def _lost_factors() -> list[Authenticator]:
    seal = Seal(settings.SEALING_KEYS, SECOND_FACTOR)
    kept = Authenticator.objects.filter(type__in=_SEALED_PART).select_related("user").order_by("pk")
    return [one for one in kept if _is_lost(seal, one.data.get(_SEALED_PART[one.type], ""))]


def _is_lost(seal: Seal, sealed: str) -> bool:
    try:
        if sealed:
            seal.open(sealed)
    except Unreadable:
        return True
    return False


def second_factors_renew() -> Renewed:
    """Seal what people's second factors are made of with the newest key."""

    def read(kept: Authenticator) -> Mapping[str, str]:
        part = _SEALED_PART[kept.type]
        return {part: kept.data.get(part, "")}

    def write(kept: Authenticator, changed: Mapping[str, str]) -> None:
        kept.data = {**kept.data, **changed}
        kept.save(update_fields=["data"])

    return renew(
        Authenticator.objects.filter(type__in=_SEALED_PART),
        kind="second factors",
        purpose=SECOND_FACTOR,
        read=read,
        write=write,
        name=lambda kept: f"{kept} of {kept.user}",
    )
