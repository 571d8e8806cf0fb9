"""What was said to a model and what it answered, what models cost, and the prompts they get."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from practice.domain.prices import Price


class ModelCall(models.Model):
    """One request to a model provider, written as soon as it is answered.

    ``request`` is the list of messages as sent (secrets are redacted before), ``reply`` the parts
    of the answer. A call that failed has an ``error`` and no reply; its tokens count all the same.
    """

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="+")
    run = models.ForeignKey(
        "practice.Run", models.CASCADE, null=True, blank=True, related_name="calls"
    )
    unit = models.ForeignKey(
        "practice.Unit", models.CASCADE, null=True, blank=True, related_name="calls"
    )
    attempt = models.ForeignKey(
        "practice.Attempt", models.CASCADE, null=True, blank=True, related_name="calls"
    )
    trial = models.ForeignKey(
        "practice.PromptTrial", models.CASCADE, null=True, blank=True, related_name="calls"
    )
    role = models.CharField(max_length=20)
    model = models.CharField(max_length=100)
    #: "built-in" and the first characters of its digest, or "version 3".
    prompt = models.CharField(max_length=40, blank=True)
    request = models.JSONField(default=list)
    reply = models.JSONField(default=list)
    error = models.TextField(blank=True)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    latency_ms = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"Call {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("call-detail", args=[self.pk])

    @property
    def is_failed(self) -> bool:
        return bool(self.error)

    @property
    def is_dropped(self) -> bool:
        """Whether what was sent and answered is kept no longer."""
        return not self.request if self.run is None else self.run.calls_dropped_at is not None


class ModelPrice(models.Model):
    """What a model costs, in US dollars per million tokens, in the operator's words."""

    workspace = models.ForeignKey(
        "memoryapp.Workspace", models.CASCADE, related_name="model_prices"
    )
    model = models.CharField(max_length=100)
    input = models.DecimalField(max_digits=12, decimal_places=6)
    output = models.DecimalField(max_digits=12, decimal_places=6)
    cached_input = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["model"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "model"], name="one_price_per_model")
        ]

    def __str__(self) -> str:
        return self.model

    @classmethod
    def table(cls, workspace_id: int) -> Mapping[str, Price]:
        """A workspace's prices by model name or prefix."""
        rows = cls.objects.filter(workspace_id=workspace_id)
        return {row.model: Price(row.input, row.output, row.cached_input) for row in rows}


class PromptVersion(models.Model):
    """An environment's own prompt for one role. Written once; at most one is active."""

    environment = models.ForeignKey("practice.Environment", models.CASCADE, related_name="prompts")
    role = models.CharField(max_length=20)
    number = models.PositiveIntegerField()
    text = models.TextField()
    note = models.CharField(max_length=300, blank=True)
    is_active = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["role", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "role", "number"], name="one_prompt_number"
            ),
            models.UniqueConstraint(
                fields=["environment", "role"],
                condition=Q(is_active=True),
                name="one_active_prompt",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} version {self.number}"


class PromptTrial(models.Model):
    """A dry run of a prompt on a stored attempt: nothing it says is kept as memory."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    environment = models.ForeignKey(
        "practice.Environment", models.CASCADE, related_name="prompt_trials"
    )
    role = models.CharField(max_length=20)
    text = models.TextField()
    attempt = models.ForeignKey("practice.Attempt", models.SET_NULL, null=True, related_name="+")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    result = models.JSONField(default=dict)
    message = models.TextField(blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Dry run {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("prompt-trial", args=[self.environment.slug, self.pk])
