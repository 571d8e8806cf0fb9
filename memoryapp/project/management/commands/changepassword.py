"""``manage.py changepassword NAME``: set somebody's password, where no mail is sent."""

from __future__ import annotations

from getpass import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from memoryapp.project.management import account_of
from memoryapp.services.accounts import PASSWORD_CHANGED, account_change_record

TRIES = 3


class Command(BaseCommand):
    """In place of Django's, which tells no audit log of it."""

    help = "Set somebody's password. They are signed out everywhere; the audit log says so."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="whose password it is")

    def handle(self, *args: Any, **options: Any) -> None:
        user = account_of(options["username"])
        self.stdout.write(f"A new password for {user.get_username()}. It is not shown.")
        password = self._asked(user)
        with transaction.atomic():
            user.set_password(password)
            user.save(update_fields=["password"])
            account_change_record(user=user, kind=PASSWORD_CHANGED, through="changepassword")
        self.stdout.write(f"{user.get_username()} has the new password and is signed out.")

    def _asked(self, user: Any) -> str:
        for _ in range(TRIES):
            password = getpass("Password: ")
            if not password:
                break
            if password != getpass("Once more: "):
                self.stderr.write("The two passwords differ. Type the same one twice.")
                continue
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.stderr.write(" ".join(error.messages))
            else:
                return password
        raise CommandError(f"The password of {user.get_username()} was not changed.")
