"""Names that people are shown beside each other."""

from __future__ import annotations

from memoryapp.domain.errors import UnableTo
from memoryapp.domain.text import look_alike


def check_name(name: str, unable: type[UnableTo]) -> None:
    """Raises ``unable`` for a name that passes for another one."""
    word = look_alike(name)
    if word:
        raise unable(
            f"{word} mixes letters of two alphabets that look alike, so it would pass for another "
            "name. Write it in one alphabet.",
            field="name",
        )
