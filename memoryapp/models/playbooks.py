"""A playbook: what one kind of agent is given before it works."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.functional import cached_property

from memoryapp.domain import playbook as domain


class Playbook(models.Model):
    """The row that bullets hang on. ``counters`` remembers the last label number of each section.

    It is the lock of its bullets: every change takes it with ``select_for_update`` first, so there
    is a single writer per playbook, and two that change several bullets cannot deadlock. Whoever
    changes bullets of several playbooks locks them in ascending order of their keys.
    """

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="playbooks")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=64)
    description = models.CharField(max_length=300, blank=True)
    token_budget = models.PositiveIntegerField(default=8_000, help_text="0 means no limit.")
    counters = models.JSONField(default=dict, blank=True)
    requires_evaluation = models.BooleanField(
        default=False, help_text="Publish only what passed an evaluation."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="one_slug_per_workspace")
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("playbook-detail", args=[self.slug])

    @cached_property
    def label_names(self) -> list[str]:
        """The names agents pull this playbook by."""
        return list(self.labels.values_list("name", flat=True))

    @cached_property
    def standing_policy(self) -> Any:
        """The ``ReviewPolicy`` that stands; ``None`` while nobody has written one."""
        return self.review_policies.first()

    def as_value(self) -> domain.Playbook:
        """Return the playbook with all its bullets as a value, in delivery order."""
        return domain.Playbook(
            bullets=self.bullets.in_delivery_order().as_values(),
            token_budget=self.token_budget,
            counters=self.counters,
        )

    def take_label(self, section: str) -> str:
        """Return the section's next label and remember it. The caller holds the row lock."""
        label = domain.next_label(domain.Playbook(counters=self.counters), section)
        counters: dict[str, Any] = {**self.counters, section: int(label.rpartition("-")[2])}
        self.counters = counters
        self.save(update_fields=["counters", "updated_at"])
        return label
