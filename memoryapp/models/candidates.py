"""Candidates: what practice or a person proposes, and the evidence it rests on."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Left
from django.urls import reverse

from memoryapp.domain import review
from memoryapp.domain.playbook import Delta, Op
from memoryapp.domain.provenance import Trust
from memoryapp.domain.retrieval import bands

#: A search vector holds at most 1 MB; words beyond this many characters are not searched.
SEARCHED = SearchVector(Left("content", 100_000), config="simple")


class CandidateQuerySet(models.QuerySet["Candidate"]):
    def pending(self) -> CandidateQuerySet:
        return self.filter(status=review.Status.PENDING)

    def in_queue_order(self) -> CandidateQuerySet:
        """Oldest first, so that nothing starves; the id breaks ties for next and previous."""
        return self.order_by("created_at", "pk")

    def nearly_like(self, candidate: Candidate) -> CandidateQuerySet:
        """Waiting candidates of the same playbook that may say nearly the same; to be compared.

        Ordered by something no index gives, so that they are found by their bands.
        """
        waiting = self.pending().filter(playbook=candidate.playbook_id, op=candidate.op)
        found = waiting.filter(bands__overlap=candidate.bands or []).exclude(pk=candidate.pk)
        return found.order_by("-seen_count", "pk")


class Candidate(models.Model):
    """One operation on a playbook that waits for, or has had, a person's decision.

    ``origin`` names the job it came from (kind, link, name) and ``scores`` are the validator's;
    both are values, so that memoryapp never learns what a trajectory is.
    """

    class Status(models.TextChoices):
        PENDING = review.Status.PENDING.value, "Waiting"
        APPROVED = review.Status.APPROVED.value, "Approved"
        REJECTED = review.Status.REJECTED.value, "Rejected"
        SUPERSEDED = review.Status.SUPERSEDED.value, "Superseded"

    class Audit(models.TextChoices):
        """A sampled decision of a policy that a person looks at again."""

        DUE = "due", "Audit due"
        UPHELD = "upheld", "Upheld"
        OVERTURNED = "overturned", "Overturned"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: the playbook's, kept here so that the queue of a workspace is one range of one index.
    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="+", db_index=False
    )
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="candidates")
    op = models.CharField(max_length=6, choices=[(op.value, op.value.title()) for op in Op])
    section = models.CharField(max_length=60, blank=True)
    content = models.TextField(blank=True)
    rule = models.JSONField(null=True, blank=True)
    targets = models.ManyToManyField("memoryapp.Bullet", blank=True, related_name="candidates")
    reason = models.TextField(blank=True)
    #: equal keys are the same lesson: a second sighting adds evidence instead of a second row.
    dedup_key = models.CharField(max_length=64, blank=True)
    #: by these nearly equal texts are found; kept with the text.
    bands = ArrayField(models.IntegerField(), null=True, editable=False)
    seen_count = models.PositiveIntegerField(default=1)
    origin_kind = models.CharField(max_length=20, blank=True)
    origin_link = models.CharField(max_length=300, blank=True)
    origin_name = models.CharField(max_length=200, blank=True)
    #: the name of the environment it was learned in; empty where it was in none.
    origin_environment = models.CharField(max_length=200, blank=True, default="", db_default="")
    scores = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    decided_content = models.TextField(blank=True)
    #: the policy that decided where no person did.
    policy = models.ForeignKey(
        "memoryapp.ReviewPolicy", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    audit = models.CharField(max_length=10, choices=Audit.choices, blank=True)
    #: the decision that made this one pointless; undoing it brings this one back.
    superseded_by = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="supersedes"
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: target label to the revision it had when this was proposed.
    proposed_against = models.JSONField(default=dict, blank=True)
    #: a level of ``domain.provenance.Trust``: the weakest of what it rests on.
    trust = models.PositiveSmallIntegerField(default=int(Trust.PRACTICE), db_default=2)
    #: the validator's, 0 to 1, out of ``scores``: policies are replayed over it.
    confidence = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CandidateQuerySet.as_manager()

    class Meta:
        # Each list is read in queue order straight from an index, whatever it is narrowed by.
        indexes = [
            models.Index(
                fields=["workspace", "status", "created_at", "id"], name="queue_of_workspace"
            ),
            models.Index(
                fields=["playbook", "status", "created_at", "id"], name="queue_of_playbook"
            ),
            models.Index(
                fields=["workspace", "status", "section", "created_at", "id"],
                name="queue_of_section",
            ),
            models.Index(
                fields=["workspace", "status", "op", "created_at", "id"], name="queue_of_op"
            ),
            models.Index(
                fields=["workspace", "origin_name", "status", "created_at", "id"],
                name="queue_of_origin",
            ),
            models.Index(
                fields=["assigned_to", "status", "created_at", "id"],
                condition=models.Q(assigned_to__isnull=False),
                name="queue_of_person",
            ),
            models.Index(
                fields=["workspace", "audit", "created_at", "id"],
                condition=~models.Q(audit=""),
                name="queue_of_audits",
            ),
            models.Index(
                fields=["decided_by", "decided_at"],
                condition=models.Q(decided_at__isnull=False),
                name="decided_by_person",
            ),
            models.Index(fields=["playbook", "confidence"], name="candidate_confidence"),
            GinIndex(SEARCHED, name="candidate_words"),
            GinIndex(
                fields=["bands"], condition=models.Q(status="pending"), name="candidate_bands"
            ),
            models.Index(fields=["origin_link"], name="candidate_origin"),
            models.Index(
                fields=["workspace", "origin_environment", "-created_at"], name="newest_of_world"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["playbook", "dedup_key"],
                condition=models.Q(status="pending") & ~models.Q(dedup_key=""),
                name="one_waiting_candidate_per_lesson",
            )
        ]

    #: label of the bullet that approving it has made or brought back, on this very object.
    made_label = ""

    def __str__(self) -> str:
        return f"{self.op} {self.section}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding:
            self.workspace_id = self.playbook.workspace_id
            sure = self.scores.get("confidence")
            self.confidence = float(sure) if isinstance(sure, int | float) else None
        changed = kwargs.get("update_fields")
        if changed is None or "content" in changed:
            self.bands = bands(self.content)
            kwargs["update_fields"] = None if changed is None else [*changed, "bands"]
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return f"{reverse('review')}?candidate={self.pk}"

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    @property
    def is_merged(self) -> bool:
        """Whether a person put it together with another that says the same."""
        superseded = self.status == self.Status.SUPERSEDED
        return superseded and self.superseded_by_id is not None and self.decided_at is not None

    @property
    def may_be_undone(self) -> bool:
        return self.status in review.UNDOABLE or self.is_merged

    def is_drawn_blind(self, share: float) -> bool:
        """Whether it is one of the share that is decided before the verdict is shown.

        What a policy had admitted is not: who reads that knows what the verdict was.
        """
        return not self.audit and review.sampled(str(self.pk), share, "blind")

    def shown(self) -> str:
        """Return the digest of what a reviewer is shown: the proposal, its targets as they are."""
        targets = self.targets.all()
        return review.shown(self.content, [(row.label, row.revision_count) for row in targets])

    def as_delta(self, content: str | None = None) -> Delta:
        """Return the operation; with ``content`` the operator's text replaces it and its rule."""
        edited = content is not None and content.strip() != self.content.strip()
        return Delta(
            op=Op(self.op),
            section=self.section,
            content=content if content is not None else self.content,
            targets=tuple(sorted(row.label for row in self.targets.all())),
            reason=self.reason,
            rule=None if edited else self.rule,
        )

    def decide(
        self,
        decision: review.Status,
        *,
        by: Any,
        at: datetime,
        reason: str,
        content: str,
        policy: Any = None,
        audit: str = "",
    ) -> bool:
        """Move from pending to ``decision``. False when somebody else was faster.

        ``by`` is ``None`` where ``policy`` decided, and ``audit`` then says whether it was drawn. A
        person's decision leaves the outcome of an earlier audit as it is.
        """
        decided: dict[str, Any] = {
            "status": decision.value,
            "decided_by": by,
            "decided_at": at,
            "decision_reason": reason,
            "decided_content": content,
            "policy": policy,
        }
        if policy is not None:
            decided["audit"] = audit
        waiting = type(self).objects.filter(pk=self.pk, status=self.Status.PENDING)
        if not waiting.update(**decided):
            return False
        for name, value in decided.items():
            setattr(self, name, value)
        return True

    def reopen(self) -> bool:
        """Put a decided candidate back into the queue. False when it is not decided any more."""
        moved = (
            type(self)
            .objects.filter(pk=self.pk, status__in=review.UNDOABLE)
            .update(
                status=self.Status.PENDING,
                decided_by=None,
                decided_at=None,
                decision_reason="",
                decided_content="",
                policy=None,
                # A sampled decision of a policy that a person undoes was overturned.
                audit=models.Case(
                    models.When(audit="", then=models.Value("")),
                    default=models.Value(self.Audit.OVERTURNED.value),
                ),
            )
        )
        if moved:
            self.refresh_from_db()
        return bool(moved)


def load_targets(candidates: Iterable[Candidate], lookup: Any = "targets") -> None:
    """Read the targets of all at once, as ``lookup`` says; what adds a bullet has none."""
    aimed = []
    # One for all: Django writes a statement even for nothing, and would for each of them.
    none = Candidate.targets.rel.model._default_manager.none()
    for row in candidates:
        if row.op == Op.ADD:
            vars(row).setdefault("_prefetched_objects_cache", {})["targets"] = none
        else:
            aimed.append(row)
    models.prefetch_related_objects(aimed, lookup)


class Evidence(models.Model):
    """One observed step a candidate rests on: a link to it and what it said."""

    candidate = models.ForeignKey(
        Candidate, models.CASCADE, related_name="evidence", db_index=False
    )
    kind = models.CharField(max_length=20, default="step")
    link = models.CharField(max_length=300, blank=True)
    group = models.CharField(max_length=200, blank=True, help_text="The task it belongs to.")
    number = models.PositiveIntegerField(default=0)
    tool = models.CharField(max_length=200, blank=True)
    arguments = models.JSONField(default=dict, blank=True)
    excerpt = models.TextField(blank=True)
    is_error = models.BooleanField(default=False)
    duration_ms = models.PositiveIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            # Found by the page its link begins with.
            models.Index(OpClass("link", name="varchar_pattern_ops"), name="evidence_page"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["candidate", "digest"], name="one_row_per_evidence")
        ]

    def __str__(self) -> str:
        return f"{self.group} step {self.number}"
