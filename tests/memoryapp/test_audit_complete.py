"""Every change a person makes leaves a row in the audit log: by whom, from what to what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from memoryapp import services
from memoryapp.domain.review import Policy
from memoryapp.models import Delivery
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services import (
    bulk,
    bulk_changes,
    bullets,
    canaries,
    curation,
    decisions,
    desk,
    imports,
    invitations,
    members,
    playbooks,
    policies,
    releases,
    saved_views,
    tokens,
    twins,
    undoing,
    webhooks,
    withdrawals,
    workspaces,
)
from tests.auditing import Scenarios, assert_audited, writing_services
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory, UserFactory

pytestmark = pytest.mark.django_db

#: Services that say who acts and change nothing by themselves, and why.
ELSEWHERE = {
    "carry_out": "a part of a decision, which leaves the row",
    "take_back": "a part of a decision, which leaves the row",
    "bullets_import": "a part of playbook_import and artifact_import",
    "lesson_propose": "a proposal is a row of its own, with its origin, until it is decided",
    "workspace_import": "it makes a workspace, whose history comes with it",
}
scenarios = Scenarios()
leaves = scenarios.leaves


@dataclass(frozen=True, slots=True)
class World:
    """A workspace with two admins and a playbook with two bullets."""

    workspace: Any
    playbook: Any
    by: Any
    other: Any

    def bullet(self, **given: Any) -> Any:
        return BulletFactory(playbook=self.playbook, **given)

    def candidate(self, **given: Any) -> Any:
        return CandidateFactory(playbook=self.playbook, **given)

    def release(self) -> Any:
        self.bullet()
        return releases.release_publish(playbook=self.playbook, by=self.by)

    def label(self) -> Any:
        """One that was moved from one release to the next."""
        for release in (self.release(), self.release()):
            label = releases.label_move(
                playbook=self.playbook, name="production", release=release, by=self.by
            )
        return label

    def trial(self) -> Any:
        return canaries.canary_start(
            label=self.label(), release=self.release(), share=10, by=self.by
        )

    def invitation(self) -> Any:
        return invitations.invitation_create(
            workspace=self.workspace, role="viewer", by=self.by, valid_for=timedelta(days=1)
        )

    def webhook(self) -> Any:
        row, _ = webhooks.webhook_create(
            workspace=self.workspace,
            url="http://127.0.0.1:9/hook",
            kinds=["release.published"],
            by=self.by,
        )
        return row


@pytest.fixture
def world(workspace: Any, ada: Any, rita: Any, settings: Any) -> World:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return World(workspace, playbook, ada, rita)


@pytest.mark.parametrize("service", writing_services(services))
def test_it_leaves_a_row_that_says_from_what_to_what(world: World, service: str) -> None:
    if service in ELSEWHERE:
        return
    assert service in scenarios, f"say here how {service} changes something"
    assert_audited(scenarios[service], world)


def test_no_scenario_is_of_a_service_that_is_gone() -> None:
    assert scenarios.keys() | ELSEWHERE.keys() == set(writing_services(services))


@leaves("bulk.asked")
def bulk_start(world: World) -> None:
    world.candidate()
    _bulk(world)


@leaves("bulk.ended")
def bulk_continue(world: World) -> None:
    world.candidate()
    bulk.bulk_continue(bulk=_bulk(world), by=world.by)


@leaves("bulk.asked")
def bulk_undo(world: World) -> None:
    world.candidate()
    done = bulk.bulk_continue(bulk=_bulk(world), by=world.by)
    bulk.bulk_undo(bulk=done, by=world.by)


def _bulk(world: World) -> Any:
    return bulk.bulk_start(
        workspace=world.workspace,
        action="approve",
        narrowed={},
        chosen=[],
        reason="",
        assignee=None,
        by=world.by,
    )


@leaves("bulk_change.asked")
def bulk_change_start(world: World) -> None:
    world.bullet()
    _bulk_change(world)


@leaves("bulk_change.ended")
def bulk_change_continue(world: World) -> None:
    world.bullet()
    bulk_changes.bulk_change_continue(bulk=_bulk_change(world), by=world.by)


@leaves("bulk_change.asked")
def bulk_change_undo(world: World) -> None:
    world.bullet()
    done = bulk_changes.bulk_change_continue(bulk=_bulk_change(world), by=world.by)
    bulk_changes.bulk_change_undo(bulk=done, by=world.by)


def _bulk_change(world: World) -> Any:
    return bulk_changes.bulk_change_start(
        workspace=world.workspace,
        action="tag",
        asked=EntryFilter(),
        chosen=[],
        value="vip",
        reason="",
        by=world.by,
    )


@leaves("bullet.added")
def bullet_add(world: World) -> None:
    bullets.bullet_add(playbook=world.playbook, section="apis", content="Page by 50.", by=world.by)


@leaves("bullet.edited")
def bullet_edit(world: World) -> None:
    bullet = world.bullet()
    bullets.bullet_edit(bullet=bullet, content="New.", reason="", by=world.by, revision=1)


@leaves("bullet.retired")
def bullet_retire(world: World) -> None:
    bullets.bullet_retire(bullet=world.bullet(), reason="Wrong", by=world.by)


@leaves("bullet.restored")
def bullet_restore(world: World) -> None:
    retired = bullets.bullet_retire(bullet=world.bullet(), reason="Wrong", by=world.by)
    bullets.bullet_restore(bullet=retired, reason="Right", by=world.by)


@leaves("bullet.confirmed")
def bullet_confirm(world: World) -> None:
    bullets.bullet_confirm(bullet=world.bullet(status="stale"), by=world.by)


@leaves("canary.started")
def canary_start(world: World) -> None:
    world.trial()


@leaves("canary.ended")
def canary_end(world: World) -> None:
    canaries.canary_end(label=world.trial(), by=world.by)


@leaves("canary.promoted")
def canary_promote(world: World) -> None:
    canaries.canary_promote(label=world.trial(), by=world.by)


@leaves("bullet.moved")
def bullet_move(world: World) -> None:
    curation.bullet_move(bullet=world.bullet(), section="pitfalls", by=world.by)


@leaves("bullet.placed")
def bullet_place(world: World) -> None:
    world.bullet(label="strategies-001")
    second = world.bullet(label="strategies-002")
    curation.bullet_place(bullet=second, direction="up", by=world.by)


@leaves("bullet.tagged")
def bullet_tag(world: World) -> None:
    curation.bullet_tag(bullet=world.bullet(), tags=["refunds"], by=world.by)


@leaves("bullet.merged")
def bullets_merge(world: World) -> None:
    rows = [world.bullet(), world.bullet()]
    curation.bullets_merge(
        playbook=world.playbook,
        labels=[row.label for row in rows],
        content="Both.",
        seen=curation.merge_digest(rows),
        reason="",
        by=world.by,
    )


@leaves("playbook.changed")
def playbook_change(world: World) -> None:
    curation.playbook_change(
        playbook=world.playbook, name="Desk", description="", token_budget=9, by=world.by
    )


@leaves("candidate.approved")
def candidate_approve(world: World) -> None:
    decisions.candidate_approve(candidate=world.candidate(), by=world.by)


@leaves("candidate.rejected")
def candidate_reject(world: World) -> None:
    decisions.candidate_reject(candidate=world.candidate(), by=world.by, reason="Wrong")


@leaves("candidate.reopened")
def candidate_undo(world: World) -> None:
    done = decisions.candidate_approve(candidate=world.candidate(), by=world.by)
    decisions.candidate_undo(candidate=done, by=world.by)


@leaves("candidate.merged")
def candidates_merge(world: World) -> None:
    twins.candidates_merge(kept=world.candidate(), other=world.candidate(), by=world.by)


@leaves("candidate.parted")
def candidates_part(world: World) -> None:
    other = world.candidate()
    twins.candidates_merge(kept=world.candidate(), other=other, by=world.by)
    twins.candidates_part(other=other, by=world.by)


@leaves("audit.upheld")
def audit_uphold(world: World) -> None:
    decisions.audit_uphold(candidate=world.candidate(status="approved", audit="due"), by=world.by)


@leaves("candidate.noted")
def note_add(world: World) -> None:
    desk.note_add(candidate=world.candidate(), text="Ask the desk.", by=world.by)


@leaves("candidate.assigned")
def candidate_assign(world: World) -> None:
    to = world.workspace.memberships.get(user=world.other)
    desk.candidate_assign(candidate=world.candidate(), to=to, by=world.by)


@leaves("playbook.imported")
def playbook_import(world: World) -> None:
    text = "## APIS\n[apis-00001] helpful=1 harmful=0 :: Page by 50."
    imports.playbook_import(playbook=world.playbook, form="ace", text=text, by=world.by)


@leaves("member.invited")
def invitation_create(world: World) -> list[str]:
    _, token = world.invitation()
    return [token]


@leaves("invitation.revoked")
def invitation_revoke(world: World) -> None:
    invitation, _ = world.invitation()
    invitations.invitation_revoke(invitation=invitation, by=world.by)


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


@leaves("playbook.created")
def playbook_create(world: World) -> None:
    playbooks.playbook_create(workspace=world.workspace, name="Second desk", by=world.by)


@leaves("playbook.gated")
def playbook_require_evaluation(world: World) -> None:
    playbooks.playbook_require_evaluation(playbook=world.playbook, required=True, by=world.by)


@leaves("policy.changed")
def policy_change(world: World) -> None:
    to = Policy(reviewers=2)
    policies.policy_change(playbook=world.playbook, to=to, reason="Pairs", by=world.by)


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
    return [row, shown.rpartition("_")[2]]


@leaves("run.undone")
def job_undo(world: World) -> None:
    candidate = world.candidate()
    decisions.candidate_approve(candidate=candidate, by=world.by)
    origin = candidate.origin_link
    preview = undoing.job_preview(playbook=world.playbook, origin_link=origin)
    undoing.job_undo(
        playbook=world.playbook, origin_link=origin, reason="Bad", seen=preview.seen, by=world.by
    )


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
