"""Write a whole workspace into one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.models import Workspace
from memoryapp.queries.transfer import workspace_export


class Command(BaseCommand):
    help = "Write a whole workspace into a zip: playbooks, history, environments and practice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workspace", help="slug of the workspace")
        parser.add_argument("--output", type=Path, required=True, help="the zip to write")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            known = ", ".join(Workspace.objects.values_list("slug", flat=True))
            raise CommandError(
                f"There is no workspace {options['workspace']!r}. Workspaces: {known}"
            )
        try:
            counts = workspace_export(workspace=workspace, target=options["output"])
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error}") from error
        self.stdout.write(f"{sum(counts.values())} rows are in {options['output']}.")
        self.stdout.write("Secrets of environments and API keys are not in it.")
