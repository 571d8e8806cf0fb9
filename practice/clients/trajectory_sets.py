"""A labelled set of failed agent trajectories: one file, a trajectory per line."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memoryapp.domain.text import storable as storable_text
from practice.clients.telemetry_columns import UNPACKED_CAP, UnreadableTelemetry, opened
from practice.domain.rootcause.trajectories import Action
from practice.domain.trajectory_cases import TrajectoryCase

#: What one line may be, in characters.
LINE_CAP = 32 << 20
_NAME_CAP = 120
# What a terminal answers in a chat: a report on an action, not an action.
_REPORT = re.compile(r"exit ?code:|There is no code", re.I)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the file, under the name of its case. ``trouble`` says why it is no trajectory.

    A line that names no case of its own is called by its number.
    """

    case_id: str
    text: str = ""
    case: TrajectoryCase | None = None
    trouble: str = ""


def storable(value: object) -> str:
    """A value as text that a database takes."""
    return storable_text(str(value))


def entries(path: Path) -> Iterator[Entry]:
    """Every line of a file that is not empty; no two have one name.

    A line that is no trajectory costs its own answer, and a cut or a damage what comes after it.
    """
    names: set[str] = set()
    number = 0
    with opened(path, UNPACKED_CAP) as text:
        while True:
            number += 1
            try:
                line = text.readline(LINE_CAP + 1)
                is_long = len(line) > LINE_CAP
                while len(line) > LINE_CAP and not line.endswith(("\n", "\r")):
                    line = text.readline(LINE_CAP + 1)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                yield Entry(_number(number, names), trouble=f"{path.name} is damaged: {error}")
                return
            except UnreadableTelemetry as error:
                yield Entry(_number(number, names), trouble=str(error))
                return
            if not line:
                return
            if is_long:
                why = f"{path.name} line {number} is longer than {LINE_CAP >> 20} MB"
                yield Entry(_number(number, names), trouble=why)
            elif line.strip():
                yield _entry(line, path.name, number, names)


def _number(number: int, names: set[str]) -> str:
    name = f"line {number}"
    while name in names:  # a case may call itself so
        name += " again"
    names.add(name)
    return name


def _entry(line: str, file: str, number: int, names: set[str]) -> Entry:
    where = f"{file} line {number}"
    try:
        data = _read(line)
        name = str(data["case_id"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return Entry(_number(number, names), trouble=_no_trajectory(where, error))
    if not name.isprintable() or not 0 < len(name) <= _NAME_CAP:
        why = f"{where}: case_id must be 1 to {_NAME_CAP} characters that can be printed"
        return Entry(_number(number, names), trouble=why)
    if name in names:
        why = f"{where}: {name} is the case_id of an earlier line too"
        return Entry(_number(number, names), trouble=why)
    names.add(name)
    try:
        return Entry(name, line, _case(data))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        return Entry(name, trouble=_no_trajectory(where, error))


def trajectory(line: str) -> TrajectoryCase:
    """The case that ``entries`` found in a line."""
    return _case(_read(line))


def _read(line: str) -> Any:
    return json.loads(line.lstrip("\ufeff"))


def _case(data: Any) -> TrajectoryCase:
    steps = (
        Action(
            index=int(step["i"]),
            actor=storable(step["agent"]),
            text=storable(step["content"]),
            observation=bool(_REPORT.match(str(step["content"]))),
        )
        for step in data["steps"]
    )
    return TrajectoryCase(str(data["case_id"]), tuple(steps), storable(data.get("question") or ""))


def _no_trajectory(where: str, error: Exception) -> str:
    return (
        f"{where} must be an object with case_id and steps, each with i, agent and content "
        f"({error})"
    )
