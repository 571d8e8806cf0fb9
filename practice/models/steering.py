"""What operators tell the proposer of an environment."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class SteeringQuerySet(models.QuerySet["Steering"]):
    def standing(self) -> SteeringQuerySet:
        """Wishes nobody has ended."""
        return self.filter(ended_at=None)


class Steering(models.Model):
    """One wish for the rounds to come. Ending it keeps the row."""

    class Kind(models.TextChoices):
        FOCUS = "focus", "Practise this tool"
        AVOID = "avoid", "Leave this tool alone"
        SEED_TASK = "seed_task", "Begin from this task"

    class Origin(models.TextChoices):
        OPERATOR = "operator", "Operator"
        DRIFT = "drift", "Drift watch"

    environment = models.ForeignKey("practice.Environment", models.CASCADE, related_name="steering")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    tool = models.CharField(max_length=200, blank=True)
    instruction = models.TextField(blank=True)
    note = models.CharField(max_length=300, blank=True)
    #: drift watch: the tool as it was before it changed, with its ``schema_hash``.
    was = models.JSONField(default=dict, blank=True, db_default={})
    origin = models.CharField(max_length=10, choices=Origin.choices, default=Origin.OPERATOR)
    #: the task that was practised for a seed task.
    task = models.ForeignKey(
        "practice.PracticeTask", models.SET_NULL, null=True, blank=True, related_name="seeded_by"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = SteeringQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "tool"],
                condition=Q(ended_at=None) & ~Q(tool=""),
                name="one_standing_wish_per_tool",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.tool or self.instruction[:80]}"
