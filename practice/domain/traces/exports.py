"""Exports of other tools as native trajectories, entry by entry; a broken entry is one refusal.

Langfuse: traces with their observations, or rows of observations; LangSmith: rows of runs. Both
come as one JSON list or one object a line. Claude Code and Codex write a session as JSON lines. An
agent's own messages are one conversation a line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from practice.domain.deployment import NotATrajectory, Placed
from practice.domain.traces import langfuse, langsmith, sessions, talks
from practice.domain.traces.bodies import json_check, lines
from practice.domain.traces.claude_code import CLAUDE_CODE
from practice.domain.traces.codex import CODEX

#: A native trajectory, or why an entry cannot be one.
Entry = Mapping[str, Any] | NotATrajectory
MAX_LINE = 16 * 1024 * 1024
SESSIONS = {"claude-code": CLAUDE_CODE, "codex": CODEX}
EMPTY = "The body is empty."
#: what programs of Windows put in front of UTF-8.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: How bodies begin that are sent by mistake, and what to do about each.
OTHERWISE = {
    b"\x1f\x8b": "The body is gzip. Say so with Content-Encoding: gzip, or unpack it.",
    b"\x28\xb5\x2f\xfd": "The body is zstd, as Codex packs older sessions. Unpack it: zstd -d.",
    b"PK\x03\x04": "The body is a zip archive. Unpack it, and send the file that is in it.",
    b"\xff\xfe": "The body is UTF-16, as Windows writes it. Save it as UTF-8.",
    b"\xfe\xff": "The body is UTF-16. Save it as UTF-8.",
    b"<": "The body is HTML or XML, not JSON. Is it a saved sign-in page?",
}


@dataclass(frozen=True, slots=True)
class Grouped:
    """A format whose rows are brought together by trace. ``fields`` are those that tell it."""

    program: str
    row: str
    fields: frozenset[str]
    #: from the rows, each with its place.
    read: Callable[[Iterable[tuple[int, Any]]], Iterator[Entry]]


GROUPED = {
    "langfuse": Grouped(
        "Langfuse",
        'traces with "observations", or observations with "type" and "traceId"',
        frozenset({"observations", "traceId", "type"}),
        langfuse.trajectories,
    ),
    "langsmith": Grouped(
        "LangSmith",
        'runs with "run_type" and "trace_id", or traces with "runs"',
        frozenset({"run_type", "dotted_order", *langsmith.NESTED}),
        langsmith.trajectories,
    ),
}


FORMATS = ("jsonl", "messages", *GROUPED, *SESSIONS)


class NotAnExport(ValueError):
    """Nothing of the body can be read in the named format; the message says what it should be."""


def read_export(form: str, pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Yield the trajectories of an export of the named format.

    Raises:
        NotAnExport: the body is not JSON at all, or of another shape.
    """
    pieces = _looked_at(pieces)
    if form == "jsonl":
        yield from (_native(place, row) for place, row in _rows(pieces))
    elif form == "messages":
        yield from talks.trajectories(_rows(pieces))
    elif form in SESSIONS:
        yield from sessions.read_session(SESSIONS[form], _rows(pieces))
    else:
        yield from _grouped(form, pieces)


def _looked_at(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces of a body as they come.

    Raises:
        NotAnExport: it begins as what is no export of anything.
    """
    first = next(pieces, b"")
    for begins, said in OTHERWISE.items():
        if first.lstrip().startswith(begins):
            raise NotAnExport(said)
    yield first
    yield from pieces


def _native(place: int, row: Any) -> Entry:
    """A line, whose refusal names no number: a sender may have split a longer file."""
    if isinstance(row, NotATrajectory):
        return NotATrajectory("The line is not JSON.", place=place)
    if isinstance(row, Mapping):
        return Placed(row, place)
    if isinstance(row, list):
        said = (
            "Each line must be one object, not a list. Write each trajectory on a line of its own."
        )
        return NotATrajectory(said, place=place)
    return NotATrajectory("Each line must be one object.", place=place)


def _rows(pieces: Iterator[bytes]) -> Iterator[tuple[int, Any]]:
    """The values of JSON lines, each with the place of its line.

    A line that is not JSON becomes a refusal that names it.

    Raises:
        NotAnExport: there is none.
    """
    is_empty = True
    for place, line in lines(pieces, limit=MAX_LINE):
        if not place:
            line = line.removeprefix(BYTE_ORDER_MARK).strip()
        if not line:
            continue
        is_empty = False
        json_check(line)
        try:
            yield place, json.loads(line)
        except (ValueError, RecursionError):
            yield place, NotATrajectory(f"Line {place + 1} is not JSON.", place=place)
    if is_empty:
        raise NotAnExport(EMPTY)


def _grouped(form: str, pieces: Iterator[bytes]) -> Iterator[Entry]:
    """Rows of a whole export, put together by trace: a row's parent may come after it."""
    body = b"".join(pieces).removeprefix(BYTE_ORDER_MARK)
    if not body.strip():
        raise NotAnExport(EMPTY)
    listed = _whole(body)
    found = list(_rows(iter([body])) if listed is None else enumerate(listed))
    reader = GROUPED[form]
    if (refusal := _of_another_form(reader, [row for _, row in found])) is not None:
        yield from (row for _, row in found if isinstance(row, NotATrajectory))
        yield refusal
        return
    yield from reader.read(found)


def _of_another_form(reader: Grouped, rows: Sequence[Any]) -> NotATrajectory | None:
    """What is to be said of rows none of which has a field that the format knows."""
    held = [row for row in rows if not isinstance(row, NotATrajectory)]
    fields: dict[str, None] = {}
    for row in held:
        names = row.keys() if isinstance(row, Mapping) else ()
        if not reader.fields.isdisjoint(names):
            return None
        fields.update(dict.fromkeys(islice(names, sessions.FIELDS_NAMED)))
    if not held:
        return None
    return NotATrajectory(
        f"This is not an export of {reader.program}: its rows are {reader.row}; those here "
        f"{sessions.fields_named(fields)}. Choose the format it has."
    )


def _whole(body: bytes) -> list[Any] | None:
    """The rows of a body that is one JSON document; ``None`` where it is lines of objects."""
    json_check(body)
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        if body.lstrip()[:1] != b"{":
            raise NotAnExport(
                "The body is not readable JSON: send one list, or one object per line."
            ) from error
        return None
    if isinstance(given, Mapping):
        given = next((given[k] for k in ("data", "runs", "traces") if k in given), [given])
    if not isinstance(given, list):
        raise NotAnExport("An export must be a list of rows, or one object per line.")
    return given
