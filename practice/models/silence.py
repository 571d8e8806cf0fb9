"""Models that do not answer, as every worker knows them."""

from __future__ import annotations

from django.db import models


class ModelSilence(models.Model):
    """A model at one address that gave no answer when it was last asked. An answer ends the row."""

    address = models.CharField(max_length=300)
    model = models.CharField(max_length=100)
    #: calls without an answer, one after another; calls that waited side by side count once.
    tries = models.PositiveIntegerField()
    #: whether the last of them waited in vain, as opposed to finding nobody to talk to.
    timed_out = models.BooleanField()
    waited_s = models.PositiveIntegerField()
    message = models.TextField()
    last_at = models.DateTimeField()
    #: the run that made the last of them; none where it was no run, or one that was resumed since.
    run = models.ForeignKey(
        "practice.Run", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: nobody asks before; whoever then asks moves it on and leaves its mark in ``probe``.
    probe_at = models.DateTimeField()
    probe = models.UUIDField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["address", "model"], name="one_silence_per_model")
        ]

    def __str__(self) -> str:
        return self.model
