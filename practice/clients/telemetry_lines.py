"""What a log line says of itself: JSON is opened, and a level is read off where no column has it.

Programs that log JSON say the same words in each line and mean what stands under them; of a line
that begins with its time and level only the rest is a statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import starmap
from typing import Any

from practice.clients.telemetry_headers import plain
from practice.domain.rootcause.telemetry import Labels

_LEVELS = (
    "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|SEVERE|PANIC|ALERT|EMERG"
)
# Levels are written in capitals among what a logger puts before a message, or named as a field.
_WRITTEN = re.compile(rf"\b(?<![.-])({_LEVELS})(?![\w.-])")
_FIELD = re.compile(rf"\b(?:log_?level|level|severity|lvl)[=:]\s*[\"']?({_LEVELS})\b", re.I)
_FIELDS = ("level", "severity", "lvl")
# As glog begins its lines: a letter, then month and day.
_GLOG = re.compile(r"([IWEF])\d{4} ")
_LETTERS = {"T": "TRACE", "V": "TRACE", "D": "DEBUG", "I": "INFO", "N": "NOTICE", "W": "WARN",
            "E": "ERROR", "F": "FATAL", "C": "CRITICAL"}  # fmt: skip
_BEFORE = 120
_PAIR = re.compile(r'"([\w.@-]+)"\s*:\s*"((?:[^"\\]|\\.)*)"')
# Under which names JSON says what, as ``plain`` has them.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "level": ("level", "severity", "severitytext", "loglevel", "lvl", "levelname"),
    "message": ("message", "msg", "body", "event", "text"),
    "error": ("error", "err", "exception", "errormessage", "excinfo"),
    "trace_id": ("traceid", "oteltraceid", "ddtraceid"),
    "span_id": ("spanid", "otelspanid", "ddspanid"),
}
_OF_NAME = {name: what for what, names in _NAMES.items() for name in names}


_Told = tuple[str, str, str, str]


def opened(lines: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of log lines, with what the messages say filled in where a column is empty.

    What a column says counts, but for the message: of a line of JSON that is what it has under a
    name for it.
    """
    texts: Sequence[str] = lines["message"]
    level = _in_words(lines["level"])
    if "" not in level.names and not any(text.startswith("{") for text in texts):
        return {**lines, "level": level}
    columns = [level, lines["trace_id"], lines["span_id"]]
    found = zip(*starmap(_told, zip(*map(_each, columns), texts, strict=True)), strict=True)
    levels, traces, spans, messages = tuple(found) or ((),) * 4
    return {
        **lines,
        "level": Labels.of(levels),
        "trace_id": Labels.of(traces),
        "span_id": Labels.of(spans),
        "message": list(messages),
    }


def _in_words(level: Labels) -> Labels:
    """Levels that are single letters as words."""
    told = [name for name in level.names if name]
    if not told or not all(name.upper() in _LETTERS for name in told):
        return level
    return Labels(level.codes, tuple(_LETTERS.get(name.upper(), "") for name in level.names))


def _each(column: Labels) -> Iterator[str]:
    return map(column.names.__getitem__, column.codes.tolist())


def _told(level: str, trace_id: str, span_id: str, message: str) -> _Told:
    if message.startswith("{"):
        fields = _fields(message)
        if said := fields.get("message"):
            error = fields.get("error")
            return (
                level or fields.get("level", "").upper(),
                trace_id or fields.get("trace_id", ""),
                span_id or fields.get("span_id", ""),
                f"{said}: {error}" if error else said,
            )
    return level or _level_in(message), trace_id, span_id, message


def _fields(text: str) -> dict[str, str]:
    """What a line of JSON says under names that are known."""
    told: Mapping[str, Any]
    try:
        told = json.loads(text)  # what begins with a brace is nothing else
    except (ValueError, RecursionError):  # cut off, as long lines are
        told = dict(_PAIR.findall(text))
    found: dict[str, str] = {}
    for key, value in told.items():
        what = _asked(key)
        if what and isinstance(value, str):
            found.setdefault(what, value)
    return found


@lru_cache(maxsize=4_096)
def _asked(key: str) -> str:
    """What is told under a name, empty where nothing is that is used."""
    return _OF_NAME.get(plain(key), "")


def _level_in(text: str) -> str:
    head = text[:_BEFORE]
    if found := _GLOG.match(head):
        return _LETTERS[found[1]]
    written = _WRITTEN.search(head)
    if written is None and any(word in head for word in _FIELDS):
        written = _FIELD.search(head)
    return written[1].upper() if written else ""
