"""Filters of a list that somebody keeps under a name."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class SavedView(models.Model):
    """A name for the query string of one list; shared ones are seen by the whole workspace."""

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="saved_views")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", null=True, blank=True
    )
    page = models.CharField(max_length=40, help_text="The name of the list's address.")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    is_shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "owner", "page", "name"], name="one_view_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name
