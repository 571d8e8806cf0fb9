"""Workspaces and who may do what in them."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.conf import settings
from django.db import models


class Role(models.TextChoices):
    """Roles in rising order of rights: read, decide, prepare the ground, administer.

    An editor connects environments, decides which of their tools may be called, and sets prices;
    people, keys, webhooks and policies are an admin's.
    """

    VIEWER = "viewer", "Viewer"
    REVIEWER = "reviewer", "Reviewer"
    EDITOR = "editor", "Editor"
    ADMIN = "admin", "Admin"


#: The roles that may decide candidates, and those that may prepare the ground besides.
REVIEWING = frozenset({Role.REVIEWER, Role.EDITOR, Role.ADMIN})
EDITING = frozenset({Role.EDITOR, Role.ADMIN})


class Workspace(models.Model):
    """One team's environments, runs and playbooks. Nothing is shared between workspaces."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    #: from then on nobody reaches it, and workers delete its rows.
    deleted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_membership_per_user")
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} in {self.workspace}"

    @property
    def may_review(self) -> bool:
        return self.role in REVIEWING

    @property
    def may_edit(self) -> bool:
        return self.role in EDITING

    @property
    def may_administer(self) -> bool:
        return self.role == Role.ADMIN


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unused(self, now: datetime) -> InvitationQuerySet:
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=now)

    def open(self, now: datetime) -> InvitationQuerySet:
        """Invitations that still let somebody in: while who made them may.

        Otherwise somebody who was removed could come back by a link they had made.
        """
        admins = Membership.objects.filter(
            workspace=models.OuterRef("workspace"),
            user=models.OuterRef("created_by"),
            user__is_active=True,
            role=Role.ADMIN,
        )
        return self.unused(now).filter(models.Exists(admins))

    def of_token(self, token: str) -> InvitationQuerySet:
        return self.filter(token_hash=Invitation.hash_of(token))


class Invitation(models.Model):
    """A link that lets one person into a workspace, once.

    Its token has 256 random bits and is stored as a SHA-256 only: whoever reads the table can let
    nobody in.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="invitations")
    role = models.CharField(max_length=10, choices=Role.choices)
    #: who it is meant for, in the words of whoever made it; anybody with the link may use it.
    for_whom = models.CharField(max_length=150, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"Invitation for {self.for_whom or 'somebody'} as {self.role}"

    @property
    def digest(self) -> str:
        """Says in a form which invitation it was drawn for; it lets nobody in."""
        return self.token_hash[:16]

    @staticmethod
    def hash_of(token: str) -> str:
        return hashlib.sha256(token.encode(errors="replace")).hexdigest()
