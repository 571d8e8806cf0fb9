"""What people do to releases, keys, webhooks, views and each other's membership, each once."""

from __future__ import annotations

import io
from typing import Any

from memoryapp.models import Delivery
from memoryapp.services import (
    canaries,
    exports,
    invitations,
    members,
    releases,
    saved_views,
    tokens,
    webhooks,
    withdrawals,
    workspaces,
)
from tests.factories import UserFactory
from tests.memoryapp.audited import World, leaves


@leaves("canary.started")
def canary_start(world: World) -> None:
    world.trial()


@leaves("canary.ended")
def canary_end(world: World) -> None:
    canaries.canary_end(label=world.trial(), by=world.by)


@leaves("canary.promoted")
def canary_promote(world: World) -> None:
    canaries.canary_promote(label=world.trial(), by=world.by)


@leaves("member.invited")
def invitation_create(world: World) -> list[str]:
    _, token = world.invitation()
    return [token]


@leaves("invitation.revoked")
def invitation_revoke(world: World) -> None:
    invitation, _ = world.invitation()
    invitations.invitation_revoke(invitation=invitation, by=world.by)


@leaves("invitation.revoked")
def invitations_close(world: World) -> None:
    world.invitation()
    invitations.invitations_close(workspace=world.workspace, maker=world.by, by=world.other)


@leaves("member.added")
def invitation_accept(world: World) -> list[str]:
    _, token = world.invitation()
    invitations.invitation_accept(token=token, by=UserFactory())
    return [token]


@leaves("member.added")
def member_add(world: World) -> None:
    workspaces.member_add(workspace=world.workspace, user=UserFactory(), role="viewer", by=world.by)


@leaves("member.role_changed")
def member_change_role(world: World) -> None:
    row = world.workspace.memberships.get(user=world.other)
    members.member_change_role(membership=row, role="viewer", by=world.by)


@leaves("member.removed")
def member_remove(world: World) -> None:
    row = world.workspace.memberships.get(user=world.other)
    members.member_remove(membership=row, by=world.by)


@leaves("release.published")
def release_publish(world: World) -> None:
    world.release()


@leaves("label.moved")
def label_move(world: World) -> None:
    world.label()


@leaves("label.moved")
def label_revert(world: World) -> None:
    releases.label_revert(label=world.label(), version=2, by=world.by)


@leaves("view.shared")
def view_save(world: World) -> None:
    _view(world)


@leaves("view.deleted")
def view_delete(world: World) -> None:
    saved_views.view_delete(view=_view(world), by=world.by)


def _view(world: World) -> Any:
    return saved_views.view_save(
        workspace=world.workspace,
        page="entry-list",
        name="Stale",
        query="status=stale",
        is_shared=True,
        by=world.by,
    )


@leaves("key.created")
def api_key_create(world: World) -> list[str]:
    return _key(world)[1:]


@leaves("key.rotated")
def api_key_rotate(world: World) -> list[str]:
    row, first = _key(world)
    _, second = tokens.api_key_rotate(key=row, by=world.by)
    return [first, second]


@leaves("key.revoked")
def api_key_revoke(world: World) -> list[str]:
    row, shown = _key(world)
    tokens.api_key_revoke(key=row, by=world.by)
    return [shown]


def _key(world: World) -> list[Any]:
    """A key and what was shown of it once, cut to its secret."""
    row, shown = tokens.api_key_create(
        workspace=world.workspace, name="Agent", scopes=["playbooks:pull"], by=world.by
    )
    return [row, shown.split("_", 2)[2]]


@leaves("export.asked")
def export_start(world: World) -> None:
    exports.export_start(workspace=world.workspace, by=world.by)


@leaves("export.fetched")
def export_fetch(world: World) -> None:
    exports.export_fetch(export=world.export(), by=world.by)


@leaves("export.removed")
def export_remove(world: World) -> None:
    exports.export_remove(export=world.export(), by=world.by)


@leaves("workspace.exported")
def workspace_fetch(world: World) -> None:
    exports.workspace_fetch(workspace=world.workspace, target=io.BytesIO(), by=world.by)


@leaves("webhook.created")
def webhook_create(world: World) -> None:
    world.webhook()


@leaves("webhook.changed")
def webhook_change(world: World) -> None:
    webhooks.webhook_change(webhook=world.webhook(), by=world.by, is_active=False)


@leaves("webhook.rotated")
def webhook_rotate(world: World) -> list[str]:
    return [webhooks.webhook_rotate(webhook=world.webhook(), by=world.by).removeprefix("whsec_")]


@leaves("webhook.removed")
def webhook_remove(world: World) -> None:
    webhooks.webhook_remove(webhook=world.webhook(), by=world.by)


@leaves("webhook.tested")
def webhook_test(world: World) -> None:
    webhooks.webhook_test(webhook=world.webhook(), by=world.by)


@leaves("webhook.replayed")
def delivery_replay(world: World) -> None:
    sent = webhooks.webhook_test(webhook=world.webhook(), by=world.by)
    Delivery.objects.filter(pk=sent.pk).update(status=Delivery.Status.DELIVERED)
    webhooks.delivery_replay(delivery=sent, by=world.by)


@leaves("release.retired")
def release_withdraw(world: World) -> None:
    _withdrawn(world)


@leaves("release.reinstated")
def release_reinstate(world: World) -> None:
    withdrawals.release_reinstate(release=_withdrawn(world), by=world.by)


def _withdrawn(world: World) -> Any:
    return withdrawals.release_withdraw(
        release=world.release(), kind="retired", reason="Old", by=world.by
    )


@leaves("workspace.created")
def workspace_create(world: World) -> None:
    workspaces.workspace_create(name="Another", by=world.by)


@leaves("workspace.renamed")
def workspace_rename(world: World) -> None:
    workspaces.workspace_rename(workspace=world.workspace, name="Otherwise", by=world.by)
