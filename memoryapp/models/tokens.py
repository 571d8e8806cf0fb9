"""API keys: shown once, stored as a hash, bound to a workspace and to scopes."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

KEY_MARK = "gr"


class Scope(models.TextChoices):
    PULL = "playbooks:pull", "Pull playbooks and search in them"
    FEEDBACK = "feedback:write", "Report outcomes"
    TRAJECTORIES = "trajectories:write", "Send trajectories"
    READ = "read", "Read everything"
    WRITE = "write", "Start runs, decide and publish"
    ADMIN = "admin", "Administer: keys, exports and imports"


#: what an agent does; only these may be bound to single playbooks.
AGENT_SCOPES = frozenset({Scope.PULL, Scope.FEEDBACK, Scope.TRAJECTORIES})


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self, now: datetime) -> ApiKeyQuerySet:
        return self.filter(revoked_at__isnull=True).filter(
            models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=now)
        )


class ApiKey(models.Model):
    """``gr_<prefix>_<secret>``. The secret has 256 random bits, so one SHA-256 keeps it safe.

    After a rotation the secret before it works until ``previous_until``.
    """

    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=12, unique=True)
    secret_hash = models.CharField(max_length=64)
    previous_hash = models.CharField(max_length=64, blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    scopes = ArrayField(models.CharField(max_length=40, choices=Scope.choices))
    #: the only playbooks it is good for; none means all of the workspace.
    playbooks = models.ManyToManyField("memoryapp.Playbook", blank=True, related_name="+")
    rate_limit = models.PositiveIntegerField(
        null=True, blank=True, help_text="Requests per minute; empty is the default, 0 no limit."
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def requests_a_minute(self) -> int:
        """How often it may call, its own limit or that of the installation; 0 is no limit."""
        return settings.API_RATE_LIMIT if self.rate_limit is None else self.rate_limit

    @staticmethod
    def hash_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()

    def matches(self, secret: str, now: datetime) -> bool:
        """Whether this is the secret, or the one before it in its grace. In constant time."""
        presented = self.hash_of(secret)
        current = hmac.compare_digest(self.secret_hash, presented)
        in_grace = self.previous_until is not None and now < self.previous_until
        previous = hmac.compare_digest(self.previous_hash, presented)
        return current or (in_grace and previous)
