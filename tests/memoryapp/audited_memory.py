"""What people do to candidates, bullets and playbooks, each once."""

from __future__ import annotations

from typing import Any

from memoryapp.domain.review import Policy
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services import (
    bulk,
    bulk_changes,
    bullets,
    curation,
    decisions,
    desk,
    imports,
    playbooks,
    policies,
    restoring,
    twins,
    undoing,
)
from tests.memoryapp.audited import World, leaves


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


@leaves("policy.changed")
def gate_move(world: World) -> None:
    policies.gate_move(playbook=world.playbook, admit_from=0.9, reason="Sure", by=world.by)


@leaves("run.restored")
def job_restore(world: World) -> None:
    job_undo(world)
    (undo,) = world.workspace.events.filter(kind="run.undone")
    restoring.job_restore(
        playbook=world.playbook, origin_link=undo.data["link"], undo=undo.pk, by=world.by
    )


@leaves("run.undone")
def job_undo(world: World) -> None:
    candidate = world.candidate()
    decisions.candidate_approve(candidate=candidate, by=world.by)
    origin = candidate.origin_link
    preview = undoing.job_preview(playbook=world.playbook, origin_link=origin)
    undoing.job_undo(
        playbook=world.playbook, origin_link=origin, reason="Bad", seen=preview.seen, by=world.by
    )
