"""``manage.py remove_second_factors NAME``: for whoever lost app, keys and recovery codes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from memoryapp.project.management import account_of
from memoryapp.services.accounts import second_factors_remove


class Command(BaseCommand):
    help = "Remove somebody's second factors, passkeys among them. The audit log says so."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whose second factors they are")

    def handle(self, *args: Any, **options: Any) -> None:
        user = account_of(options["username"])
        if not second_factors_remove(user=user, through="remove_second_factors"):
            raise CommandError(f"{user.get_username()} has no second factor. Nothing was changed.")
        self.stdout.write(
            f"{user.get_username()} signs in by password alone, until they set up a new one."
        )
