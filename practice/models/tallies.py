"""Counts that are kept as rows change, so that a true total costs the same always."""

from __future__ import annotations

from django.db import models


class AttemptTally(models.Model):
    """Part of a count: the sum over equal keys is the number of attempts there are.

    As ``memoryapp.Tally``: triggers append a part with every statement that changes attempts, for
    the run, for its environment (``run`` empty) and for the workspace (``environment`` empty too).
    """

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.DO_NOTHING, related_name="+", db_constraint=False
    )
    environment = models.ForeignKey(
        "practice.Environment", models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    run = models.ForeignKey(
        "practice.Run", models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    label = models.CharField(max_length=10)
    status = models.CharField(max_length=20)
    outcome = models.CharField(max_length=10)
    is_trial = models.BooleanField()
    amount = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["workspace", "environment", "run"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.label or self.status}"


class ToolTally(models.Model):
    """Part of what practice saw of a tool: the sums over equal keys are ``ToolCounts``, in tasks.

    Triggers append a part with every statement that changes practice records. Who asks for a sum
    reads a row per tool, not every call of every record. ``worked_at`` is when a call of the tool
    worked, the newest one.
    """

    environment = models.ForeignKey(
        "practice.Environment", models.DO_NOTHING, related_name="+", db_constraint=False
    )
    tool = models.CharField(max_length=200)
    practised = models.IntegerField()
    worked = models.IntegerField()
    feasible_worked = models.IntegerField()
    infeasible = models.IntegerField()
    worked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.tool}: {self.practised}"
