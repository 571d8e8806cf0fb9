"""Names that people give: of things shown beside each other, and of sections."""

from __future__ import annotations

from memoryapp.domain.errors import UnableTo, UnableToChange
from memoryapp.domain.playbook import SECTION_NAME
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


def check_section(name: str) -> None:
    """Raises ``UnableToChange`` for a name no section can have."""
    if not SECTION_NAME.fullmatch(name):
        raise UnableToChange(
            "A section is lower-case letters, digits and _, at most 60.", field="section"
        )
