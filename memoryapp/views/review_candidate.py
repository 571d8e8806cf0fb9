"""The evidence column of Review: what one candidate changes, why, and what to look at twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse

from memoryapp.domain import playbook as domain
from memoryapp.domain import review
from memoryapp.domain.formats import digest
from memoryapp.domain.playbook import DeltaRefused, Op
from memoryapp.domain.text import hidden_characters, looks_like_instruction
from memoryapp.models import Bullet, BulletRevision, Candidate, Evidence, Membership, Workspace
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries import review as review_queries
from memoryapp.templatetags.formats import count_of
from memoryapp.views.links import uuid_or_404, with_query
from memoryapp.views.review_queue import ReviewFilter, candidate_label

#: Gates of the validator (Preping, arXiv 2605.13880 §3.3): feasible from 5, success from 4, of 5.
GATES = {"feasibility": (5, "gate 5"), "completion": (4, "success from 4")}
#: Longer task texts are cut when evidence is stored.
TASK_CHARS = 200


def candidate_context(
    candidate: Candidate, chosen: ReviewFilter, *, editing: bool, typed: Mapping[str, Any]
) -> dict[str, Any]:
    """All that the page shows of one candidate.

    ``typed`` brings back what a refused form held: content, reasons and the refusal itself.
    """
    bullets = list(candidate.targets.select_related("playbook").order_by("label"))
    value = candidate.playbook.as_value()
    evidence = list(candidate.evidence.all())
    changes = _changes(candidate, bullets)
    checks = _checks(candidate, value, evidence)
    reasons = typed.get("reasons", [])
    typed_content = typed.get("content")
    return {
        "label": _label(candidate, bullets),
        "playbook": candidate.playbook,
        "targets": changes,
        "proposed": candidate.decided_content or candidate.content,
        "revision": _revision(candidate, bullets),
        "tokens": _tokens(candidate, bullets, value),
        "served_by": release_queries.served_through(candidate.playbook, [b.label for b in bullets]),
        "evidence_groups": evidence_groups(evidence, candidate.scores.get("steps") or 0),
        "scores": _scores(candidate.scores),
        "validator": _validator(candidate.scores),
        "checks": checks,
        "passed": sum(check["ok"] for check in checks),
        "failed": sum(not check["ok"] for check in checks),
        "approve_url": chosen.action("candidate-approve", candidate),
        "reject_url": chosen.action("candidate-reject", candidate),
        "edit_url": chosen.url(candidate=str(candidate.pk), edit="1"),
        "leave_edit_url": chosen.url(candidate=str(candidate.pk)),
        "undo_url": chosen.action("candidate-undo", candidate),
        "undoable": candidate.status in review.UNDOABLE,
        "may_edit": candidate.op != Op.RETIRE,
        "editing": editing and candidate.is_pending and candidate.op != Op.RETIRE,
        "content": candidate.content if typed_content is None else typed_content,
        "unsaved": typed_content if typed_content is not None else "",
        "seen": digest(candidate.content),
        "reasons": review.REJECT_REASONS,
        "chosen_reason": next((r for r in reasons if r in review.REJECT_REASONS), ""),
        "note": next((r for r in reasons if r not in review.REJECT_REASONS), ""),
        "form_error": typed.get("form_error", ""),
    }


def evidence_groups(evidence: Iterable[Evidence], steps_of_first: int = 0) -> list[dict[str, Any]]:
    """Evidence by the trajectory it was seen in. ``steps_of_first`` is the first one's length."""
    groups: dict[str, dict[str, Any]] = {}
    for row in evidence:
        url = row.link.partition("#")[0]
        group = groups.setdefault(
            url or row.group,
            {"name": _task(row.group), "url": url, "steps": [], "step_count": 0, "total_ms": 0},
        )
        group["steps"].append(row)
    found = list(groups.values())
    if found:
        found[0]["step_count"] = steps_of_first
    for group in found:
        group["steps"].sort(key=lambda row: row.number)
    return found


def _task(group: str) -> str:
    """The task as it was stored; a cut one says so."""
    return f"{group.rstrip()}…" if len(group) >= TASK_CHARS else group


def undo_context(
    membership: Membership, chosen: ReviewFilter, wanted: str
) -> dict[str, Any] | None:
    """The decision just made, as long as it can be taken back."""
    if not wanted or not membership.may_review:
        return None
    candidate = Candidate.objects.filter(
        playbook__workspace=membership.workspace,
        pk=uuid_or_404(wanted),
        status__in=review.UNDOABLE,
    ).first()
    if candidate is None:
        return None
    bullets = list(candidate.targets.order_by("label"))
    return {
        "candidate": candidate,
        "label": _label(candidate, bullets),
        "word": candidate.get_status_display(),
        "undo_url": chosen.action("candidate-undo", candidate),
    }


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


def _label(candidate: Candidate, bullets: Sequence[Bullet]) -> str:
    """The label agents will know it by; a waiting new bullet has only its section yet."""
    if candidate.op == Op.ADD and candidate.status == Candidate.Status.APPROVED:
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
    note = f"{confidence:.0%} sure" if isinstance(confidence, float | int) else ""
    return {"name": str(said.get("validator") or ""), "note": note}


def _check(ok: bool, text: str, url: str = "", url_text: str = "") -> dict[str, Any]:
    return {"ok": ok, "text": text, "url": url, "url_text": url_text}


def _checks(
    candidate: Candidate, value: domain.Playbook, evidence: Sequence[Evidence]
) -> list[dict[str, Any]]:
    """What a reviewer would have to look up otherwise; warnings first."""
    found = [
        *_validator_checks(candidate.scores),
        _hidden_check(candidate.content),
        *_instruction_checks(candidate.content, evidence),
        *_twin_checks(candidate),
        *_apply_checks(candidate, value),
    ]
    return sorted(found, key=lambda check: check["ok"])


def _validator_checks(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for row in said.get("checks") or []:
        name = str(row.get("name", "")).replace("_", " ").capitalize()
        found.append(
            _check(
                bool(row.get("passed")), ": ".join(filter(None, (name, str(row.get("detail", "")))))
            )
        )
    return found


def _hidden_check(content: str) -> dict[str, Any]:
    hidden = hidden_characters(content)
    if not hidden:
        return _check(True, "No hidden characters")
    names = ", ".join(sorted({f"{each.code_point} {each.name}" for each in hidden}))
    return _check(False, f"{count_of(len(hidden), 'hidden character')}: {names}")


def _instruction_checks(content: str, evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    found = [
        _check(False, f"Reads like an order to a model: “{phrase}”")
        for phrase in looks_like_instruction(content)
    ]
    for row in evidence:
        for phrase in looks_like_instruction(row.excerpt):
            text = f"Step {row.number} says what reads like an order: “{phrase}”"
            found.append(_check(False, text, row.link, "Open"))
    return found or [_check(True, "Nothing reads like an order to a model")]


def _twin_checks(candidate: Candidate) -> list[dict[str, Any]]:
    if candidate.op == Op.RETIRE or not candidate.is_pending:
        return []
    near = review_queries.similar_bullets(candidate)
    if not near:
        return [_check(True, "No other bullet says nearly the same")]
    return [
        _check(False, f"Close to `{bullet.label}`, {percent}% the same", _bullet_url(bullet))
        for bullet, percent in near
    ]


def _apply_checks(candidate: Candidate, value: domain.Playbook) -> list[dict[str, Any]]:
    """Whether approving would work, asked of the very function that approves."""
    if not candidate.is_pending:
        return []
    try:
        domain.apply(value, candidate.as_delta())
    except DeltaRefused as refusal:
        return [_check(False, f"Approving it as it stands would be refused. {refusal}")]
    budget = f"Fits the budget of {value.token_budget:,} tokens" if value.token_budget else ""
    return [_check(True, budget or "The playbook can take it")]


def _bullet_url(bullet: Bullet) -> str:
    return reverse("bullet-detail", args=[bullet.playbook.slug, bullet.label])
