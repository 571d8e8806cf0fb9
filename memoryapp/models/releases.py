"""Releases, the labels that point at them, and who moved a label when."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse

from memoryapp.domain import playbook as domain
from memoryapp.models.entries import BulletRevision

#: The columns that hold a release's texts, which may have megabytes.
HEAVY = ("document", "bodies")


class ReleaseQuerySet(models.QuerySet["Release"]):
    def light(self) -> ReleaseQuerySet:
        """Without the texts, for lists and for whoever only names a release."""
        return self.defer(*HEAVY)


class Release(models.Model):
    """A frozen playbook. Its bodies are stored as served; a pull renders nothing.

    A withdrawn release is served to nobody any more: agents that ask for it are told which one
    replaces it.
    """

    class Withdrawal(models.TextChoices):
        NONE = "", "In use"
        RETIRED = "retired", "Retired"
        RECALLED = "recalled", "Recalled"

    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="releases")
    number = models.PositiveIntegerField()
    notes = models.CharField(max_length=500, blank=True)
    document = models.JSONField()
    bodies = models.JSONField(help_text="Format name to the text served.")
    digests = models.JSONField(help_text="Format name to the SHA-256 of its text.")
    bullet_count = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField()
    #: the revisions that say just this, in delivery order; what retrieval searches.
    wordings = ArrayField(models.BigIntegerField(), default=list, blank=True)
    withdrawal = models.CharField(max_length=8, choices=Withdrawal.choices, blank=True, default="")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    withdrawal_reason = models.CharField(max_length=300, blank=True)
    replacement = models.ForeignKey(
        "self", models.SET_NULL, null=True, blank=True, related_name="replaces"
    )
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["playbook", "number"], name="one_release_number")
        ]

    def __str__(self) -> str:
        return f"v{self.number}"

    def get_absolute_url(self) -> str:
        return reverse("release-detail", args=[self.playbook.slug, self.number])

    @property
    def fingerprint(self) -> str:
        """``domain.playbook.fingerprint`` of the frozen bullets."""
        return domain.fingerprint_of(
            (section["name"], bullet["label"], bullet["content"])
            for section in self.document["sections"]
            for bullet in section["bullets"]
        )

    def as_value(self) -> domain.Playbook:
        """Return the frozen bullets, each with the rule of the revision that says just this."""
        frozen = [(s["name"], bullet) for s in self.document["sections"] for bullet in s["bullets"]]
        revisions = BulletRevision.objects.filter(
            bullet__playbook=self.playbook_id, bullet__label__in=[b["label"] for _, b in frozen]
        ).order_by("number")
        rules = {
            (label, content): rule
            for label, content, rule in revisions.values_list("bullet__label", "content", "rule")
        }
        return domain.Playbook(
            bullets=tuple(
                domain.Bullet(
                    id=bullet["id"],
                    label=bullet["label"],
                    section=section,
                    content=bullet["content"],
                    helpful=bullet["helpful"],
                    harmful=bullet["harmful"],
                    rule=rules.get((bullet["label"], bullet["content"])),
                )
                for section, bullet in frozen
            )
        )


class ReleaseLabel(models.Model):
    """A name agents pull by, e.g. ``production``. It may have a second release on trial."""

    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="labels")
    name = models.SlugField(max_length=40)
    release = models.ForeignKey(Release, models.PROTECT, related_name="labels")
    #: a release on trial: ``canary_share`` percent of the agents that pull by this name get it.
    canary = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="canary_labels"
    )
    canary_share = models.PositiveSmallIntegerField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    canary_since = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["playbook", "name"], name="one_release_per_label"),
            models.CheckConstraint(
                condition=models.Q(canary=None, canary_share=0)
                | models.Q(canary__isnull=False, canary_share__range=(1, 100)),
                name="canary_has_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class LabelMove(models.Model):
    """One move of a label, kept for good."""

    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="label_moves")
    name = models.CharField(max_length=40)
    from_release = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="+"
    )
    to_release = models.ForeignKey(Release, models.PROTECT, related_name="+")
    moved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.name}: {self.from_release} to {self.to_release}"
