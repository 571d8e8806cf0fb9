"""Vectors of bullets, the models that made them, and traces of what was recalled."""

from __future__ import annotations

import uuid

from django.db import models
from pgvector.django import HalfVectorField


class EmbeddingModel(models.Model):
    """A model that turns text into vectors. Vectors of two models are never compared.

    A new one is *building* until every wording has its vector and the index stands; then it
    *serves*, and the one before it is *retired*.
    """

    class Status(models.TextChoices):
        BUILDING = "building", "Building"
        SERVING = "serving", "Serving"
        RETIRED = "retired", "Retired"

    provider = models.CharField(max_length=20)
    name = models.CharField(max_length=200)
    dimensions = models.PositiveIntegerField()
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.BUILDING)
    created_at = models.DateTimeField(auto_now_add=True)
    served_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "name", "dimensions"], name="one_row_per_embedding_model"
            ),
            models.UniqueConstraint(
                fields=["status"],
                condition=models.Q(status="serving"),
                name="one_embedding_model_serves",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.dimensions})"

    @property
    def index_name(self) -> str:
        """The HNSW index over this model's vectors."""
        return f"bullet_vector_hnsw_{self.pk}"


class BulletVector(models.Model):
    """The vector of one wording. Narrow on purpose: a search reads nothing else until the end."""

    model = models.ForeignKey(EmbeddingModel, models.CASCADE, related_name="vectors")
    revision = models.ForeignKey(
        "memoryapp.BulletRevision", models.CASCADE, related_name="vectors", db_index=False
    )
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="+")
    #: of ``model.dimensions`` numbers, of length 1; the column itself takes any number of them.
    vector = HalfVectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["revision", "model"], name="one_vector_per_wording_and_model"
            )
        ]

    def __str__(self) -> str:
        return f"{self.revision_id} by {self.model_id}"


class RecallTrace(models.Model):
    """What one search found and why, kept because somebody asked for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="recall_traces", db_index=False
    )
    release = models.ForeignKey(
        "memoryapp.Release", models.CASCADE, null=True, blank=True, related_name="+"
    )
    key = models.ForeignKey(
        "memoryapp.ApiKey", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    query = models.TextField()
    #: what was asked: k, max_tokens, sections.
    asked = models.JSONField(default=dict)
    #: known, weak or unknown, with the figures behind it.
    answer = models.JSONField(default=dict)
    #: every candidate, those given first, in their order: bullet, label, score, the place and score
    #: of each leg, whether it was given and whether reports call it harmful.
    results = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["workspace", "-created_at"])]

    def __str__(self) -> str:
        return self.query[:80]
