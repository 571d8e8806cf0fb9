"""``manage.py prepare``: migrate, first operator, sample world. Safe to run again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from memoryapp.queries.database import why_not_prepared
from memoryapp.queries.members import has_anybody_signed_in
from memoryapp.services.workspaces import FIRST_OPERATOR, first_operator_create
from practice.services.sample_incidents import sample_incident_load
from practice.services.samples import sample_load

#: Our command beside the interpreter that runs this: also found where no PATH leads to it.
BESIDE = Path(sys.executable).with_name("greenroom")


class Command(BaseCommand):
    help = "Migrate, create the first operator and load the samples."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            call_command("migrate", interactive=False, verbosity=0)
        except DatabaseError as error:
            if reason := why_not_prepared(error):
                raise CommandError(reason) from error
            raise
        workspace, password = first_operator_create()
        # Before the samples are loaded: whoever stops that would never see it.
        if password is not None:
            self._show(
                f"  First operator   {FIRST_OPERATOR}",
                f"  Password         {password}",
                "  Shown once. Change it under your name, Your account, after signing in.",
            )
        elif not has_anybody_signed_in():
            self._show(
                "  Nobody has signed in yet. If the first password was lost, set another:",
                f"  {_command()} manage changepassword {FIRST_OPERATOR}",
            )
        if workspace is not None:
            sample_load(workspace=workspace)
            sample_incident_load(workspace=workspace)

    def _show(self, *lines: str) -> None:
        self.stdout.write("\n".join(["", *lines, ""]))
        self.stdout.flush()


def _command() -> str:
    """What people type; the image has it in another folder, to which its PATH leads."""
    return str(BESIDE) if BESIDE.exists() else BESIDE.name
