"""Make a workspace from the file of another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.domain.errors import UnableTo
from memoryapp.services.transfer_import import workspace_import


class Command(BaseCommand):
    help = "Make a workspace from a zip that export_workspace wrote."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the zip to read")
        parser.add_argument("--admin", required=True, help="user name of its first admin")
        parser.add_argument("--slug", default="", help="another slug than the file's")

    def handle(self, *args: Any, **options: Any) -> None:
        admin = get_user_model().objects.filter(username=options["admin"]).first()
        if admin is None:
            raise CommandError(f"There is no user {options['admin']!r}.")
        try:
            made = workspace_import(source=options["file"], by=admin, slug=options["slug"])
        except UnableTo as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"The workspace {made.name} ({made.slug}) is imported.")
        self.stdout.write("Enter the secrets of its environments again, and make new API keys.")
