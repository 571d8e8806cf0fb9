"""How people share the review queue: policies, votes, notes and who is reading what."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.urls import reverse

from memoryapp.domain import review
from memoryapp.models.bulk_jobs import BulkJob, RowOutcome


class ReviewPolicy(models.Model):
    """Who or what may admit candidates to a playbook. A change is a new row; the newest stands."""

    playbook = models.ForeignKey(
        "memoryapp.Playbook", models.CASCADE, related_name="review_policies"
    )
    number = models.PositiveIntegerField()
    reviewers = models.PositiveSmallIntegerField(
        default=1, help_text="How many people have to agree."
    )
    protected_labels = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    protected_reviewers = models.PositiveSmallIntegerField(default=2)
    admit_from = models.FloatField(
        null=True, blank=True, help_text="Validator confidence from which nobody is asked."
    )
    audit_share = models.FloatField(default=0.1, help_text="Of what was admitted so, 0 to 1.")
    blind_share = models.FloatField(default=0.0, help_text="Of what people decide, 0 to 1.")
    reason = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["playbook", "number"], name="one_policy_number")
        ]

    def __str__(self) -> str:
        return f"Policy {self.number}"

    def as_value(self) -> review.Policy:
        return review.Policy(
            reviewers=self.reviewers,
            protected_labels=tuple(self.protected_labels),
            protected_reviewers=self.protected_reviewers,
            admit_from=self.admit_from,
            audit_share=self.audit_share,
            blind_share=self.blind_share,
        )


class ReviewVote(models.Model):
    """What one person decided on a candidate. The word of several may be needed."""

    class Decision(models.TextChoices):
        APPROVED = review.Status.APPROVED.value, "Approved"
        REJECTED = review.Status.REJECTED.value, "Rejected"

    candidate = models.ForeignKey("memoryapp.Candidate", models.CASCADE, related_name="votes")
    reviewer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    decision = models.CharField(max_length=10, choices=Decision.choices)
    #: the wording that was approved, as it would be stored.
    content = models.TextField(blank=True)
    reason = models.CharField(max_length=300, blank=True)
    #: cast before the validator's verdict was shown.
    blind = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        indexes = [models.Index(fields=["reviewer", "created_at"], name="votes_of_reviewer")]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "reviewer"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="one_standing_vote_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.decision} by {self.reviewer}"


class Note(models.Model):
    """What a reviewer leaves for the next one. Written once."""

    candidate = models.ForeignKey("memoryapp.Candidate", models.CASCADE, related_name="notes")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.text[:80]


class Reservation(models.Model):
    """The candidate a member is reading now, so that nobody reads the same one. It runs out."""

    membership = models.OneToOneField(
        "memoryapp.Membership", models.CASCADE, related_name="reservation"
    )
    candidate = models.ForeignKey(
        "memoryapp.Candidate", models.CASCADE, related_name="reservations"
    )
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.candidate_id} until {self.expires_at:%H:%M}"


class Trail(models.Model):
    """All steps of a trajectory that evidence comes from, a line each: what was not cited too.

    ``steps`` are objects with ``number``, ``tool``, ``arguments`` (one line of text), ``said``
    (its first line), ``is_error``, ``started_ms``, ``duration_ms``, ``tokens`` and,
    where somebody knows it, ``cost`` (US dollars, as a text).
    """

    candidate = models.ForeignKey(
        "memoryapp.Candidate", models.CASCADE, related_name="trails", db_index=False
    )
    link = models.CharField(max_length=300)
    steps = models.JSONField()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["candidate", "link"], name="one_trail_per_trajectory")
        ]

    def __str__(self) -> str:
        return self.link


class BulkDecision(BulkJob):
    """One decision about many candidates. ``done_until`` is a place in the order of the queue."""

    class Action(models.TextChoices):
        APPROVE = "approve", "Approve"
        REJECT = "reject", "Reject"
        ASSIGN = "assign", "Assign"
        UNDO = "undo", "Undo"

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="bulk_decisions"
    )
    action = models.CharField(max_length=10, choices=Action.choices)
    query = models.JSONField(help_text="The filter, or the ids that were chosen.")
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: the bulk decision whose rows this one takes back.
    undoes = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="+")
    done_until = models.JSONField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.total}"

    def get_absolute_url(self) -> str:
        return reverse("review-bulk-detail", args=[self.pk])

    @property
    def can_be_undone(self) -> bool:
        return self.action in {self.Action.APPROVE, self.Action.REJECT}


class BulkOutcome(RowOutcome):
    """The outcome of a bulk decision for one candidate."""

    bulk = models.ForeignKey(BulkDecision, models.CASCADE, related_name="outcomes")
    candidate = models.ForeignKey("memoryapp.Candidate", models.CASCADE, related_name="+")

    class Meta(RowOutcome.Meta):
        constraints = [
            models.UniqueConstraint(fields=["bulk", "candidate"], name="one_outcome_per_candidate")
        ]

    def __str__(self) -> str:
        return f"{self.candidate_id}: {'done' if self.done else self.message}"
