"""People as lists name them."""

from __future__ import annotations


def named(*ends: str) -> list[str]:
    """The columns of the people at these ends of a join that ``person`` in templates reads."""
    return [
        f"{end}__{column}" for end in ends for column in ("username", "first_name", "last_name")
    ]
