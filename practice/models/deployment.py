"""Trajectories that deployed agents sent in, before they are learned from."""

from __future__ import annotations

from django.db import models


class SentTrajectory(models.Model):
    """One trajectory as it was received. Sending the same ``external_id`` again changes nothing."""

    class Status(models.TextChoices):
        WAITING = "waiting", "Waiting"
        TAKEN = "taken", "Taken into a run"
        #: its run ended before it was judged, by its budget, a silent model or a person.
        UNJUDGED = "unjudged", "Not judged"

    environment = models.ForeignKey(
        "practice.Environment", models.CASCADE, related_name="sent_trajectories"
    )
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=200)
    instruction = models.TextField()
    answer = models.TextField(blank=True)
    #: [{"tool", "arguments", "observation", "is_error", "thought", "duration_ms"}], redacted; with
    #: "started_ms", "input_tokens", "output_tokens", "cost" (dollars as a text) and "parent" (the
    #: number of the step it is inside of) where its sender said them.
    steps = models.JSONField(default=list)
    #: what its sender says that all of it cost, in US dollars.
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    #: what the agent or its user said of the outcome, where they did.
    outcome = models.CharField(max_length=10, blank=True)
    #: the release the agent was given, e.g. "4" or "production".
    release = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.WAITING)
    attempt = models.OneToOneField(
        "practice.Attempt", models.SET_NULL, null=True, blank=True, related_name="sent_as"
    )
    #: what is to be said of it, such as that its clock is wrong.
    remark = models.CharField(max_length=300, blank=True, default="", db_default="")
    #: what its first call is known by, which a copy of its session keeps; empty where nothing is.
    first_call = models.CharField(max_length=100, blank=True, default="", db_default="")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["playbook", "external_id"], name="one_trajectory_per_external_id"
            )
        ]
        indexes = [
            models.Index(
                fields=["playbook", "first_call"],
                condition=~models.Q(first_call=""),
                name="trajectories_by_first_call",
            )
        ]

    def __str__(self) -> str:
        return self.external_id
