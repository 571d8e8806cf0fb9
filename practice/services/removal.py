"""Deleting a workspace: out of reach at once, gone soon after."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.clients import pull_cache
from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Role, Workspace
from practice.models import Analysis, CaseSet, Environment, ReplayCase, Run, TelemetryFile
from practice.models.work import Work
from practice.services.runs import run_cancel
from practice.tasks import remove_workspaces

logger = logging.getLogger(__name__)


def workspace_delete(*, workspace: Workspace, confirmed: str, by: Any) -> None:
    """Take a workspace from everybody now, and have its rows deleted by workers.

    What runs in it is ended, its keys are revoked, its webhooks are told nothing more. Its audit
    log goes with it, so the server's log has a line.

    Raises:
        UnableToChange: ``confirmed`` is not its slug, or ``by`` would administer no workspace.
    """
    if confirmed.strip() != workspace.slug:
        raise UnableToChange(f"Type {workspace.slug} to delete it. Nothing was deleted.")
    now = timezone.now()
    with transaction.atomic():
        held = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        # All of them are held: of two workspaces deleted at once by the same admin one stays.
        mine = by.memberships.select_for_update(no_key=True).filter(role=Role.ADMIN).order_by("pk")
        if not any(each.workspace_id != held.pk for each in mine):
            raise UnableToChange(
                "It is the only workspace you administer. Make another one first; nothing was "
                "deleted."
            )
        held.webhooks.update(is_active=False)
        held.api_keys.filter(revoked_at=None).update(revoked_at=now)
        held.invitations.all().delete()
        _end_work(held, by)
        held.memberships.all().delete()
        # No name that a workspace is given makes such a slug, so the old one is free again.
        Workspace.objects.filter(pk=held.pk).update(deleted_at=now, slug=f"-{held.pk}")
        transaction.on_commit(pull_cache.forget)
        remove_workspaces.delay_on_commit()
    logger.warning(
        "%s deleted the workspace %s (%s).", by.get_username(), workspace.name, workspace.slug
    )


def _end_work(workspace: Workspace, by: Any) -> None:
    """End what waits or runs: it would go on calling tools and models."""
    for run in Run.objects.filter(workspace=workspace).unfinished():
        run_cancel(run=run, by=by)
    # Watched environments would start runs by themselves.
    Environment.objects.filter(workspace=workspace).update(drift_watch=False)
    for rows in (
        Analysis.objects.open().filter(incident__workspace=workspace),
        ReplayCase.objects.open().filter(replay__case_set__workspace=workspace),
        CaseSet.objects.open().filter(workspace=workspace),
        TelemetryFile.objects.open().filter(source__workspace=workspace),
    ):
        rows.update(status=Work.Status.CANCELLED)
