"""One change to every bullet that a filter of the memory browser matches."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.urls import reverse

from memoryapp.models.bulk_jobs import BulkJob, RowOutcome


class BulkChange(BulkJob):
    """One change to many bullets. ``done_until`` is the key of the last one it reached."""

    class Action(models.TextChoices):
        RETIRE = "retire", "Retire"
        RESTORE = "restore", "Restore"
        MOVE = "move", "Move to a section"
        TAG = "tag", "Add a tag"
        UNTAG = "untag", "Remove a tag"
        UNDO = "undo", "Undo"

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="bulk_changes"
    )
    action = models.CharField(max_length=10, choices=Action.choices)
    query = models.JSONField(help_text="The filter, and the ids that were chosen of it.")
    #: the section or the tag.
    value = models.CharField(max_length=60, blank=True)
    #: the change whose rows this one takes back.
    undoes = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="+")
    done_until = models.UUIDField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.total}"

    def get_absolute_url(self) -> str:
        return reverse("bulk-change-detail", args=[self.pk])

    @property
    def can_be_undone(self) -> bool:
        return self.action != self.Action.UNDO

    def facts(self) -> dict[str, Any]:
        return super().facts() | ({"value": self.value} if self.value else {})


class BulkChangeOutcome(RowOutcome):
    """The outcome of a bulk change for one bullet."""

    bulk = models.ForeignKey(BulkChange, models.CASCADE, related_name="outcomes")
    bullet = models.ForeignKey("memoryapp.Bullet", models.CASCADE, related_name="+")
    #: what undoing brings back: status, section and tags.
    before = models.JSONField(default=dict)
    #: the same afterwards, with the revision; whoever changed the bullet since is spared.
    after = models.JSONField(default=dict)

    class Meta(RowOutcome.Meta):
        constraints = [
            models.UniqueConstraint(fields=["bulk", "bullet"], name="one_outcome_per_bullet")
        ]

    def __str__(self) -> str:
        return f"{self.bullet_id}: {'done' if self.done else self.message}"
