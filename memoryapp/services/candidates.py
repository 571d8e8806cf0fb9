"""Putting candidates up for review.

The second of the two gates: the validator decided what may be proposed; a person, or a policy that
is recorded as such, decides what is remembered (``decisions.py``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from memoryapp.domain.formats import digest
from memoryapp.domain.json_texts import texts_in
from memoryapp.domain.playbook import CONTENT_MOST, Delta, Op
from memoryapp.domain.provenance import Trust, trust_of_origin, weakest
from memoryapp.domain.text import cleaned
from memoryapp.domain.webhooks import REVIEW_WAITING
from memoryapp.models import Candidate, Delivery, Evidence, Playbook, Trail, Webhook
from memoryapp.services.decisions import (
    admit_by_policy,
    candidate_approve,
    candidate_reject,
    candidate_undo,
)

__all__ = [
    "Origin",
    "Source",
    "Steps",
    "candidate_approve",
    "candidate_reject",
    "candidate_submit",
    "candidate_undo",
    "is_settled",
]

DRAFT = "draft-"
#: what a lesson quotes: a value with a digit in it, and what a tool answered.
_EXAMPLE = re.compile(r"`[^`]*\d[^`]*`|\"[^\"]*\"")


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
class Steps:
    """All steps of one trajectory as lines, cited or not; the shape is ``Trail.steps``."""

    link: str
    lines: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Origin:
    """The job a candidate came from."""

    kind: str
    link: str
    name: str
    #: the name of the environment it works in, where it does.
    environment: str = ""
    #: whether what it saw was sent from elsewhere, such as the trajectories of deployed agents.
    is_outside: bool = False
    #: whether anything it saw hides characters or gives instructions to a model, cited or not.
    is_suspicious: bool = False

    @property
    def trust(self) -> Trust:
        if self.is_suspicious:
            return Trust.QUARANTINED
        return Trust.OUTSIDE if self.is_outside else trust_of_origin(self.kind)


def candidate_submit(
    *,
    playbook_id: int,
    delta: Delta,
    origin: Origin,
    sources: Sequence[Source],
    scores: Mapping[str, Any],
    trails: Sequence[Steps] = (),
) -> Candidate | None:
    """Put an operation into the review queue; where the playbook's policy admits it, decide it.

    The same lesson seen again adds its evidence to the waiting candidate. A lesson that a person
    rejected in the same words, examples aside, is not asked again, and a text too long for a bullet
    (``domain.playbook.check_length``) is never one. Returns ``None`` where nothing was added.
    """
    with transaction.atomic():
        playbook = Playbook.objects.select_for_update(no_key=True).get(pk=playbook_id)
        content = cleaned(delta.content)
        if len(content) > CONTENT_MOST:
            return None
        waiting = _waiting_twin(playbook, delta, content)
        if waiting is not None:
            trust = _trust(delta, origin, [Trust(waiting.trust)], sources, trails)
            return _seen_again(waiting, delta, content, sources, trails, trust)
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
            reason=cleaned(delta.reason),
            dedup_key=_dedup_key(delta, content),
            origin_kind=origin.kind,
            origin_link=origin.link,
            origin_name=origin.name,
            origin_environment=origin.environment[:200],
            scores=dict(scores),
            trust=_trust(delta, origin, [row.trust for row in targets], sources, trails),
            proposed_against={bullet.label: bullet.revision_count for bullet in targets},
        )
        candidate.targets.set(targets)
        _add_evidence(candidate, sources, trails)
        admit_by_policy(candidate, playbook)
        _tell_reviewers(candidate, playbook)
        return candidate


def is_settled(playbook: Playbook, delta: Delta) -> bool:
    """Whether a change of the same bullets waits for a decision, or was rejected in these words."""
    same = playbook.candidates.pending().filter(op=delta.op.value).prefetch_related("targets")
    wanted = set(delta.targets)
    return any({t.label for t in row.targets.all()} == wanted for row in same) or _already_settled(
        playbook, delta, cleaned(delta.content)
    )


def _tell_reviewers(candidate: Candidate, playbook: Playbook) -> None:
    """Queue one message per playbook that something waits, however much a run proposes at once."""
    told = Webhook.objects.wanting(playbook.workspace, REVIEW_WAITING)
    if not told.exists() or not Candidate.objects.pending().filter(pk=candidate.pk).exists():
        return
    Delivery.objects.queue(
        workspace=playbook.workspace,
        kind=REVIEW_WAITING,
        collapse=playbook.slug,
        data={
            "playbook": playbook.slug,
            "waiting": playbook.candidates.pending().count(),
            "newest": candidate.content[:300],
            "link": f"{settings.PUBLIC_URL}{reverse('review')}?playbook={playbook.slug}",
        },
    )


def _waiting_twin(playbook: Playbook, delta: Delta, content: str) -> Candidate | None:
    pending = playbook.candidates.pending()
    draft = next((t for t in delta.targets if t.startswith(DRAFT)), None)
    if draft is not None:
        prefix = draft.removeprefix(DRAFT)
        return next((c for c in pending if c.pk.hex.startswith(prefix)), None)
    return pending.filter(dedup_key=_dedup_key(delta, content)).first()


def _trust(
    delta: Delta,
    origin: Origin,
    lineage: Sequence[int],
    sources: Sequence[Source],
    trails: Sequence[Steps],
) -> Trust:
    """What everything it rests on comes to, read before hidden characters are taken out."""
    texts = [delta.content, delta.reason]
    for source in sources:
        texts += [source.excerpt, *texts_in(source.arguments)]
    for trail in trails:
        texts += texts_in(list(trail.lines))
    return weakest(origin.trust, lineage, texts)


def _seen_again(
    candidate: Candidate,
    delta: Delta,
    content: str,
    sources: Sequence[Source],
    trails: Sequence[Steps],
    trust: Trust,
) -> Candidate:
    candidate.seen_count += 1
    candidate.trust = trust
    if content and content != candidate.content:
        candidate.content, candidate.rule = content, delta.rule
    candidate.save(update_fields=["seen_count", "content", "rule", "trust"])
    _add_evidence(candidate, sources, trails)
    return candidate


def _already_settled(playbook: Playbook, delta: Delta, content: str) -> bool:
    if delta.op is Op.ADD and playbook.bullets.live().filter(content=content).exists():
        return True
    if any(target.startswith(DRAFT) for target in delta.targets):
        return True
    rejected = playbook.candidates.filter(
        status=Candidate.Status.REJECTED, dedup_key=_dedup_key(delta, content)
    )
    told = rejected.values_list("content", flat=True)
    return any(_without_examples(text) == _without_examples(content) for text in told)


def _without_examples(content: str) -> str:
    """Return a lesson without the values and words it quotes.

    Practice proves one rule (the ``dedup_key`` is of its rule) by another example each time, and a
    person who rejected it did not reject the example.
    """
    return _EXAMPLE.sub("…", content)


def _dedup_key(delta: Delta, content: str) -> str:
    key = (delta.rule or {}).get("key") or " ".join(content.lower().split())
    said = "|".join([delta.op.value, *sorted(delta.targets), str(key)])
    return hashlib.sha256(said.encode()).hexdigest()


def _add_evidence(candidate: Candidate, sources: Sequence[Source], trails: Sequence[Steps]) -> None:
    Trail.objects.bulk_create(
        [
            Trail(candidate=candidate, link=trail.link, steps=[dict(line) for line in trail.lines])
            for trail in trails
        ],
        ignore_conflicts=True,
    )
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
