"""``manage.py export_artifact``: write playbook.json or proposer_memory.json as Preping does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.models import Playbook
from practice.models import Environment
from practice.services.artifact import (
    FILES,
    MEMORY_FILE,
    memory_document,
    playbook_document,
)


class Command(BaseCommand):
    help = "Export playbook.json or proposer_memory.json for Preping's released artifact."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", choices=FILES)
        parser.add_argument("--workspace", required=True, help="slug")
        parser.add_argument("--environment", help="slug, for the proposer memory")
        parser.add_argument("--playbook", help="slug, for the playbook")
        parser.add_argument("--output", help="a path; by default it is printed")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = "environment" if options["file"] == MEMORY_FILE else "playbook"
        if not options[wanted]:
            raise CommandError(f"{options['file']} needs --{wanted}.")
        where = {"workspace__slug": options["workspace"], "slug": options[wanted]}
        try:
            if wanted == "environment":
                document = memory_document(Environment.objects.get(**where))
            else:
                document = playbook_document(Playbook.objects.get(**where))
        except (Environment.DoesNotExist, Playbook.DoesNotExist) as error:
            raise CommandError(
                f"There is no {wanted} {options[wanted]!r} in a workspace "
                f"{options['workspace']!r}: both are slugs. Nothing was written."
            ) from error
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error}") from error
