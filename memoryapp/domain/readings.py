"""What reading a file of bullets gives, whatever its form: bullets, and problems by their place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: a file of more than this is no playbook.
CHARACTERS_MOST = 20_000_000


class Unreadable(ValueError):
    """The text is not the form it is said to be; the message says why."""


@dataclass(frozen=True, slots=True)
class ReadBullet:
    """One bullet of a file. ``details`` is what the file says besides, its ``id`` first of all."""

    place: str
    label: str
    section: str
    content: str
    helpful: int = 0
    harmful: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)
    #: what to say of it although it can be read, such as that a counter is no number.
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """What was not understood and where."""

    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Reading:
    bullets: tuple[ReadBullet, ...]
    problems: tuple[Problem, ...]
