"""``manage.py rotate_secrets``: seal every stored secret under the first of SEALING_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.services.sealing import (
    second_factors_forget,
    second_factors_renew,
    webhooks_renew,
)
from practice.services.environments import secrets_renew


class Command(BaseCommand):
    help = "Seal every stored secret under the first key. Safe to stop and to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--forget-second-factors",
            action="store_true",
            help="remove those that no key opens: their owners sign in by password alone",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["forget_second_factors"]:
            for name in second_factors_forget():
                self.stdout.write(f"second factors: those of {name} are removed")
        lost: list[str] = []
        for renew in (secrets_renew, webhooks_renew, second_factors_renew):
            found = renew()
            self.stdout.write(
                f"{found.kind}: {found.renewed} sealed again, {found.current} already up to date"
            )
            lost += (f"{found.kind}: {name}" for name in found.unreadable)
        if lost:
            raise CommandError(
                "No key opens: "
                + "; ".join(lost)
                + ". Add the key they were encrypted with to SEALING_KEYS and run this again, or "
                "enter them again; --forget-second-factors removes second factors that no key "
                "opens any more. Keep the old keys until then."
            )
        self.stdout.write("Everything is under the first key. The others may be removed.")
