"""The lines of the log, for people or as JSON, each with the request, task and run it belongs to.

A request's id travels with the tasks it rings for, so that one id finds everything it set off.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from celery import signals
from django.db import InterfaceError, OperationalError

from memoryapp.domain import context
from memoryapp.project.masking import masked
from memoryapp.services.patience import took_too_long

HEADER = "greenroom_context"
#: What `extra={"fields": {...}}` of a log call adds to its line.
FIELDS = "fields"
#: What would end a line or move a terminal's cursor: an address may hold it, written as %0A.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
#: while the database is away, how often a process writes where in the code it was missed.
TRACEBACK_SECONDS = 60.0


class Line(logging.Formatter):
    """``time LEVEL logger message key=value…``, with the traceback below.

    A message is one line whatever it quotes, so that nobody writes lines of their own into the log.
    """

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        return str(masked(super().format(record)))

    def formatException(self, error: Any) -> str:
        """Set in, so that nothing an exception quotes stands where a line begins."""
        lines = super().formatException(error).splitlines()
        return "\n".join(f"  {_CONTROL.sub(_escaped, line)}" for line in lines)

    def formatMessage(self, record: logging.LogRecord) -> str:
        pairs = " ".join(f"{name}={value}" for name, value in _belongings(record).items())
        line = f"{super().formatMessage(record)} {pairs}".rstrip()
        return _CONTROL.sub(_escaped, line)


class Json(logging.Formatter):
    """One JSON object a line; ``error`` holds the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_belongings(record),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(masked(line), ensure_ascii=False, default=str)


class AwayBriefly(logging.Filter):
    """One line for each request that the database did not answer, and a traceback now and then.

    All of them fail for one reason, and with their tracebacks a minute of an outage would fill the
    log. What a statement that took too long was is in its traceback alone, which is kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Write the next traceback, however long ago the last one was."""
        self._told_at = float("-inf")

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, OperationalError | InterfaceError) and not took_too_long(error):
            record.msg = f"{record.getMessage()} {type(error).__name__}: {error}".rstrip()
            record.args = ()
            now = time.monotonic()
            if now - self._told_at < TRACEBACK_SECONDS:
                record.exc_info = record.exc_text = None
            else:
                self._told_at = now
        return True


def _escaped(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def _belongings(record: logging.LogRecord) -> Mapping[str, Any]:
    return {**context.bound(), **getattr(record, FIELDS, {})}


@signals.before_task_publish.connect
def send_along(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Put what the sender works on into the message."""
    if headers is not None:
        carried = {k: v for k, v in context.bound().items() if k not in {"task", "task_id"}}
        headers[HEADER] = carried


@signals.task_prerun.connect
def take_up(task: Any = None, task_id: str = "", **_: Any) -> None:
    """Bind what came with the message, and the task itself."""
    carried = getattr(task.request, HEADER, None) or {}
    context.begin(**carried, task=task.name.rpartition(".")[2], task_id=task_id)
