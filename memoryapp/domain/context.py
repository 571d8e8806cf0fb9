"""What a line of the log belongs to: a request, a task, a run. Carried from one to the next."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar

_bound: ContextVar[Mapping[str, str]] = ContextVar("bound", default={})  # noqa: B039  # replaced


def bound() -> Mapping[str, str]:
    """Names to values, e.g. ``{"request_id": "…", "run": "…"}``."""
    return _bound.get()


def begin(**names: str) -> None:
    """Forget what was bound in this thread and bind ``names``."""
    _bound.set(names)


def bind(**names: str) -> None:
    """Bind ``names`` as well."""
    _bound.set({**_bound.get(), **names})
