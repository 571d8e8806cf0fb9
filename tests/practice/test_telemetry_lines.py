"""Log lines that say themselves what other collectors put into columns."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from practice.clients.telemetry import telemetry
from practice.domain.rootcause.telemetry import LogTable

AT = 1_700_000_000


def read(tmp_path: Path, message: str, **columns: str) -> LogTable:
    row = {"ts_us": AT * 1_000_000, "service": "web", **columns, "message": message}
    (tmp_path / "logs.json").write_text(json.dumps([row]))
    return telemetry(tmp_path)[0].logs


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ("2026-12-01 10:00:00.123 ERROR [main] c.shop.Cart : no such item", "ERROR"),
        ("[WARN] slow", "WARN"),
        ("time=2026-12-01T10:00:00Z level=info msg=done", "INFO"),
        ('severity="warning" what=slow', "WARNING"),
        ("E1201 10:00:00.000000 7 cart.go:12] no such item", "ERROR"),
        ("I am here", ""),
        ("the error was none of ours", ""),
        ("request to ERROR-PAGE took 3 ms", ""),
        ("\tat com.shop.Cart.run(Cart.java:77)", ""),
        ("x" * 200 + " ERROR of long ago", ""),
    ],
)
def test_a_level_is_read_off_a_line_without_one(tmp_path: Path, message: str, level: str) -> None:
    found = read(tmp_path, message)
    assert (found.level[0], found.message[0]) == (level, message)


def test_a_level_in_a_column_counts(tmp_path: Path) -> None:
    assert read(tmp_path, "ERROR was the answer", level="INFO").level[0] == "INFO"


@pytest.mark.parametrize(("letter", "level"), [("E", "ERROR"), ("w", "WARN"), ("X", "X")])
def test_a_letter_stands_for_a_level(tmp_path: Path, letter: str, level: str) -> None:
    assert read(tmp_path, "no such item", level=letter).level[0] == level


def test_a_line_of_json_is_opened(tmp_path: Path) -> None:
    line = {"time": "now", "severity": "error", "msg": "no such item", "traceId": "ab", "n": 3}
    found = read(tmp_path, json.dumps(line | {"error": "refused", "span_id": "cd"}))
    said = (found.level[0], found.message[0], found.trace_id[0], found.span_id[0])
    assert said == ("ERROR", "no such item: refused", "ab", "cd")


def test_what_a_column_says_is_not_overwritten_by_a_line_of_json(tmp_path: Path) -> None:
    line = json.dumps({"level": "error", "message": "no", "trace_id": "ab"})
    found = read(tmp_path, line, level="WARN", trace_id="ef")
    assert (found.level[0], found.message[0], found.trace_id[0]) == ("WARN", "no", "ef")


@pytest.mark.parametrize(
    "line", ['{"level": "error"', '{"level": 3}', "{}", "{not json}", "{" * 9_000]
)
def test_what_is_no_json_of_a_logger_stays_as_it_is(tmp_path: Path, line: str) -> None:
    assert read(tmp_path, line).message[0] == line[:2_000]


def test_a_line_of_json_that_is_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    line = json.dumps({"level": "error", "message": 'no "such" item', "stack": "at x " * 900})
    found = read(tmp_path, line)
    assert (found.level[0], found.message[0]) == ("ERROR", r"no \"such\" item")
