"""Submitting, deciding and undoing candidates.

The second of the two gates: the validator decided what may be proposed, a person decides here what
is remembered (architecture.md, "The flows").
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain import playbook as domain
from memoryapp.domain import review
from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.formats import digest
from memoryapp.domain.playbook import Delta, DeltaRefused, Op, OverBudget
from memoryapp.domain.ranking import room_report
from memoryapp.domain.text import strip_hidden
from memoryapp.models import Bullet, BulletRevision, Candidate, Event, Evidence, Playbook

DRAFT = "draft-"


@dataclass(frozen=True, slots=True)
class Source:
    """One observed step, as a value: what it was, where to look, what it said."""

    link: str
    group: str
    number: int
    tool: str
    arguments: Mapping[str, Any]
    excerpt: str
    is_error: bool = False
    duration_ms: int = 0
    kind: str = "step"

    @property
    def digest(self) -> str:
        """What makes two sources one: the place they link to, or what they say where none is."""
        place = self.link or f"{self.group} {self.excerpt}"
        return digest(f"{self.kind} {place} {self.number}")


@dataclass(frozen=True, slots=True)
class Origin:
    """The job a candidate came from."""

    kind: str
    link: str
    name: str


def candidate_submit(
    *,
    playbook_id: int,
    delta: Delta,
    origin: Origin,
    sources: Sequence[Source],
    scores: Mapping[str, Any],
) -> Candidate | None:
    """Put an operation into the review queue.

    The same lesson seen again adds its evidence to the waiting candidate. A lesson that a person
    rejected in the same words is not asked again. Returns ``None`` where nothing was added.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update().get(pk=playbook_id)
        content = strip_hidden(delta.content).strip()
        waiting = _waiting_twin(playbook, delta, content)
        if waiting is not None:
            return _seen_again(waiting, delta, content, sources)
        if _already_settled(playbook, delta, content):
            return None
        targets = list(playbook.bullets.filter(label__in=delta.targets))
        if len(targets) != len(delta.targets):
            return None
        candidate = Candidate.objects.create(
            playbook=playbook,
            op=delta.op.value,
            section=delta.section or (targets[0].section if targets else ""),
            content=content,
            rule=delta.rule,
            reason=delta.reason,
            dedup_key=_dedup_key(delta, content),
            origin_kind=origin.kind,
            origin_link=origin.link,
            origin_name=origin.name,
            scores=dict(scores),
        )
        candidate.targets.set(targets)
        _add_evidence(candidate, sources)
        return candidate


def candidate_approve(
    *, candidate: Candidate, by: Any, content: str | None = None, seen: str = ""
) -> Candidate:
    """Apply the operation to the playbook, in the operator's words where ``content`` is given.

    ``seen`` is the digest of the text the operator was shown; a mismatch means it changed since.

    Raises:
        UnableToDecide: not waiting any more, changed while being read, or the playbook refuses it.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update().get(pk=candidate.playbook_id)
        candidate.refresh_from_db()
        _check_seen(candidate, seen)
        if content is not None:
            content = strip_hidden(content).strip()
            if not content and candidate.op != Op.RETIRE:
                raise UnableToDecide("The bullet has no text. Write it, or reject the candidate.")
        delta = candidate.as_delta(content)
        if not candidate.decide(
            review.Status.APPROVED, by=by, at=timezone.now(), reason="", content=delta.content
        ):
            raise UnableToDecide(_already_decided(candidate))
        if not _restored(candidate, delta, by):
            before = playbook.as_value()
            try:
                after = domain.apply(before, delta)
            except OverBudget as refusal:
                raise UnableToDecide(f"{refusal} {room_report(before, delta)}") from refusal
            except DeltaRefused as refusal:
                raise UnableToDecide(str(refusal)) from refusal
            _store(playbook, before, after, author=by, reason=delta.reason, candidate=candidate)
        _record(candidate, by, "candidate.approved", edited=delta.content != candidate.content)
    return candidate


def candidate_reject(*, candidate: Candidate, by: Any, reason: str, seen: str = "") -> Candidate:
    """Reject with a reason; the playbook is untouched.

    Raises:
        UnableToDecide: no reason, not waiting any more, or changed while being read.
    """
    reason = reason.strip()
    if not reason:
        raise UnableToDecide("A rejection needs a reason, so that the next reader can follow it.")
    with transaction.atomic():
        candidate.refresh_from_db()
        _check_seen(candidate, seen)
        if not candidate.decide(
            review.Status.REJECTED, by=by, at=timezone.now(), reason=reason[:300], content=""
        ):
            raise UnableToDecide(_already_decided(candidate))
        _record(candidate, by, "candidate.rejected", reason=reason[:300])
    return candidate


def candidate_undo(*, candidate: Candidate, by: Any) -> Candidate:
    """Take a decision back: the candidate waits again and the playbook is as it was before it.

    Raises:
        UnableToUndo: nothing to undo, or a bullet was changed after this decision.
    """
    with transaction.atomic():
        Playbook.objects.select_for_update().get(pk=candidate.playbook_id)
        candidate.refresh_from_db()
        was = candidate.status
        if was == review.Status.APPROVED:
            _take_back(candidate, by)
        if not candidate.reopen():
            raise UnableToUndo("This candidate is waiting already; there is nothing to undo.")
        _record(candidate, by, "candidate.reopened", was=was)
    return candidate


def _take_back(candidate: Candidate, by: Any) -> None:
    newest: dict[Any, BulletRevision] = {}
    revisions = candidate.revisions.select_related("bullet__playbook")
    for revision in revisions.filter(created_at__gte=candidate.decided_at):
        kept = newest.get(revision.bullet_id)
        if kept is None or kept.number < revision.number:
            newest[revision.bullet_id] = revision
    for revision in newest.values():
        bullet = revision.bullet
        if bullet.revision_count != revision.number:
            raise UnableToUndo(
                f"{bullet.label} was changed after this decision, so undoing it would lose that "
                "change. Edit or retire the bullet instead."
            )
        earlier = bullet.revisions.filter(number=revision.number - 1).first()
        bullet.revise(
            content=earlier.content if earlier else bullet.content,
            section=earlier.section if earlier else bullet.section,
            status=earlier.status if earlier else Bullet.Status.RETIRED,
            rule=earlier.rule if earlier else bullet.rule,
            author=by,
            reason="Decision undone",
            candidate=candidate,
        )


def _restored(candidate: Candidate, delta: Delta, by: Any) -> bool:
    """Approve an undone ADD once more: the bullet it made comes back under its own label."""
    if delta.op is not Op.ADD:
        return False
    bullet = (
        Bullet.objects.filter(revisions__candidate=candidate, status=Bullet.Status.RETIRED)
        .order_by("created_at")
        .first()
    )
    if bullet is None:
        return False
    bullet.revise(
        content=delta.content,
        section=delta.section,
        status=Bullet.Status.APPROVED,
        rule=delta.rule,
        author=by,
        reason=delta.reason[:300],
        candidate=candidate,
    )
    return True


def _store(
    playbook: Playbook,
    before: domain.Playbook,
    after: domain.Playbook,
    *,
    author: Any,
    reason: str,
    candidate: Candidate,
) -> None:
    rows = {bullet.label: bullet for bullet in playbook.bullets.all()}
    for value in after.bullets:
        if value == before.by_label(value.label):
            continue
        row = rows.get(value.label)
        if row is None:
            row = Bullet(playbook=playbook, label=playbook.take_label(value.section))
        row.practice_helpful = max(row.practice_helpful, value.helpful - row.deployed_helpful)
        row.practice_harmful = max(row.practice_harmful, value.harmful - row.deployed_harmful)
        _count_trials(row, value, candidate)
        row.revise(
            content=value.content,
            section=value.section,
            status=value.status.value,
            rule=value.rule,
            author=author,
            reason=reason[:300],
            candidate=candidate,
        )
        if value.status is domain.BulletStatus.RETIRED:
            _supersede_others(row, candidate)


def _count_trials(row: Bullet, value: domain.Bullet, candidate: Candidate) -> None:
    """Set what trials said of a bullet's new text; a text that stays keeps what it has won."""
    if value.content == row.content:
        return
    # What was tried is the text of the candidate: an edited text was not.
    tried = candidate.scores.get("verified", {}) if value.content == candidate.content else {}
    row.verified_wins = int(tried.get("wins", 0))
    row.verified_losses = max(0, int(tried.get("trials", 0)) - row.verified_wins)


def _supersede_others(bullet: Bullet, candidate: Candidate) -> None:
    """Waiting operations on a bullet that is gone would only confuse whoever opens them."""
    Candidate.objects.pending().filter(targets=bullet).exclude(pk=candidate.pk).update(
        status=Candidate.Status.SUPERSEDED
    )


def _waiting_twin(playbook: Playbook, delta: Delta, content: str) -> Candidate | None:
    pending = playbook.candidates.pending()
    draft = next((t for t in delta.targets if t.startswith(DRAFT)), None)
    if draft is not None:
        prefix = draft.removeprefix(DRAFT)
        return next((c for c in pending if c.pk.hex.startswith(prefix)), None)
    return pending.filter(dedup_key=_dedup_key(delta, content)).first()


def _seen_again(
    candidate: Candidate, delta: Delta, content: str, sources: Sequence[Source]
) -> Candidate:
    candidate.seen_count += 1
    if content and content != candidate.content:
        candidate.content, candidate.rule = content, delta.rule
    candidate.save(update_fields=["seen_count", "content", "rule"])
    _add_evidence(candidate, sources)
    return candidate


def _already_settled(playbook: Playbook, delta: Delta, content: str) -> bool:
    if delta.op is Op.ADD and playbook.bullets.live().filter(content=content).exists():
        return True
    if any(target.startswith(DRAFT) for target in delta.targets):
        return True
    rejected = playbook.candidates.filter(
        status=Candidate.Status.REJECTED, dedup_key=_dedup_key(delta, content)
    )
    return rejected.filter(content=content).exists()


def _dedup_key(delta: Delta, content: str) -> str:
    key = (delta.rule or {}).get("key") or " ".join(content.lower().split())
    said = "|".join([delta.op.value, *sorted(delta.targets), str(key)])
    return hashlib.sha256(said.encode()).hexdigest()


def _add_evidence(candidate: Candidate, sources: Sequence[Source]) -> None:
    Evidence.objects.bulk_create(
        [
            Evidence(
                candidate=candidate,
                kind=source.kind,
                link=source.link,
                group=source.group[:200],
                number=source.number,
                tool=source.tool,
                arguments=dict(source.arguments),
                excerpt=source.excerpt,
                is_error=source.is_error,
                duration_ms=source.duration_ms,
                digest=source.digest,
            )
            for source in sources
        ],
        ignore_conflicts=True,
    )


def _check_seen(candidate: Candidate, seen: str) -> None:
    if seen and candidate.is_pending and seen != digest(candidate.content):
        raise UnableToDecide(
            "Practice saw this lesson again and reworded it while you were reading. "
            "Nothing was decided; read the new wording below."
        )


def _already_decided(candidate: Candidate) -> str:
    candidate.refresh_from_db()
    if candidate.status == Candidate.Status.SUPERSEDED:
        return "The bullet this candidate changes was retired meanwhile. Nothing was decided."
    who = candidate.decided_by.get_username() if candidate.decided_by else "somebody"
    return f"{who} already {candidate.status} this candidate. Nothing was changed."


def _record(candidate: Candidate, by: Any, kind: str, **data: Any) -> None:
    Event.objects.record(
        workspace=candidate.playbook.workspace,
        actor=by,
        kind=kind,
        subject=candidate,
        text=(candidate.decided_content or candidate.content)[:300],
        playbook=candidate.playbook.slug,
        **data,
    )
