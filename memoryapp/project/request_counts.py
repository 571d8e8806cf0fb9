"""What web processes counted of requests, added up and written in Prometheus' text format.

Each process counts in a file of its own, in the form of ``prometheus_client``. Its own reader takes
seconds for some thousand series, and files of processes that are gone stay for good: web processes
are replaced all the time, and every scrape would read all there ever were. Loads no Django and no
``prometheus_client``: gunicorn reads this before there are settings.
"""

from __future__ import annotations

import json
import os
import re
import struct
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_SH, flock
from functools import lru_cache
from pathlib import Path
from typing import Any

#: counts of the processes that are gone, as JSON: the key of a series and its value.
GONE = "gone.json"
_LOCK = "lock"
_FILE = re.compile(r"histogram_(\d+)\.db")
_LENGTH, _VALUE = struct.Struct("i"), struct.Struct("dd")
_HEAD, _LINE = 8, 8
#: series whose labels one process remembers: all of a host, and far more than there are.
_REMEMBERED = 32_768

Counts = dict[str, float]


def counted(folder: Path) -> Counts:
    """All counts of this host by the key of their series."""
    with _held(folder, LOCK_SH):
        return _added(_gone(folder), [path for path, _ in _files(folder)])


def gather(folder: Path) -> None:
    """Put the counts of processes that are gone into one file, and remove theirs."""
    with _held(folder, LOCK_EX):
        left = [path for path, process in _files(folder) if not _lives(process)]
        if not left:
            return
        aside = folder / f"{GONE}.new"
        aside.write_text(json.dumps(_added(_gone(folder), left)))
        aside.replace(folder / GONE)
        for path in left:
            path.unlink()


def when_ready(server: Any) -> None:
    """Called by gunicorn before its first process: those of its last time left their counts."""
    _gather(server)


def child_exit(server: Any, worker: Any) -> None:
    """Called by gunicorn when a process has ended."""
    _gather(server)


def _gather(server: Any) -> None:
    try:
        # Set by the settings, which are read with the application and before this.
        gather(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
    except (KeyError, OSError) as error:  # a full disk, perhaps: whoever serves goes on
        server.log.warning("Counts of requests stay where they are. %s", error)


@contextmanager
def _held(folder: Path, how: int) -> Iterator[None]:
    """Nobody reads what is half moved. It is let go of with the process, too."""
    with (folder / _LOCK).open("a") as lock:
        flock(lock, how)
        yield


def _files(folder: Path) -> list[tuple[Path, int]]:
    found = [(path, _FILE.fullmatch(path.name)) for path in folder.iterdir()]
    return [(path, int(named[1])) for path, named in found if named]


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _gone(folder: Path) -> Counts:
    with suppress(OSError, ValueError, AttributeError):
        found = json.loads((folder / GONE).read_text()).items()
        return {key: value for key, value in found if isinstance(value, float) and _is_one(key)}
    return {}


def _added(begun: Mapping[str, float], files: list[Path]) -> Counts:
    sums: dict[bytes, float] = defaultdict(float)
    for path in files:
        for key, value in _read(path.read_bytes()):
            sums[key] += value
    found = dict(begun)
    for key, value in sums.items():
        name = key.decode(errors="replace")
        if _is_one(name):
            found[name] = found.get(name, 0.0) + value
    return found


def _is_one(key: str) -> bool:
    """Whether it is the key of a series. A host that went down may leave files with holes."""
    try:
        _series(key)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _read(data: bytes) -> Iterator[tuple[bytes, float]]:
    """The entries of a file: how long the key is, the key, filled up to eight bytes, the value."""
    if len(data) < _HEAD:
        return
    (used,) = _LENGTH.unpack_from(data)
    place = _HEAD
    while place < min(used, len(data) - _VALUE.size):
        (length,) = _LENGTH.unpack_from(data, place)
        start = place + _LENGTH.size
        place = start + length + _LINE - (length + _LENGTH.size) % _LINE
        if length <= 0 or place + _VALUE.size > len(data):
            return
        key = data[start : start + length]
        value, _ = _VALUE.unpack_from(data, place)
        place += _VALUE.size
        # Spaces fill it up, and none ends a key.
        yield key.rstrip(b" "), value


@dataclass(frozen=True, slots=True)
class Series:
    """``up_to`` is the bound of a bucket, as it is written; empty for the sum."""

    family: str
    about: str
    labels: str
    up_to: str


@lru_cache(maxsize=_REMEMBERED)
def _series(key: str) -> Series:
    family, _, labels, about = json.loads(key)
    up_to = labels.pop("le", "")
    written = ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))
    return Series(family, about, written, up_to)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def text(counts: Mapping[str, float]) -> str:
    """Histograms in Prometheus' text format; buckets count what is below their bound."""
    sums: dict[tuple[str, str], float] = {}
    buckets: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    about: dict[str, str] = {}
    for key, value in counts.items():
        one = _series(key)
        about.setdefault(one.family, one.about)
        if one.up_to:
            buckets[one.family, one.labels][one.up_to] = value
        else:
            sums[one.family, one.labels] = value
    lines = []
    for family in about:
        lines += [f"# HELP {family} {about[family]}", f"# TYPE {family} histogram"]
        for (of, labels), found in buckets.items():
            if of == family:
                lines += _lines(family, labels, found, sums.get((family, labels), 0.0))
    return "".join(f"{line}\n" for line in lines)


def _lines(family: str, labels: str, found: Mapping[str, float], total: float) -> Iterator[str]:
    amount, more = 0.0, f",{labels}" if labels else ""
    for up_to in sorted(found, key=float):
        amount += found[up_to]
        yield f'{family}_bucket{{le="{up_to}"{more}}} {amount!r}'
    yield f"{family}_count{{{labels}}} {amount!r}"
    yield f"{family}_sum{{{labels}}} {total!r}"
