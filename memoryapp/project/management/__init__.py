"""Commands of the operator that change somebody's account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError


def account_of(username: str) -> Any:
    """The account of that name, however it is written.

    Raises:
        CommandError: nobody has it.
    """
    found = get_user_model().objects.filter(username__iexact=username).first()
    if found is None:
        raise CommandError(f"Nobody is called {username} here. Names are under Settings, Members.")
    return found
