"""``manage.py move_observations out|in``: large observations into the object store, or back."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from practice.models import ObservationUnreadable
from practice.orchestrator import observations


class Command(BaseCommand):
    help = "Move large observations into the object store, or back into rows. Safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("way", choices=("out", "in"), help="out of the rows, or into them")

    def handle(self, *args: Any, **options: Any) -> None:
        is_out = options["way"] == "out"
        if is_out and not settings.OBSERVATION_OBJECT_KB:
            raise CommandError("OBSERVATION_OBJECT_KB is 0: nothing is to be an object. Set it.")
        moved = 0
        try:
            for moved_now in observations.move_out() if is_out else observations.move_in():
                moved += moved_now
        except ObservationUnreadable as error:
            raise CommandError(f"{error} {_were(moved)} moved until then.") from error
        except OSError as error:
            raise CommandError(
                f"The object store cannot be written: {error}. {_were(moved)} moved until then."
            ) from error
        where = "into the object store" if is_out else "into rows"
        self.stdout.write(f"{_were(moved)} moved {where}.")
        if not is_out and (left := observations.answers_kept()):
            many = (
                "1 answer that an agent read in part stays"
                if left == 1
                else (f"{left} answers that agents read in part stay")
            )
            self.stdout.write(f"{many} there. No row ever held all of it.")


def _were(count: int) -> str:
    return "1 observation was" if count == 1 else f"{count} observations were"
