"""``manage.py rotate_secrets``: seal every stored secret under the first of SEALING_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from memoryapp.services.sealing import second_factors_renew, webhooks_renew
from practice.services.environments import secrets_renew


class Command(BaseCommand):
    help = "Seal every stored secret under the first key. Safe to stop and to run again."

    def handle(self, *args: Any, **options: Any) -> None:
        lost: list[str] = []
        for renew in (secrets_renew, webhooks_renew, second_factors_renew):
            found = renew()
            self.stdout.write(
                f"{found.kind}: {found.renewed} sealed anew, {found.current} already were"
            )
            lost += (f"{found.kind}: {name}" for name in found.unreadable)
        if lost:
            raise CommandError(
                "Under none of the keys: "
                + "; ".join(lost)
                + ". Put the key they were stored under into SEALING_KEYS and run this again, or "
                "enter them anew. Keep the old keys until then."
            )
        self.stdout.write("Everything is under the first key. The others may be removed.")
