"""Attempts made to find something out: the memory they were given, lessons and experiments."""

from __future__ import annotations

from django.db import models
from django.urls import reverse

from memoryapp.domain.playbook import Delta, Op


class Arm(models.Model):
    """The memory a trial was given: the same task is tried under several arms.

    ``playbook`` is a list of frozen bullets, as in ``Round.playbook``.
    """

    class Kind(models.TextChoices):
        NONE = "none", "No memory"
        RELEASE = "release", "Release"
        DRAFT = "draft", "Approved now"
        MASKED = "masked", "One bullet masked"
        LESSON = "lesson", "With the lesson"
        BEFORE = "before", "Before the change"
        AFTER = "after", "After the change"
        HELD_OUT = "held_out", "Held-out score"

    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="arms")
    lesson = models.ForeignKey(
        "practice.Lesson", models.CASCADE, null=True, blank=True, related_name="arms"
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    name = models.CharField(max_length=120)
    #: the label of the bullet that was taken out of a masked arm.
    masked = models.CharField(max_length=80, blank=True)
    playbook = models.JSONField(default=list)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "lesson", "kind", "name"],
                nulls_distinct=False,
                name="one_arm_per_name",
            )
        ]

    def __str__(self) -> str:
        return self.name


class Lesson(models.Model):
    """A proposed operation that has to prove itself before it is asked for in review."""

    class Kind(models.TextChoices):
        LEARNED = "learned", "Learned in practice"
        CONSOLIDATION = "consolidation", "Consolidation"

    class Status(models.TextChoices):
        TESTING = "testing", "Being tested"
        KEPT = "kept", "Kept"
        REFUTED = "refuted", "Refuted"
        UNTESTED = "untested", "Could not be tested"

    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="lessons")
    round = models.PositiveIntegerField()
    number = models.PositiveIntegerField()
    attempt = models.ForeignKey(
        "practice.Attempt", models.CASCADE, null=True, blank=True, related_name="lessons"
    )
    kind = models.CharField(max_length=14, choices=Kind.choices)
    op = models.CharField(max_length=6)
    section = models.CharField(max_length=60, blank=True)
    content = models.TextField(blank=True)
    rule = models.JSONField(null=True, blank=True)
    targets = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    evidence = models.JSONField(default=list)
    wins_needed = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.TESTING)
    #: counts of the trials, e.g. {"wins": 2, "trials": 2} or {"before": [2, 5], "after": [4, 5]}.
    result = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    candidate = models.ForeignKey(
        "memoryapp.Candidate", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "round", "kind", "number"], name="one_lesson_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.op} {self.content[:80]}"

    def as_delta(self) -> Delta:
        return Delta(
            op=Op(self.op),
            section=self.section,
            content=self.content,
            targets=tuple(self.targets),
            reason=self.reason,
            evidence=tuple(self.evidence),
            rule=self.rule,
        )


class Experiment(models.Model):
    """Held-out tasks tried with and without memory. Its run does the work (``RunKind``)."""

    run = models.OneToOneField("practice.Run", models.CASCADE, related_name="experiment")
    release = models.ForeignKey(
        "memoryapp.Release", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: SHA-256 (hex) of the bullets that were measured.
    digest = models.CharField(max_length=64, blank=True)
    #: labels of the bullets that are masked one at a time.
    masked = models.JSONField(default=list)
    is_gate = models.BooleanField(default=False)
    #: None until the run has ended, or where it does not gate.
    passed = models.BooleanField(null=True, blank=True)
    result = models.JSONField(default=dict)

    def __str__(self) -> str:
        return str(self.run)

    def get_absolute_url(self) -> str:
        return reverse("experiment-detail", args=[self.run.number])
