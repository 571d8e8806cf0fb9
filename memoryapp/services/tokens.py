"""API keys: making, revoking and recognizing them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q
from django.utils import timezone

from memoryapp.clients import pull_cache
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import one_line
from memoryapp.models import ApiKey, Event, Playbook, Workspace
from memoryapp.models.tokens import AGENT_SCOPES, KEY_MARK, Scope
from memoryapp.services.names import check_name

#: A key's last use is written at most this often, so that polling agents do not write on each pull.
BOUND = ApiKey.playbooks.through.objects.filter(apikey=OuterRef("pk")).values("playbook")
#: how long the secret before a rotation may live on at most.
GRACE_MOST = timedelta(days=30)
USE_RESOLUTION = timedelta(minutes=1)


def api_key_create(
    *,
    workspace: Workspace,
    name: str,
    scopes: Sequence[str],
    by: Any,
    expires_at: datetime | None = None,
    playbooks: Sequence[Playbook] = (),
    rate_limit: int | None = None,
) -> tuple[ApiKey, str]:
    """Make a key. Returns the row and the key itself, which is never shown again.

    ``playbooks`` bind it to these; ``rate_limit`` is requests per minute, ``None`` the default.

    Raises:
        UnableToChange: no name, no scope, an unknown one, one that ``playbooks`` cannot narrow, an
            end in the past, or a playbook of another workspace.
    """
    name = one_line(name)
    if not name:
        raise UnableToChange("Give the key a name that says which agent uses it.", field="name")
    check_name(name, UnableToChange)
    unknown = set(scopes) - set(Scope.values)
    if not scopes or unknown:
        raise UnableToChange(
            f"Choose at least one scope of: {', '.join(Scope.values)}.", field="scopes"
        )
    wide = [scope for scope in scopes if scope not in AGENT_SCOPES]
    if playbooks and wide:
        raise UnableToChange(
            f"A key for single playbooks may only carry {', '.join(sorted(AGENT_SCOPES))}. Leave "
            f"out {', '.join(wide)}, or make it a key for every playbook.",
            field="playbooks",
        )
    if any(playbook.workspace_id != workspace.pk for playbook in playbooks):
        raise UnableToChange("A playbook belongs to another workspace.")
    if expires_at is not None and expires_at <= timezone.now():
        raise UnableToChange(
            "The key would already have expired. Choose a time in the future.", field="expires_at"
        )
    secret = secrets.token_urlsafe(32)
    with transaction.atomic():
        row = ApiKey.objects.create(
            workspace=workspace,
            name=name,
            prefix=_free_prefix(),
            secret_hash=ApiKey.hash_of(secret),
            scopes=list(scopes),
            created_by=by,
            expires_at=expires_at,
            rate_limit=rate_limit,
        )
        row.playbooks.set(playbooks)
        Event.objects.record(
            workspace=workspace,
            actor=by,
            kind="key.created",
            subject=row,
            before={},
            after=_facts(row),
        )
    return row, f"{KEY_MARK}_{row.prefix}_{secret}"


def api_key_rotate(
    *, key: ApiKey, by: Any, grace: timedelta = timedelta(hours=24)
) -> tuple[ApiKey, str]:
    """Give a key a new secret, shown once. The secret before it works for ``grace`` longer.

    Rotated again within the grace, the oldest of the three secrets stops at once.

    Raises:
        UnableToChange: the key is revoked or expired, or the grace is too long.
    """
    if not timedelta(0) <= grace <= GRACE_MOST:
        raise UnableToChange(
            f"The old secret may stay valid for up to {GRACE_MOST.days} days.", field="grace_hours"
        )
    secret = secrets.token_urlsafe(32)
    now = timezone.now()
    with transaction.atomic():
        row = ApiKey.objects.select_for_update(no_key=True).usable(now).filter(pk=key.pk).first()
        if row is None:
            raise UnableToChange(f"{key.name} is revoked or expired. Make a new key.")
        was = row.rotated_at
        row.previous_hash, row.secret_hash = row.secret_hash, ApiKey.hash_of(secret)
        row.previous_until, row.rotated_at = now + grace, now
        row.save(update_fields=["previous_hash", "secret_hash", "previous_until", "rotated_at"])
        Event.objects.record(
            workspace=row.workspace,
            actor=by,
            kind="key.rotated",
            subject=row,
            grace_hours=round(grace.total_seconds() / 3600, 2),
            before={"rotated at": _moment(was)},
            after={"rotated at": _moment(now), "old secret until": _moment(row.previous_until)},
        )
        transaction.on_commit(pull_cache.forget)
    return row, f"{KEY_MARK}_{row.prefix}_{secret}"


def api_key_revoke(*, key: ApiKey, by: Any) -> None:
    """Make a key useless at once. Revoking twice is no error."""
    with transaction.atomic():
        moved = ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
        if moved:
            Event.objects.record(
                workspace=key.workspace,
                actor=by,
                kind="key.revoked",
                subject=key,
                before=_facts(key),
                after={},
            )
            transaction.on_commit(pull_cache.forget)


def api_key_recognize(presented: str) -> ApiKey | None:
    """Return the usable key that was presented, and note its use."""
    mark, _, rest = presented.partition("_")
    prefix, _, secret = rest.partition("_")
    if mark != KEY_MARK or not secret:
        return None
    now = timezone.now()
    key = (
        ApiKey.objects.usable(now)
        .select_related("workspace", "created_by")
        .annotate(bound_to=ArraySubquery(BOUND))
        .filter(prefix=prefix)
        .first()
    )
    if key is None or not key.matches(secret, now):
        return None
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_RESOLUTION)
    if key.last_used_at is None or key.last_used_at < now - USE_RESOLUTION:
        ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)
    return key


def playbooks_bound(key: ApiKey) -> list[int]:
    """The playbooks a key is good for; empty for all. Free for a key that was recognized."""
    if not hasattr(key, "bound_to"):
        return list(key.playbooks.values_list("pk", flat=True))
    return list(key.bound_to)


def _facts(key: ApiKey) -> dict[str, Any]:
    """What a key may do, as the log keeps it; nothing of its secret."""
    return {
        "scopes": list(key.scopes),
        "playbooks": sorted(key.playbooks.values_list("slug", flat=True)) or "all",
        "expires": _moment(key.expires_at),
        "rate limit": {None: "default", 0: "none"}.get(key.rate_limit, key.rate_limit),
    }


def _moment(when: datetime | None) -> str:
    return when.isoformat(timespec="seconds") if when else "never"


def _free_prefix() -> str:
    """Eight characters without underscores: the separator of the key."""
    for _ in range(20):
        prefix = secrets.token_hex(4)
        if not ApiKey.objects.filter(prefix=prefix).exists():
            return prefix
    raise IntegrityError("No free key prefix was found.")
