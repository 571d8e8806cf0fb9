"""A case's files in the other forms an upload may have give what the same rows give as CSV."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memoryapp.project.cli import main
from practice.clients.telemetry import UnreadableTelemetry, telemetry, topology
from practice.domain.rootcause.telemetry import Labels
from tests.practice.case_sets import set_files
from tests.practice.outages import BEGAN, logs_csv, metrics_csv, traces_csv

KINDS = {"metrics": metrics_csv(), "traces": traces_csv(), "logs": logs_csv()}


def records(text: bytes) -> list[dict[str, Any]]:
    """The rows of a CSV, numbers as numbers."""

    def plain(value: str) -> Any:
        try:
            return float(value)
        except ValueError:
            return value

    rows = csv.DictReader(io.StringIO(text.decode()))
    return [{key: plain(value) for key, value in row.items()} for row in rows]


def names(labels: Labels) -> list[str]:
    return [labels[row] for row in range(len(labels))]


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    arrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), out)
    return out.getvalue()


def as_json(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows).encode()


def as_lines(rows: list[dict[str, Any]]) -> bytes:
    return gzip.compress("\n".join(map(json.dumps, rows)).encode())


@pytest.mark.parametrize(
    ("form", "pack"), [("parquet", as_parquet), ("json", as_json), ("jsonl.gz", as_lines)]
)
def test_it_gives_the_same_telemetry(
    tmp_path: Path, form: str, pack: Callable[[list[dict[str, Any]]], bytes]
) -> None:
    plain, other = tmp_path / "csv", tmp_path / form
    plain.mkdir()
    other.mkdir()
    for kind, text in KINDS.items():
        rows = records(text)
        if kind == "traces":  # ids that are numbers in CSV are texts elsewhere
            rows = [row | {"trace_id": f"{row['trace_id']:.0f}"} for row in rows]
        (plain / f"{kind}.csv").write_bytes(text)
        (other / f"{kind}.{form}").write_bytes(pack(rows))
    (want, _), (got, notes) = telemetry(plain), telemetry(other)
    assert notes == ()
    assert np.allclose(got.metrics.value, want.metrics.value)
    assert np.allclose(got.metrics.ts, want.metrics.ts)
    assert names(got.metrics.service) == names(want.metrics.service)
    assert names(got.spans.parent_id) == names(want.spans.parent_id)
    assert names(got.spans.trace_id) == names(want.spans.trace_id)
    assert np.allclose(got.spans.duration, want.spans.duration)
    assert list(got.logs.message) == list(want.logs.message)


def test_columns_are_found_under_other_names_and_units(tmp_path: Path) -> None:
    row = {"traceID": "t", "spanID": "s", "parentSpanID": "", "serviceName": "web"}
    times = [{"startTimeMs": (BEGAN + n) * 1e3, "durationMs": 20} for n in range(2)]
    rows = [row | time for time in times]
    (tmp_path / "traces.json").write_text(json.dumps(rows))
    found, _ = telemetry(tmp_path)
    assert found.spans.start.tolist() == pytest.approx([BEGAN, BEGAN + 1])
    assert found.spans.duration.tolist() == pytest.approx([0.02, 0.02])


def test_otlp_in_json_is_known_by_its_shape(tmp_path: Path) -> None:
    span = {
        "traceId": "ab",
        "spanId": "cd",
        "name": "GET /",
        "startTimeUnixNano": f"{BEGAN:.0f}000000000",
        "endTimeUnixNano": f"{BEGAN + 1:.0f}000000000",
    }
    about = [
        {"key": "service.name", "value": {"stringValue": "web"}},
        {"key": "k8s.node.name", "value": {"stringValue": "node-7"}},
    ]
    request = {
        "resourceSpans": [{"resource": {"attributes": about}, "scopeSpans": [{"spans": [span]}]}]
    }
    (tmp_path / "traces.json").write_text(json.dumps(request))
    found, _ = telemetry(tmp_path)
    assert (names(found.spans.service), found.hosts) == (["web"], (("web", "node-7"),))
    assert found.spans.duration.tolist() == [1.0]


def test_a_topology_may_be_json(tmp_path: Path) -> None:
    (tmp_path / "topology.json").write_text('[{"caller": "web", "callee": "shop"}]')
    assert topology(tmp_path) == (("web", "shop"),)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "holds no row"),
        (b'[{"a": 1}]', "has no column ts, metric, value"),
        (b"[{", "is not JSON"),
    ],
    ids=["no row", "other columns", "cut off"],
)
def test_it_says_in_one_line_why_a_file_is_left_out(
    tmp_path: Path, data: bytes, message: str
) -> None:
    (tmp_path / "metrics.json").write_bytes(data)
    with pytest.raises(UnreadableTelemetry, match=message):
        telemetry(tmp_path)
    (tmp_path / "logs.csv").write_bytes(logs_csv())
    found, (note, *_) = telemetry(tmp_path)
    assert (len(found.logs), message in note, "\n" in note) == (120, True, False)


def test_the_command_names_the_extra_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, data in set_files(1).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    metrics = tmp_path / "shop/cases/case-0/metrics.csv"
    metrics.unlink()
    metrics.with_suffix(".parquet").write_bytes(b"PAR1....")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(["rca", "evaluate", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "note: metrics.parquet is Parquet, which needs the extra `parquet`" in said
    assert "The other files were used" in said
