"""``manage.py createsuperuser``: says how accounts are made here instead."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """In place of Django's: it would make an account that is in no workspace and in no log."""

    help = "Makes no account: Greenroom knows no superusers. Says how people get in."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whatever Django's takes, to say why it is of no use."""
        for name in ("--username", "--email", "--database"):
            parser.add_argument(name)
        for name in ("--noinput", "--no-input"):
            parser.add_argument(name, action="store_true")

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        raise CommandError(
            "Nobody here has more rights than their workspaces give them. Let somebody in by an "
            "invitation: Settings, Members. For an admin who cannot get in: changepassword NAME, "
            "and remove_second_factors NAME."
        )
