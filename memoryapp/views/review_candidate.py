"""The evidence column of Review: what one candidate changes, why, and what to look at twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Prefetch, Q
from django.urls import reverse

from memoryapp.domain import playbook as domain
from memoryapp.domain import review
from memoryapp.domain.excerpts import named_in
from memoryapp.domain.playbook import Op
from memoryapp.domain.shares import percent
from memoryapp.models import Bullet, BulletRevision, Candidate, Membership, Workspace
from memoryapp.models.candidates import load_targets
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries import review as review_queries
from memoryapp.queries.origins import bullets_of
from memoryapp.services.desk import Reading
from memoryapp.views.links import with_query
from memoryapp.views.review_checks import MOVED, checks_of
from memoryapp.views.review_desk import desk_context
from memoryapp.views.review_evidence import evidence_groups
from memoryapp.views.review_queue import ReviewFilter, candidate_label

GATES = {
    "feasibility": (review.FEASIBLE, f"gate {review.FEASIBLE}"),
    "completion": (review.SUCCESS, f"success from {review.SUCCESS}"),
}
#: Warnings that are said above the evidence; all stand among the checks.
MOST_WARNINGS = 3


def candidate_context(
    candidate: Candidate,
    membership: Membership,
    chosen: ReviewFilter,
    reading: Reading,
    *,
    editing: bool,
    typed: Mapping[str, Any],
) -> dict[str, Any]:
    """All that the page shows of one candidate.

    ``typed`` brings back what a refused form held: content, reasons, a note and the refusal itself.
    """
    desk = desk_context(candidate, membership, chosen, reading)
    load_targets([candidate], Prefetch("targets", Bullet.objects.order_by("label")))
    bullets = list(candidate.targets.all())
    for bullet in bullets:
        bullet.playbook = candidate.playbook
    value = candidate.playbook.as_value()
    evidence = list(candidate.evidence.all())
    changes = _changes(candidate, bullets)
    moved = _moved(candidate, bullets)
    twins = _twins(candidate, chosen)
    checks = checks_of(candidate, value, evidence, moved, desk["blind"], len(twins))
    reasons = typed.get("reasons", [])
    typed_content = typed.get("content")
    return {
        "label": _label(candidate, bullets),
        "playbook": candidate.playbook,
        "targets": changes,
        "made": _made(candidate),
        "proposed": candidate.decided_content or candidate.content,
        "revision": _revision(candidate, bullets),
        "tokens": _tokens(candidate, bullets, value),
        "served_by": release_queries.served_through(candidate.playbook, [b.label for b in bullets]),
        "moved": moved,
        "evidence_groups": evidence_groups(
            evidence, candidate.scores.get("steps") or 0, list(candidate.trails.all())
        ),
        "named": named_in(candidate.decided_content or candidate.content),
        "scores": [] if desk["blind"] else _scores(candidate.scores),
        "validator": {} if desk["blind"] else _validator(candidate.scores),
        "twins": twins,
        "checks": checks,
        "passed": sum(check["ok"] for check in checks),
        "look_twice": _look_twice(checks) if candidate.is_pending else [],
        "approve_url": chosen.action("candidate-approve", candidate),
        "reject_url": chosen.action("candidate-reject", candidate),
        "edit_url": chosen.url(candidate=str(candidate.pk), edit="1"),
        "leave_edit_url": chosen.url(candidate=str(candidate.pk)),
        "undo_url": chosen.action("candidate-undo", candidate),
        "undoable": candidate.may_be_undone,
        "may_edit": candidate.op != Op.RETIRE,
        "editing": editing and candidate.is_pending and candidate.op != Op.RETIRE,
        "content": candidate.content if typed_content is None else typed_content,
        "unsaved": typed_content if typed_content is not None else "",
        "seen": candidate.shown(),
        "reasons": review.REJECT_REASONS,
        "chosen_reason": next((r for r in reasons if r in review.REJECT_REASONS), ""),
        "note": next((r for r in reasons if r not in review.REJECT_REASONS), ""),
        "typed_note": typed.get("note", ""),
        "form_error": typed.get("form_error", ""),
        **desk,
    }


def _look_twice(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The warnings that stand above the evidence; what moved on has a warning of its own there."""
    return [check for check in checks if not check["ok"] and check["url"] != MOVED][:MOST_WARNINGS]


def undo_context(
    membership: Membership, chosen: ReviewFilter, candidate: Candidate | None
) -> dict[str, Any] | None:
    """The decision just made, as long as it can be taken back."""
    if candidate is None or not membership.may_review:
        return None
    if not candidate.may_be_undone:
        mine = candidate.votes.filter(reviewer=membership.user, withdrawn_at=None)
        if not mine.exists():
            return None
    bullets = sorted(candidate.targets.all(), key=str)
    return {
        "candidate": candidate,
        "label": _label(candidate, bullets),
        "word": _done(candidate),
        "verdict": _verdict(candidate),
        "undo_url": chosen.action("candidate-undo", candidate),
    }


def _done(candidate: Candidate) -> str:
    if candidate.is_merged:
        return "Put together"
    return "Voted on" if candidate.is_pending else candidate.get_status_display()


def _twins(candidate: Candidate, chosen: ReviewFilter) -> list[dict[str, Any]]:
    """Waiting candidates that say nearly the same, and where to put them together."""
    return [
        {
            "candidate": twin,
            "near": near,
            "url": chosen.url(candidate=str(twin.pk)),
            "keep_url": chosen.action("candidate-merge", candidate),
            "keep_other_url": chosen.action("candidate-merge", twin),
        }
        for twin, near in review_queries.twins(candidate)
    ]


def _verdict(candidate: Candidate) -> str:
    """What the validator had said of a candidate that was decided without seeing it."""
    if candidate.playbook.standing_policy is None:  # then nothing is kept blind
        return ""
    vote = candidate.votes.filter(withdrawn_at=None).order_by("-pk").first()
    said = candidate.scores
    if vote is None or not vote.blind or "completion" not in said:
        return ""
    sure = f", {percent(candidate.confidence)} sure" if candidate.confidence is not None else ""
    return (
        f"{said.get('validator') or 'The validator'} had said: feasibility "
        f"{said.get('feasibility')}, completion {said.get('completion')}{sure}."
    )


def publish_offers(workspace: Workspace, chosen: ReviewFilter) -> list[dict[str, Any]]:
    """Playbooks whose approved bullets differ from what is released, for an empty queue."""
    found = workspace.playbooks.order_by("-updated_at", "name")
    if chosen.playbook:
        found = found.filter(slug=chosen.playbook)
    offers = []
    for playbook in found[:5]:
        draft = playbook_queries.draft(playbook)
        if draft.is_changed:
            url = with_query(playbook.get_absolute_url(), {"tab": "releases"})
            offers.append({"playbook": playbook, "draft": draft, "url": f"{url}#draft"})
    return offers


def _made(candidate: Candidate) -> list[dict[str, Any]]:
    """The bullets an approved candidate made or changed, each with the pulls that gave it."""
    if candidate.status != Candidate.Status.APPROVED:
        return []
    return [
        {
            "bullet": bullet,
            "pulls_url": with_query(
                reverse("pull-list"), {"playbook": bullet.playbook.slug, "bullet": bullet.label}
            ),
        }
        for bullet in bullets_of([candidate]).get(candidate.pk, ())
    ]


def _label(candidate: Candidate, bullets: Sequence[Bullet]) -> str:
    """The label agents will know it by; a waiting new bullet has only its section yet."""
    if candidate.op == Op.ADD and candidate.status == Candidate.Status.APPROVED:
        if candidate.made_label:
            return candidate.made_label
        made = Bullet.objects.filter(revisions__candidate=candidate).first()
        return made.label if made else candidate.section
    return candidate_label(candidate, bullets)


def _changes(candidate: Candidate, bullets: Sequence[Bullet]) -> list[dict[str, Any]]:
    """Each target with its text before and after; an added bullet has no target."""
    earlier = _texts_before(candidate, bullets)
    after = candidate.decided_content or candidate.content
    found = []
    for place, bullet in enumerate(bullets):
        survives = candidate.op != Op.RETIRE and place == 0
        before = earlier.get(bullet.pk, bullet.content)
        found.append({"bullet": bullet, "before": before, "after": after if survives else ""})
    return found


def _texts_before(candidate: Candidate, bullets: Sequence[Bullet]) -> dict[Any, str]:
    """What approved targets said before this candidate changed them."""
    if candidate.status != Candidate.Status.APPROVED or not bullets:
        return {}
    rows = BulletRevision.objects.filter(bullet__in=bullets).order_by("bullet", "number")
    found: dict[Any, str] = {}
    previous: BulletRevision | None = None
    for row in rows:
        same_bullet = previous is not None and previous.bullet_id == row.bullet_id
        if row.candidate_id == candidate.pk and same_bullet and previous is not None:
            found[row.bullet_id] = previous.content
        previous = row
    return found


def _moved(candidate: Candidate, bullets: Sequence[Bullet]) -> list[dict[str, Any]]:
    """Targets that changed after the candidate was proposed, with what they said then and now."""
    if not candidate.is_pending:
        return []
    now = {bullet.label: bullet.revision_count for bullet in bullets}
    by_label = {bullet.label: bullet for bullet in bullets}
    changed = review.moved_on(candidate.proposed_against, now)
    if not changed:
        return []
    asked = Q()
    for label, (then, _) in changed.items():
        asked |= Q(bullet=by_label[label], number=then)
    texts = {row.bullet_id: row.content for row in BulletRevision.objects.filter(asked)}
    return [
        {
            "bullet": by_label[label],
            "then": then,
            "now": current,
            "before": texts.get(by_label[label].pk, ""),
            "after": by_label[label].content,
        }
        for label, (then, current) in sorted(changed.items())
    ]


def _revision(candidate: Candidate, bullets: Sequence[Bullet]) -> dict[str, int] | None:
    if not candidate.is_pending or not bullets:
        return None
    number = bullets[0].revision_count
    return {"number": number, "next": number + 1}


def _tokens(
    candidate: Candidate, bullets: Sequence[Bullet], value: domain.Playbook
) -> dict[str, int]:
    """Tokens of the text before and after, and of the playbook once a waiting one is approved."""
    before = sum(bullet.tokens for bullet in bullets if bullet.status in domain.LIVE)
    after = 0 if candidate.op == Op.RETIRE else domain.estimate_tokens(candidate.content)
    change = after - before if candidate.is_pending else 0
    return {
        "before": before,
        "after": after,
        "playbook_after": value.tokens + change,
        "budget": value.token_budget,
    }


def _scores(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "feasibility" not in said and "completion" not in said:
        return []
    return [
        {
            "name": name.capitalize(),
            "value": said.get(name),
            "of": 5,
            "gate": gate,
            "gate_text": gate_text,
            "reason": said.get(f"{name}_reason", ""),
        }
        for name, (gate, gate_text) in GATES.items()
    ]


def _validator(said: Mapping[str, Any]) -> dict[str, str]:
    confidence = said.get("confidence")
    note = f"{percent(confidence)} sure" if isinstance(confidence, float | int) else ""
    return {"name": str(said.get("validator") or ""), "note": note}
