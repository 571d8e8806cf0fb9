"""What the rail counts beside its places, in one statement: every page shows it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection

from memoryapp.models import Tally, Workspace


@dataclass(frozen=True, slots=True)
class RailCounts:
    """Candidates that wait for a person, runs that have not ended, incidents that are open."""

    waiting: int
    running: int
    incidents: int


def rail_counts(workspace: Workspace) -> RailCounts:
    """Count for one workspace. An experiment has a list of its own and is no run here."""
    tally, run, incident = (
        model._meta.db_table for model in (Tally, workspace.runs.model, workspace.incidents.model)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT (SELECT COALESCE(SUM(amount), 0) FROM {tally}
                    WHERE workspace_id = %(workspace)s AND playbook_id IS NULL
                      AND kind = 'candidate' AND status = 'pending'),
                   (SELECT COUNT(*) FROM {run} WHERE workspace_id = %(workspace)s
                      AND ended_at IS NULL AND kind <> 'experiment'),
                   (SELECT COUNT(*) FROM {incident} WHERE workspace_id = %(workspace)s
                      AND status = 'open')
            """,
            {"workspace": workspace.pk},
        )
        return RailCounts(*cursor.fetchone())
