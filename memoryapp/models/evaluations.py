"""What was measured of a playbook: figures with intervals, and whether it may be published."""

from __future__ import annotations

from django.db import models


class Evaluation(models.Model):
    """One measurement of one exact set of bullets, as whoever measured it reported it.

    ``digest`` is ``domain.playbook.fingerprint`` of the bullets measured; ``passed`` is None for a
    measurement that does not gate. ``figures`` is what the page shows::

        {"arms": [{"role", "name", "digest", "successes", "n", "low", "high", "cost", "tokens"}],
         "compared": [{"name", "against", "measure", "only_this", "only_other", "p"}],
         "bullets": {"pitfalls-001": {"effect", "low", "high", "n", "won", "lost", "p", "tokens",
                                      "clean": {"effect", "low", "high", "n", ...}}}}
    """

    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="evaluations")
    release = models.ForeignKey(
        "memoryapp.Release", models.SET_NULL, null=True, blank=True, related_name="evaluations"
    )
    digest = models.CharField(max_length=64)
    name = models.CharField(max_length=120)
    link = models.CharField(max_length=300)
    passed = models.BooleanField(null=True, blank=True)
    message = models.TextField(blank=True)
    figures = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["playbook", "link"], name="one_evaluation_per_link")
        ]

    def __str__(self) -> str:
        return self.name

    def is_held_against(self, digest: str) -> bool:
        """Whether these bullets are what was measured, or what production served meanwhile.

        A masked arm does not count: it was tried for its bullet, and the gate never looks at it.
        """
        arms = self.figures.get("arms", ())
        served = {arm.get("digest") for arm in arms if arm.get("role") == "production"}
        return digest in {self.digest, *served}
