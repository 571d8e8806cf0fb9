"""The world in which everything a person can change of memory is changed once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from memoryapp.models import WorkspaceExport
from memoryapp.services import canaries, invitations, releases, webhooks
from tests.auditing import Scenarios
from tests.factories import BulletFactory, CandidateFactory

scenarios = Scenarios()
leaves = scenarios.leaves


@dataclass(frozen=True, slots=True)
class World:
    """A workspace with two admins and a playbook with two bullets."""

    workspace: Any
    playbook: Any
    by: Any
    other: Any

    def bullet(self, **given: Any) -> Any:
        return BulletFactory(playbook=self.playbook, **given)

    def candidate(self, **given: Any) -> Any:
        return CandidateFactory(playbook=self.playbook, **given)

    def release(self) -> Any:
        self.bullet()
        return releases.release_publish(playbook=self.playbook, by=self.by)

    def label(self) -> Any:
        """One that was moved from one release to the next."""
        for release in (self.release(), self.release()):
            label = releases.label_move(
                playbook=self.playbook, name="production", release=release, by=self.by
            )
        return label

    def trial(self) -> Any:
        return canaries.canary_start(
            label=self.label(), release=self.release(), share=10, by=self.by
        )

    def invitation(self) -> Any:
        return invitations.invitation_create(
            workspace=self.workspace, role="viewer", by=self.by, valid_for=timedelta(days=1)
        )

    def export(self) -> Any:
        """A file that was written and can be fetched."""
        return WorkspaceExport.objects.create(
            workspace=self.workspace,
            status="done",
            asked_by=self.by,
            expires_at=timezone.now() + timedelta(hours=1),
        )

    def webhook(self) -> Any:
        row, _ = webhooks.webhook_create(
            workspace=self.workspace,
            url="http://127.0.0.1:9/hook",
            kinds=["release.published"],
            by=self.by,
        )
        return row
