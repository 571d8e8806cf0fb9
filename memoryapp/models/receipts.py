"""Who was given which release, and what became of the tasks it was given for."""

from __future__ import annotations

import uuid

from django.db import models


class PullReceipt(models.Model):
    """One pull, or one search in a release.

    Web processes buffer them in Redis; a worker writes them here.

    ``source`` is the process that answered and ``number`` its own count, from 1. A receipt that is
    flushed twice is stored once, and a number that is missing below a source's highest was lost:
    loss is seen, not silent. Receipts are forgotten after a while; ``PullCount`` keeps their sums.
    """

    release = models.ForeignKey(
        "memoryapp.Release", models.CASCADE, related_name="receipts", db_index=False
    )
    key = models.ForeignKey(
        "memoryapp.ApiKey", models.SET_NULL, null=True, blank=True, related_name="receipts"
    )
    agent = models.CharField(max_length=120, blank=True)
    label = models.CharField(max_length=40, blank=True)
    form = models.CharField(max_length=20)
    #: whether the agent held the content already and was told so.
    unchanged = models.BooleanField(default=False)
    pulled_at = models.DateTimeField()
    source = models.UUIDField()
    number = models.PositiveBigIntegerField()

    class Meta:
        ordering = ["-pulled_at", "-pk"]
        indexes = [
            models.Index(fields=["release", "-pulled_at"]),
            # The newest of all releases, and what is old enough to be forgotten.
            models.Index(fields=["-pulled_at", "-id"], name="receipts_newest"),
            # The last pull of one agent, which may poll for weeks.
            models.Index(
                fields=["release", "key", "agent", "-pulled_at"], name="receipts_of_agent"
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["source", "number"], name="one_row_per_receipt")
        ]

    def __str__(self) -> str:
        return f"{self.release} by {self.agent or 'an agent'}"


class PullCount(models.Model):
    """How often a release was pulled by a label on a day; empty is by its number. Kept for good."""

    release = models.ForeignKey("memoryapp.Release", models.CASCADE, related_name="pull_counts")
    label = models.CharField(max_length=40, blank=True)
    day = models.DateField()
    pulls = models.PositiveBigIntegerField(default=0)
    #: of these, by agents that held the content already.
    unchanged = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "label", "day"], name="one_count_per_day")
        ]

    def __str__(self) -> str:
        return f"{self.pulls} pulls of {self.release} on {self.day}"


class ReceiptSource(models.Model):
    """What is known of one thread of a web process: its last number, and how many were stored."""

    source = models.UUIDField(primary_key=True, editable=False)
    highest = models.PositiveBigIntegerField()
    stored = models.PositiveBigIntegerField()
    last_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.stored} of {self.highest}"


class Report(models.Model):
    """What an agent says of one task it did with a release.

    ``task`` is the agent's name for it, among the tasks of its key.
    """

    class Outcome(models.TextChoices):
        UNKNOWN = "", "Not said"
        SUCCESS = "success", "Success"
        FAILURE = "failure", "Failure"

    release = models.ForeignKey(
        "memoryapp.Release", models.CASCADE, related_name="reports", db_index=False
    )
    key = models.ForeignKey(
        "memoryapp.ApiKey", models.SET_NULL, null=True, blank=True, related_name="reports"
    )
    agent = models.CharField(max_length=120, blank=True)
    #: the label the agent was given the release by; empty is by its number, or not known.
    label = models.CharField(max_length=40, blank=True, default="", db_default="")
    task = models.CharField(max_length=200)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(
                fields=["release", "label", "outcome", "created_at"], name="outcomes_by_label"
            )
        ]
        constraints = [
            # Two agents may call their tasks alike. Of people, and of keys that are gone or stayed
            # behind when a workspace was imported, there may be several.
            models.UniqueConstraint(
                fields=["release", "key", "task"], name="one_report_per_task_of_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.task}: {self.outcome or 'not said'}"


class Vote(models.Model):
    """What a report says of one bullet."""

    class Value(models.TextChoices):
        HELPFUL = "helpful", "Helpful"
        HARMFUL = "harmful", "Harmful"
        NEUTRAL = "neutral", "Neutral"

    report = models.ForeignKey(Report, models.CASCADE, related_name="votes", db_index=False)
    bullet = models.ForeignKey("memoryapp.Bullet", models.CASCADE, related_name="votes")
    value = models.CharField(max_length=7, choices=Value.choices)
    evidence = models.CharField(max_length=2_000, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["report", "bullet"], name="one_vote_per_task")
        ]

    def __str__(self) -> str:
        return f"{self.bullet}: {self.value}"


class IdempotentRequest(models.Model):
    """The first answer to a request with an ``Idempotency-Key``, kept for those that repeat it.

    ``status`` is empty while the first one is still being worked on. A body is kept only where the
    answer may be stored at all; one that showed a new key, for instance, is not.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    caller = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    asked = models.CharField(max_length=64, help_text="SHA-256 of method, address and body.")
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    body = models.BinaryField(null=True, blank=True)
    content_type = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="one_answer_per_idempotency_key")
        ]
        indexes = [models.Index(fields=["created_at"])]

    def __str__(self) -> str:
        return self.key
