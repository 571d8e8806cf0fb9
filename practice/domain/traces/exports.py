"""Exports of other tools as native trajectories, entry by entry; a broken entry is one refusal.

Langfuse: traces with their observations, or rows of observations; LangSmith: rows of runs. Both
come as one JSON list or one object a line. Claude Code and Codex write a session as JSON lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces import langfuse, langsmith, sessions
from practice.domain.traces.bodies import json_check, lines
from practice.domain.traces.claude_code import CLAUDE_CODE
from practice.domain.traces.codex import CODEX

#: A native trajectory, or why an entry is none.
Entry = Mapping[str, Any] | NotATrajectory
MAX_LINE = 16 * 1024 * 1024
SESSIONS = {"claude-code": CLAUDE_CODE, "codex": CODEX}
FORMATS = ("jsonl", "langfuse", "langsmith", *SESSIONS)
EMPTY = "The body is empty."
#: what programs of Windows put in front of UTF-8.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class NotAnExport(ValueError):
    """Nothing of the body can be read in the named format; the message says what it should be."""


def read_export(form: str, pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Yield the trajectories of an export of the named format.

    Raises:
        NotAnExport: the body is no JSON at all, or of another shape.
    """
    if form == "jsonl":
        yield from (
            row if isinstance(row, NotATrajectory) else _native(row) for row in _rows(pieces)
        )
    elif form in SESSIONS:
        yield from sessions.read_session(SESSIONS[form], _rows(pieces))
    else:
        yield from _grouped(form, pieces)


def _native(row: Any) -> Entry:
    return row if isinstance(row, Mapping) else NotATrajectory("A line is one object.")


def _rows(pieces: Iterator[bytes]) -> Iterator[Any]:
    """The values of JSON lines; a line that is no JSON becomes a refusal that names it.

    Raises:
        NotAnExport: there is none.
    """
    number = 0
    for number, line in enumerate(lines(pieces, limit=MAX_LINE), start=1):
        if number == 1:
            line = line.removeprefix(BYTE_ORDER_MARK)
        json_check(line)
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            yield NotATrajectory(f"Line {number} is not JSON.")
    if not number:
        raise NotAnExport(EMPTY)


def _grouped(form: str, pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Rows of a whole export, put together by trace: a row's parent may come after it."""
    body = b"".join(pieces).removeprefix(BYTE_ORDER_MARK).strip()
    if not body:
        raise NotAnExport(EMPTY)
    found = _whole(body)
    if found is None:
        found = list(_rows(iter([body])))
    read: Callable[[Iterable[Any]], Iterator[Entry]] = (
        langfuse.trajectories if form == "langfuse" else langsmith.trajectories
    )
    yield from read(found)


def _whole(body: bytes) -> list[Any] | None:
    """The rows of a body that is one JSON document; ``None`` where it is lines of objects."""
    json_check(body)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        if body[:1] != b"{":
            raise NotAnExport(
                "The body is not JSON that can be read: send one list, or one object a line."
            ) from error
        return None
    if isinstance(given, Mapping):
        given = next((given[k] for k in ("data", "runs", "traces") if k in given), [given])
    if not isinstance(given, list):
        raise NotAnExport("An export is a list of rows, or one object a line.")
    return given
