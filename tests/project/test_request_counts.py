"""Counts of requests: read as their library reads them, and gathered when a process is gone."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from memoryapp.project import request_counts, serving

COUNTS = """
from prometheus_client import Histogram
asked = Histogram("asked_seconds", "How long.", ["route", "status"], buckets=(0.1, 1.0, 1e7))
for route in ("a", 'b"\\\\\\n', "ü", "padded" * 9):
    for seconds in (0.05, 0.5, 0.1, 30.0):
        asked.labels(route, "200").observe(seconds)
"""


def counts_in(folder: Path) -> None:
    """A process that counts and is gone."""
    folder.mkdir(exist_ok=True)
    env = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", COUNTS], env=env, check=True)


def samples(text: str) -> dict[tuple[Any, ...], float]:
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def by_the_library(folder: Path) -> dict[tuple[Any, ...], float]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return samples(generate_latest(registry).decode())


def by_us(folder: Path) -> dict[tuple[Any, ...], float]:
    return samples(request_counts.text(request_counts.counted(folder)))


def test_they_are_what_the_library_reads(tmp_path: Path) -> None:
    for _ in range(2):
        counts_in(tmp_path)
    assert by_us(tmp_path) == by_the_library(tmp_path)
    assert len(by_us(tmp_path)) == 4 * 6
    one = ("asked_seconds_bucket", ("le", "1.0"), ("route", "a"), ("status", "200"))
    assert by_us(tmp_path)[one] == 6


def test_those_of_processes_that_are_gone_are_one_file_and_the_same_counts(tmp_path: Path) -> None:
    for _ in range(3):
        counts_in(tmp_path)
        before = by_us(tmp_path)
        request_counts.gather(tmp_path)
        assert by_us(tmp_path) == before
    assert not list(tmp_path.glob("*.db"))
    assert before["asked_seconds_count", ("route", "ü"), ("status", "200")] == 12
    request_counts.gather(tmp_path)
    assert by_us(tmp_path) == before


def test_one_that_lives_keeps_its_file(tmp_path: Path) -> None:
    counts_in(tmp_path)
    (gone,) = tmp_path.glob("*.db")
    gone.rename(tmp_path / f"histogram_{os.getpid()}.db")
    request_counts.gather(tmp_path)
    assert [path.name for path in tmp_path.glob("*.db")] == [f"histogram_{os.getpid()}.db"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 65536, b"\xff\xff\xff\x7f" + b"\0" * 4],
    ids=["empty", "no entry", "cut off"],
)
def test_a_file_that_was_just_begun_counts_nothing(tmp_path: Path, content: bytes) -> None:
    counts_in(tmp_path)
    before = by_us(tmp_path)
    (tmp_path / "histogram_1.db").write_bytes(content)
    assert by_us(tmp_path) == before


def _entry(key: bytes, length: int | None = None) -> bytes:
    said = struct.pack("i", len(key) if length is None else length) + key
    return said + b" " * (8 - len(said) % 8) + struct.pack("dd", 1.0, 0.0)


@pytest.mark.parametrize(
    "entry",
    [
        bytes(32),
        _entry(b"\xff\xfe" * 6),
        _entry(b"no series"),
        _entry(b'["a", "a_count", [], "b"]'),
        _entry(b"[]", length=-12),
        _entry(b"[]", length=2**31 - 1),
    ],
    ids=["hole", "no text", "no JSON", "no labels", "backwards", "beyond its end"],
)
def test_a_file_that_a_host_left_damaged_breaks_nothing(tmp_path: Path, entry: bytes) -> None:
    """Neither the server that gathers it nor the page that shows it, now or later."""
    counts_in(tmp_path)
    before = by_us(tmp_path)
    # No process has this number.
    damaged = tmp_path / f"histogram_{2**22 + 1}.db"
    damaged.write_bytes(struct.pack("ii", 8 + len(entry), 0) + entry + bytes(64))
    assert by_us(tmp_path) == before
    request_counts.gather(tmp_path)
    assert not damaged.exists()
    assert by_us(tmp_path) == before


def test_what_was_gathered_of_a_damaged_one_before_is_left_out(tmp_path: Path) -> None:
    counts_in(tmp_path)
    request_counts.gather(tmp_path)
    before, kept = by_us(tmp_path), tmp_path / request_counts.GONE
    for more in ({"": 1.0}, {"[]": "x"}):
        kept.write_text(json.dumps({**json.loads(kept.read_text()), **more}))
        assert by_us(tmp_path) == before
    kept.write_text("[1]")
    assert by_us(tmp_path) == {}


def test_what_was_gathered_and_damaged_is_begun_anew(tmp_path: Path) -> None:
    counts_in(tmp_path)
    before = by_us(tmp_path)
    (tmp_path / request_counts.GONE).write_text('{"half')
    assert by_us(tmp_path) == before
    request_counts.gather(tmp_path)
    assert json.loads((tmp_path / request_counts.GONE).read_text())


def test_the_server_gathers_and_goes_on_where_it_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Server:
        class log:
            @staticmethod
            def warning(text: str, error: Exception) -> None:
                said.append(text % error)

    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    counts_in(tmp_path)
    serving.child_exit(Server, None)
    assert not list(tmp_path.glob("*.db"))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "no" / "such"))
    serving.when_ready(Server)
    assert len(said) == 1
