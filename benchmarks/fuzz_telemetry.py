"""Targets of ``fuzz_parsers``: alerts and telemetry, as monitoring systems and files bring them."""

from __future__ import annotations

import atexit
import gzip
import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from benchmarks.fuzz_making import Target, documents, encoded, raw, texts
from benchmarks.fuzz_samples import OTLP
from practice.clients import case_archives, telemetry, telemetry_files
from practice.clients.telemetry_columns import UnreadableTelemetry
from practice.domain import alerts
from practice.domain.rootcause import serial
from practice.domain.rootcause.drain import mined
from practice.domain.rootcause.types import Analysis

_REFUSED = (UnreadableTelemetry,)
_MAPPING = {"ts": "time", "ts_us": "time", "start_us": "time", "time_unit": "ms"}


def _read(kind: str, data: bytes) -> None:
    """One file as it is sent: looked at, its columns named, read; and what was read reads back."""
    for mapping in ({}, _MAPPING):
        try:
            telemetry_files.glance(data, name="f", kind=kind, mapping=mapping)
            found = telemetry_files.read(data, name="f", kind=kind, mapping=mapping)
        except UnreadableTelemetry:
            continue
        assert found.rows > 0
        "".join((*found.notes, *found.services)).encode()
        again = telemetry_files.read(found.content, name="f", kind=kind)
        assert again.rows == found.rows, "what was written is read otherwise"
    telemetry_files.header(data, name="f")


@cache
def _folder() -> Path:
    root = Path("/dev/shm")
    made = tempfile.mkdtemp(prefix="gr-fuzz-", dir=root if root.is_dir() else None)
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def _in_folder(name: str, data: bytes) -> None:
    """A file of a case folder in the neutral layout, with the engine's own reader."""
    path = _folder() / name
    path.write_bytes(data)
    try:
        tables, notes = telemetry.telemetry(_folder(), near=1_795_600_000.0)
        "".join(notes).encode()
        if tables.logs is not None and len(tables.logs.ts):
            mined(tables.logs.message[:50])
    finally:
        path.unlink()


def _alert_file(data: bytes) -> None:
    (_folder() / "alert.json").write_bytes(data)
    telemetry.alert(_folder())


def _alert(value: Any) -> None:
    _plain(alerts.read(value))


def _plain(sent: alerts.Sent) -> None:
    """What is stored holds no NUL and no half of a character."""
    for said in (sent.external_id, sent.entry, sent.title, sent.signal, *sent.labels.items()):
        "".join(said).encode()
        assert "\0" not in "".join(said)


def _alertmanager(value: Any) -> None:
    found, refused = alerts.read_alertmanager(value)
    for one in found:
        _plain(one)
    "".join(refused).encode()


def _mined(said: str) -> None:
    lines = said.split("\n")
    numbers, templates = mined(lines)
    assert len(numbers) == len(lines)
    assert max(numbers) < len(templates)


def _stored(value: Any) -> None:
    """An analysis as it is stored, read back by a later version."""
    serial.from_json(Analysis, value)


def _tar() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("set/topology.csv", "set/cases/a/alert.json"):
            member = tarfile.TarInfo(name)
            member.size = 4
            archive.addfile(member, io.BytesIO(b"a,b\n"))
    return out.getvalue()


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/topology.csv", "a,b\n")
    return out.getvalue()


def _parquet() -> bytes:
    table = pyarrow.table(
        {"ts": [1.0, 2.0], "metric": ["a", "b"], "value": [1, None], "service": ["s", "s"]}
    )
    out = io.BytesIO()
    parquet.write_table(table, out, compression="none")
    return out.getvalue()


_CSV = {
    "metrics": b"ts,service,pod,host,metric,value\n1795600000,cart,p,h,cpu,0.5\n1795600060,,,,,\n",
    "traces": b"trace_id,span_id,parent_id,service,start_us,duration_us,status\n"
    b"t,s,,cart,1795600000000000,5,error\n",
    "logs": b'ts_us,service,level,message,trace_id\n1795600000000000,cart,ERROR,"a ""b"" 7",t\n',
    "edges": b"ts,source,target,side,p50_s\n1795600000,a,b,client,0.1\n",
    "topology": b"source;target\na;b\n",
}
_JSON = {
    "metrics": [{"ts": "2026-11-25T10:00:00Z", "metric": "cpu", "value": 0.5,
                 "time": 1795600000123}],
    "traces": [{"trace_id": "t", "span_id": "s", "parent_id": None, "service": "cart",
                "start_us": 1, "duration_us": 2.5, "time": 5}],
    "logs": [{"ts_us": 1, "service": "cart", "message": {"a": 1}, "time": "2026-11-25"}],
}  # fmt: skip


def _point(value: Any) -> dict[str, Any]:
    at = {"timeUnixNano": "1795600000000000000", "attributes": [
        {"key": "route", "value": {"stringValue": "/a"}}]}  # fmt: skip
    return {**at, **value}


_RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "cart"}}]}
_OTLP = {
    "traces": OTLP,
    "metrics": {"resourceMetrics": [{"resource": _RESOURCE, "scopeMetrics": [{"metrics": [
        {"name": "a", "gauge": {"dataPoints": [_point({"asDouble": 1.5})]}},
        {"name": "b", "sum": {"isMonotonic": True, "aggregationTemporality": 2,
                              "dataPoints": [_point({"asInt": "3"})]}},
        {"name": "c", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            _point({"count": "2", "sum": 1}), _point({"count": "4", "sum": 3})]}}]}]}]},
    "logs": {"resourceLogs": [{"resource": _RESOURCE, "scopeLogs": [{"scope": {"name": "a.B"},
        "logRecords": [{"timeUnixNano": "1795600000000000000", "severityText": "WARN",
                        "body": {"stringValue": "x"}, "attributes": [
                            {"key": "code.lineno", "value": {"intValue": "7"}}]}]}]}]},
}  # fmt: skip
_ALERT = {"at": "2026-11-25T10:00:00Z", "id": "a", "entry": "cart", "signal": "p99", "title": "t",
          "onset_between": [1795600000, 1795600060.5], "labels": {"a": "b"}, "metric": "m",
          "severity": "page", "trace_id": "t", "system": "s"}  # fmt: skip
_WEBHOOK = {"version": "4", "status": "firing", "alerts": [{"status": "resolved", "labels":
            {"alertname": "Slow", "service": "cart", "severity": "page", "cluster": "eu"},
            "annotations": {"summary": "s"}, "startsAt": "2026-11-25T10:00:00Z",
            "endsAt": "2026-11-25T10:09:00Z", "fingerprint": "f"}]}  # fmt: skip
_FILE = {"alert_ts": 1795600000, "onset_between": [1795599000, 1795600000], "case_id": "c",
         "evaluation_interval_s": 30, "entry_service": "cart", "signal": "x"}  # fmt: skip
_LINES = "GET /cart 200 in 5ms\nGET /cart 500 in 7ms\nuser 7 <*> failed: 0xff\n"


def _targets() -> Iterator[Target]:
    for kind, lines in _CSV.items():
        words = (*lines.splitlines()[0].decode().split(","), "time", "\r\n", '"', "1e400")
        seeds = [lines, gzip.compress(lines, mtime=0)]
        seeds += [json.dumps(_JSON[kind]).encode()] if kind in _JSON else []
        yield raw(f"telemetry {kind}", partial(_read, kind), seeds, _REFUSED, words)
        name = f"{kind}.csv"
        if kind != "topology":
            yield raw(f"case file {kind}", partial(_in_folder, name), [lines], _REFUSED, words)
    for kind, rows in _JSON.items():
        take = encoded(partial(_read, kind), lines=True)
        yield documents(f"telemetry {kind} JSON", take, [rows, rows[0]], (), _REFUSED)
    for kind, request in _OTLP.items():
        words = ("exponentialHistogram", "intValue", "observedTimeUnixNano", "STATUS_CODE_ERROR")
        take = encoded(partial(_read, kind))
        yield documents(f"telemetry {kind} OTLP", take, [request], words, _REFUSED)
    yield raw("telemetry Parquet", partial(_read, "metrics"), [_parquet()], _REFUSED)
    yield raw("archive of cases", case_archives.look, [_tar(), _zip(), gzip.compress(_tar())],
              _REFUSED)  # fmt: skip
    yield documents("alert file", encoded(_alert_file), [_FILE], (), _REFUSED)
    yield documents("alert", _alert, [_ALERT], ("onset",), (alerts.NotAnAlert,))
    yield documents("Alertmanager", _alertmanager, [_WEBHOOK], alerts.ENTRY_LABELS,
                    (alerts.NotAnAlert,))  # fmt: skip
    yield texts("log templates", _mined, [_LINES], ("<*>", "\n", " ", "0x", "=", ":"))


def targets() -> tuple[Target, ...]:
    _folder()  # made before each target's process, which ends without a word
    return tuple(_targets())
