"""Counts that are kept as rows change, so that a true total costs the same at any size."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import models
from django.db.models import Sum


class TallyQuerySet(models.QuerySet["Tally"]):
    def within(self, workspace: Any, *, kind: str, playbook: Any = None) -> TallyQuerySet:
        """The counts of one workspace, or of one of its playbooks."""
        return self.filter(workspace=workspace, kind=kind, playbook=playbook)

    def by(self, field: str) -> Counter[str]:
        """Sum the counts per value of one field; values without rows are left out."""
        summed = self.order_by().values_list(field).annotate(total=Sum("amount"))
        return Counter({value: total for value, total in summed if total})

    def total(self) -> int:
        return self.aggregate(total=Sum("amount"))["total"] or 0

    def tokens(self) -> int:
        """The estimated tokens of all rows counted."""
        return self.aggregate(total=Sum("token_sum"))["total"] or 0


class Tally(models.Model):
    """Part of a count: the sum over equal keys is the number of rows there are.

    Database triggers append a part with every statement that changes bullets or candidates, in the
    transaction that changes them, so nobody waits for a lock on a counter; now and then the parts
    of a key are folded into one. Each part is written for its playbook and, with ``playbook``
    empty, for the whole workspace.
    """

    class Kind(models.TextChoices):
        BULLET = "bullet", "Bullet"
        CANDIDATE = "candidate", "Candidate"

    class Use(models.TextChoices):
        """What is known of a bullet's use. Candidates keep their operation in this column."""

        LIVE = "live", "Reported by agents"
        PRACTICE = "practice", "Seen in practice only"
        NEVER = "never", "Never used"

    # No constraints: when a playbook goes, its parts are written after it was deleted.
    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.DO_NOTHING, related_name="+", db_constraint=False
    )
    playbook = models.ForeignKey(
        "memoryapp.Playbook", models.DO_NOTHING, null=True, related_name="+", db_constraint=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    status = models.CharField(max_length=10)
    section = models.CharField(max_length=60)
    use = models.CharField(max_length=10)
    amount = models.IntegerField()
    token_sum = models.BigIntegerField(default=0)

    objects = TallyQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["workspace", "playbook", "kind"])]

    def __str__(self) -> str:
        return f"{self.amount} {self.kind} {self.status}"
