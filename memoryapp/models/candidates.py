"""Candidates: what practice or a person proposes, and the evidence it rests on."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from memoryapp.domain import review
from memoryapp.domain.playbook import Delta, Op


class CandidateQuerySet(models.QuerySet["Candidate"]):
    def pending(self) -> CandidateQuerySet:
        return self.filter(status=review.Status.PENDING)

    def in_queue_order(self) -> CandidateQuerySet:
        """Oldest first, so that nothing starves; the id breaks ties for next and previous."""
        return self.order_by("created_at", "pk")


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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="candidates")
    op = models.CharField(max_length=6, choices=[(op.value, op.value.title()) for op in Op])
    section = models.CharField(max_length=60, blank=True)
    content = models.TextField(blank=True)
    rule = models.JSONField(null=True, blank=True)
    targets = models.ManyToManyField("memoryapp.Bullet", blank=True, related_name="candidates")
    reason = models.TextField(blank=True)
    #: equal keys are the same lesson: a second sighting adds evidence instead of a second row.
    dedup_key = models.CharField(max_length=64, blank=True)
    seen_count = models.PositiveIntegerField(default=1)
    origin_kind = models.CharField(max_length=20, blank=True)
    origin_link = models.CharField(max_length=300, blank=True)
    origin_name = models.CharField(max_length=200, blank=True)
    scores = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=300, blank=True)
    decided_content = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CandidateQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["playbook", "status", "created_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["playbook", "dedup_key"],
                condition=models.Q(status="pending") & ~models.Q(dedup_key=""),
                name="one_waiting_candidate_per_lesson",
            )
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.section}"

    def get_absolute_url(self) -> str:
        return f"{reverse('review')}?candidate={self.pk}"

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING

    def as_delta(self, content: str | None = None) -> Delta:
        """Return the operation; with ``content`` the operator's text replaces it and its rule."""
        edited = content is not None and content.strip() != self.content.strip()
        return Delta(
            op=Op(self.op),
            section=self.section,
            content=content if content is not None else self.content,
            targets=tuple(self.targets.order_by("label").values_list("label", flat=True)),
            reason=self.reason,
            rule=None if edited else self.rule,
        )

    def decide(
        self, decision: review.Status, *, by: Any, at: datetime, reason: str, content: str
    ) -> bool:
        """Move from pending to ``decision``. False when somebody else was faster."""
        moved = (
            type(self)
            .objects.filter(pk=self.pk, status=self.Status.PENDING)
            .update(
                status=decision.value,
                decided_by=by,
                decided_at=at,
                decision_reason=reason,
                decided_content=content,
            )
        )
        if moved:
            self.refresh_from_db()
        return bool(moved)

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
            )
        )
        if moved:
            self.refresh_from_db()
        return bool(moved)


class Evidence(models.Model):
    """One observed step a candidate rests on: a link to it and what it said."""

    candidate = models.ForeignKey(Candidate, models.CASCADE, related_name="evidence")
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
        constraints = [
            models.UniqueConstraint(fields=["candidate", "digest"], name="one_row_per_evidence")
        ]

    def __str__(self) -> str:
        return f"{self.group} step {self.number}"
