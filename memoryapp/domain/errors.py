"""What a use case says when it cannot be done.

    UnableTo
    ├── UnableToFind       no such thing, or not yours to see: 404
    │   └── NotReleasedYet a playbook that gives agents nothing yet
    ├── UnableToDecide     a candidate is not waiting, or changed while being read: 409
    ├── UnableToUndo       what would be undone has moved on: 409
    ├── UnableToChange     a bullet, playbook, label or key cannot take this change: 409
    ├── ChangedMeanwhile   it is no longer what the caller saw: 409
    ├── UnableToServe      the release was withdrawn; ``extra`` names its replacement: 410
    ├── UnableToRead       a file is not what it is said to be: 422
    ├── UnableToPublish    nothing to publish, or nothing new: 409
    ├── UnableToConnect    a tool server cannot be used as configured: 422
    └── UnableToStart      a run cannot start or cannot be moved to that state: 409

``str(error)`` is shown to people as it is: what happened, what was kept, what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class UnableTo(Exception):
    """The use case was refused and nothing was stored. ``extra`` is for programs.

    ``field`` names the field whose value can never be used, ``a/b`` being ``b`` within ``a``: the
    API then answers as for any invalid field, 400 instead of 409, and says where it is. A refusal
    that depends on the state of things names none.
    """

    status = 409
    #: seconds after which it may be tried again, where waiting helps.
    retry_after: int | None = None

    def __init__(
        self, message: str, *, extra: Mapping[str, Any] | None = None, field: str = ""
    ) -> None:
        super().__init__(message)
        self.extra, self.field = dict(extra or {}), field


class UnableToFind(UnableTo):
    status = 404


class NotReleasedYet(UnableToFind):
    """``extra`` has ``newest``, a version that no label points at, and where the ``draft`` is."""


class UnableToDecide(UnableTo):
    pass


class UnableToUndo(UnableTo):
    pass


class UnableToChange(UnableTo):
    pass


class UnableToPublish(UnableTo):
    pass


class ChangedMeanwhile(UnableTo):
    """``extra`` has ``shown``, the digest of what it is now."""

    def __init__(self, message: str, *, shown: str) -> None:
        super().__init__(message, extra={"shown": shown})


class UnableToConnect(UnableTo):
    status = 422


class UnableToStart(UnableTo):
    pass


class UnableToServe(UnableTo):
    status = 410


class UnableToRead(UnableTo):
    status = 422
