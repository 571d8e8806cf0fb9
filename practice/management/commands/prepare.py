"""``manage.py prepare``: migrate, first operator, sample world. Safe to run again."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from memoryapp.queries.database import why_not_prepared
from memoryapp.services.workspaces import FIRST_OPERATOR, first_operator_create
from practice.services.sample_incidents import sample_incident_load
from practice.services.samples import sample_load


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
        if workspace is not None:
            sample_load(workspace=workspace)
            sample_incident_load(workspace=workspace)
        if password is not None:
            self.stdout.write("")
            self.stdout.write(f"  First operator   {FIRST_OPERATOR}")
            self.stdout.write(f"  Password         {password}")
            self.stdout.write(
                "  Shown once. Change it under your name, Your account, after signing in."
            )
            self.stdout.write("")
