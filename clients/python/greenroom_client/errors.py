"""What can go wrong, by who can help.

    GreenroomError
    ├── Unreachable   no answer, or 5xx and 429 to the last try: wait, then again
    ├── NotAllowed    the key is missing, unknown, revoked, or lacks the scope: make another key
    ├── NotFound      no such playbook, label, version or run
    │   └── NotReleased   the playbook is there, and nothing of it is released yet
    ├── Withdrawn     the release was taken out of use; ``replacement`` may name another
    └── Refused       anything else the server will not do; ``problem`` is its whole answer

``str(error)`` is one line for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class GreenroomError(Exception):
    """Something could not be done. ``problem`` is the server's problem document, if it sent one."""

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem: Mapping[str, Any] = problem or {}


class Unreachable(GreenroomError):
    pass


class NotAllowed(GreenroomError):
    pass


class NotFound(GreenroomError):
    pass


class NotReleased(NotFound):
    pass


class Withdrawn(GreenroomError):
    @property
    def replacement(self) -> int | None:
        """The version that replaces the withdrawn one, where there is one."""
        found = self.problem.get("replacement")
        return int(found["version"]) if isinstance(found, Mapping) and "version" in found else None


class Refused(GreenroomError):
    pass
