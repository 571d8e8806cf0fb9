"""Labelled sets and their replays: how well causes are found, measured inside the product."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from practice.domain.replays import Kind
from practice.models.work import Reading, Work, WorkQuerySet


class CaseSetQuerySet(WorkQuerySet["CaseSet"]):
    def light(self) -> CaseSetQuerySet:
        """Without the bytes and the labels, for lists."""
        return self.defer("archive", "truths")


class CaseSet(Reading):
    """An uploaded set in the neutral layout. The engine never sees ``truths``, its labels.

    ``archive`` is as it was sent: a worker unpacks and reads it, and names it after the folder in
    it unless ``is_named``: somebody has given it a name.
    """

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="case_sets")
    name = models.CharField(max_length=100)
    is_named = models.BooleanField(default=False, db_default=False)
    kind = models.CharField(
        max_length=12,
        choices=[(kind.value, kind.value.capitalize()) for kind in Kind],
        default=Kind.TELEMETRY.value,
        db_default=Kind.TELEMETRY.value,
    )
    digest = models.CharField(max_length=64)
    archive = models.BinaryField()
    size = models.PositiveBigIntegerField()
    cases = models.JSONField(default=list)
    truths = models.JSONField(default=dict)
    last_replay = models.PositiveIntegerField(
        default=0, db_default=0, help_text="The highest number of a replay that was deleted."
    )

    objects = CaseSetQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "digest"], name="one_row_per_case_set")
        ]

    def __str__(self) -> str:
        return self.name


class Replay(models.Model):
    """One replay of a set. ``result`` holds the figures of each variant once all cases ended."""

    case_set = models.ForeignKey(CaseSet, models.CASCADE, related_name="replays")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100, blank=True, default="", db_default="")
    variants = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    passed = models.BooleanField(null=True)
    is_baseline = models.BooleanField(default=False)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["case_set", "number"], name="one_replay_number"),
            models.UniqueConstraint(
                fields=["case_set"],
                condition=models.Q(is_baseline=True),
                name="one_baseline_per_case_set",
            ),
        ]

    def __str__(self) -> str:
        said = f"{self.case_set} replay {self.number}"
        return f"{said}, {self.name}" if self.name else said

    def get_absolute_url(self) -> str:
        return reverse("replay-detail", args=[self.pk])

    @property
    def state(self) -> str:
        if self.cancelled_at:
            return "cancelled"
        return "finished" if self.ended_at else "running"


class ReplayCase(Work):
    """One case under one variant: a piece of work and its answer.

    ``answer`` has ``replayed`` (an ``evaluation.Replayed``), ``model_calls`` and, of a trajectory,
    its ``steps`` as ``trajectory_cases.told_of_steps`` gives them.
    """

    replay = models.ForeignKey(Replay, models.CASCADE, related_name="cases")
    variant = models.CharField(max_length=40)
    case_id = models.CharField(max_length=200)
    answer = models.JSONField(null=True, blank=True)

    objects = WorkQuerySet["ReplayCase"].as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["status", "dispatched_at"])]
        constraints = [
            models.UniqueConstraint(
                fields=["replay", "variant", "case_id"], name="one_row_per_replayed_case"
            )
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.variant}"

    @property
    def ranked(self) -> list[Any]:
        return list((self.answer or {}).get("ranked", ()))
