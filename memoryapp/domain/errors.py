"""What a use case says when it cannot be done.

    UnableTo
    ├── UnableToFind       no such thing, or not yours to see: 404
    ├── UnableToDecide     a candidate is not waiting, or changed while being read: 409
    ├── UnableToUndo       what would be undone has moved on: 409
    ├── UnableToChange     a bullet, playbook, label or key cannot take this change: 409
    ├── UnableToPublish    nothing to publish, or nothing new: 409
    ├── UnableToConnect    a tool server cannot be used as configured: 422
    └── UnableToStart      a run cannot start or cannot be moved to that state: 409

``str(error)`` is shown to people as it is: what happened, what was kept, what to do.
"""

from __future__ import annotations


class UnableTo(Exception):
    """The use case was refused and nothing was stored."""

    status = 409


class UnableToFind(UnableTo):
    status = 404


class UnableToDecide(UnableTo):
    pass


class UnableToUndo(UnableTo):
    pass


class UnableToChange(UnableTo):
    pass


class UnableToPublish(UnableTo):
    pass


class UnableToConnect(UnableTo):
    status = 422


class UnableToStart(UnableTo):
    pass
