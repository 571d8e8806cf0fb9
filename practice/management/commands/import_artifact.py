"""``manage.py import_artifact``: read a file of Preping's released artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.domain.errors import UnableTo
from memoryapp.models import Playbook
from practice.models import Environment
from practice.services.artifact import FILES, artifact_import


class Command(BaseCommand):
    help = "Import playbook.json or proposer_memory.json of Preping's released artifact."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", help=f"a file of the layout of {' or '.join(FILES)}")
        parser.add_argument("--workspace", required=True, help="slug")
        parser.add_argument("--environment", required=True, help="slug")
        parser.add_argument("--playbook", required=True, help="slug")
        parser.add_argument(
            "--as", dest="file", choices=FILES, help="which of the two; by default by its name"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would happen")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["path"])
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            report = artifact_import(
                environment=Environment.objects.get(
                    workspace__slug=options["workspace"], slug=options["environment"]
                ),
                playbook=Playbook.objects.get(
                    workspace__slug=options["workspace"], slug=options["playbook"]
                ),
                file=options["file"] or path.name,
                document=document,
                by=None,
                dry_run=options["dry_run"],
            )
        except (OSError, ValueError, UnableTo) as error:
            raise CommandError(f"{path} was not imported: {error}") from error
        except (Environment.DoesNotExist, Playbook.DoesNotExist) as error:
            missing = "environment" if isinstance(error, Environment.DoesNotExist) else "playbook"
            raise CommandError(
                f"There is no {missing} {options[missing]!r} in a workspace "
                f"{options['workspace']!r}: both are slugs, the first of a workspace's name, as "
                "Settings shows it. Nothing was imported."
            ) from error
        for row in report.rows:
            self.stdout.write(f"{row.verdict:8} {row.place}: {row.message}")
        said = ", ".join(f"{count} {verdict}" for verdict, count in report.counts.items())
        self.stdout.write(f"{said}{' (dry run: nothing was stored)' if report.is_dry_run else ''}")
