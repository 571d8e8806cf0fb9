"""Turning what is sent into the neutral layout."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from practice.clients import telemetry_files
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import Read, read

METRICS = b"ts,service,pod,metric,value\n1795000000,web,web-0,cpu_pct,20\n"


def text_of(found: Read) -> list[str]:
    return gzip.decompress(found.content).decode().splitlines()


def test_it_reads_csv_of_our_own_columns_plain_or_gzipped() -> None:
    plain = read(METRICS, name="m.csv", kind="metrics")
    packed = read(gzip.compress(METRICS), name="m.csv.gz", kind="metrics")
    assert text_of(plain) == text_of(packed)
    assert text_of(plain)[1] == "1795000000,cpu_pct,20,web,web-0,"
    assert (plain.rows, plain.first, plain.services) == (1, 1795000000.0, ("web",))
    assert gzip.decompress(plain.original) == METRICS


def test_it_reads_other_names_and_units_by_the_sources_mapping() -> None:
    data = b"time,app,what,how much\n1795000000123,web,cpu,0.5\n"
    mapping = {
        "ts": "time",
        "service": "app",
        "metric": "what",
        "value": "how much",
        "time_unit": "ms",
    }
    found = read(data, name="m.csv", kind="metrics", mapping=mapping)
    assert text_of(found)[1] == "1795000000.123,cpu,0.5,web,,"


def test_it_reads_json_lists_and_lines_with_iso_times() -> None:
    row = {"ts_us": "2026-11-18T17:46:40Z", "service": "web", "message": {"a": 1}, "level": None}
    for data in (json.dumps([row]), f"{json.dumps(row)}\n{json.dumps(row)}"):
        found = read(data.encode(), name="l.json", kind="logs")
        assert found.first == 1795024000.0
        assert '"{""a"": 1}"' in text_of(found)[1]


def otlp(**changes: Any) -> bytes:
    span = {
        "traceId": "t1",
        "spanId": "s1",
        "name": "GET /",
        "startTimeUnixNano": "1795000000000000000",
        "endTimeUnixNano": "1795000000250000000",
        "status": {"code": 2},
    } | changes
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    batch = {"resource": resource, "scopeSpans": [{"spans": [span]}]}
    return json.dumps({"resourceSpans": [batch]}).encode()


def test_it_reads_otlp_traces() -> None:
    found = read(otlp(), name="t.json", kind="traces")
    assert text_of(found)[1] == "t1,s1,,web,1795000000000000,250000,,GET /,error,"


def test_a_span_without_an_end_is_kept_without_a_duration() -> None:
    found = read(otlp(endTimeUnixNano="0"), name="t.json", kind="traces")
    assert text_of(found)[1].split(",")[5] == ""


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (b"", "metrics", "is empty"),
        (b"ts,service\n", "metrics", "holds no row"),
        (b"a,b\n1,2\n", "metrics", "has no column ts, metric, value"),
        (b"[1,", "metrics", "is not JSON"),
        (b"[]", "logs", "holds no row"),
        (b"{}", "logs", "holds no row"),
        (METRICS, "weather", "is no kind of telemetry"),
    ],
)
def test_it_refuses_what_it_cannot_use_in_one_line(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(UnreadableTelemetry, match=message) as refusal:
        read(data, name="sent.csv", kind=kind)
    assert "\n" not in str(refusal.value)


def test_it_refuses_a_zip_archive() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m.csv", METRICS)
    with pytest.raises(UnreadableTelemetry, match="send each file in it by itself"):
        read(out.getvalue(), name="m.zip", kind="metrics")


def test_it_stops_a_zip_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_files, "UNPACKED_CAP", 1 << 20)
    bomb = gzip.compress(b"0" * (4 << 20))
    with pytest.raises(UnreadableTelemetry, match="unpacks to more than 1 MB: split it by time"):
        read(bomb, name="m.csv.gz", kind="metrics")


def test_it_uses_the_rows_before_a_cut_and_says_so() -> None:
    lines = METRICS + b"".join(
        b"%d,web,web-0,cpu_pct,%d\n" % (1795000000 + n, n) for n in range(9999)
    )
    found = read(gzip.compress(lines)[:-2000], name="m.csv.gz", kind="metrics")
    assert 0 < found.rows < 10_000
    assert any("cut off" in note for note in found.notes)


def test_it_leaves_out_rows_of_another_shape_and_says_so() -> None:
    found = read(
        METRICS + b"1,2\n" + b"1795000060,web,,cpu_pct,3,9\n", name="m.csv", kind="metrics"
    )
    assert found.rows == 1
    assert found.notes == ("2 rows of m.csv have another number of fields than its first line",)


def test_it_keeps_rows_without_a_time_and_says_so() -> None:
    found = read(METRICS + b"soon,web,,cpu_pct,3\n", name="m.csv", kind="metrics")
    assert found.rows == 2
    assert found.notes == ("1 rows of m.csv carry no time that can be read",)


def test_it_takes_a_file_that_is_no_text_without_failing() -> None:
    with pytest.raises(UnreadableTelemetry):
        read(bytes(range(256)) * 40, name="m.bin", kind="metrics")
