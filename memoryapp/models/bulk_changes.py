"""One change to every bullet that a filter of the memory browser matches."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.urls import reverse


class BulkChange(models.Model):
    """One change to many bullets, carried out row by row.

    It covers what matched and was there when it was asked for. ``done_until`` is the key of the
    last bullet it came to, so it can be continued after any interruption.
    """

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
    reason = models.CharField(max_length=300, blank=True)
    #: the change whose rows this one takes back.
    undoes = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="+")
    total = models.PositiveIntegerField()
    done_until = models.UUIDField(null=True, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.get_action_display()} {self.total}"

    def get_absolute_url(self) -> str:
        return reverse("bulk-change-detail", args=[self.pk])


class BulkChangeOutcome(models.Model):
    """What a bulk change came to for one bullet."""

    bulk = models.ForeignKey(BulkChange, models.CASCADE, related_name="outcomes")
    bullet = models.ForeignKey("memoryapp.Bullet", models.CASCADE, related_name="+")
    done = models.BooleanField()
    #: why it was not done; the bullet is as it was.
    message = models.CharField(max_length=500, blank=True)
    #: what undoing brings back: status, section and tags.
    before = models.JSONField(default=dict)
    #: the same afterwards, with the revision; whoever changed the bullet since is spared.
    after = models.JSONField(default=dict)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["bulk", "bullet"], name="one_outcome_per_bullet")
        ]

    def __str__(self) -> str:
        return f"{self.bullet_id}: {'done' if self.done else self.message}"
