"""Parquet is read like any other form where pyarrow is installed, else refused with a word."""

from __future__ import annotations

import gzip
import io
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from practice.clients import telemetry_parquet, telemetry_records
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import glance, read
from practice.services.telemetry import file_send, source_create
from tests.practice.outages import read_in

AT = datetime(2026, 11, 20, 9, 12, 0, 250_000, tzinfo=UTC)


def packed(columns: dict[str, Any], **types: Any) -> bytes:
    arrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = arrow.table(
        {name: arrow.array(values, types.get(name)) for name, values in columns.items()}
    )
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=1_000)
    return out.getvalue()


def rows_of(data: bytes, kind: str, **mapping: str) -> list[str]:
    found = read(data, name="sent.parquet", kind=kind, mapping=mapping)
    return gzip.decompress(found.content).decode().splitlines()[1:]


def test_without_pyarrow_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for look in (glance, read):
        with pytest.raises(UnreadableTelemetry, match=r"greenroom\[parquet\].*or send CSV"):
            look(telemetry_parquet.MAGIC + b"...", name="m.parquet", kind="metrics")


def test_it_reads_numbers_texts_and_times_to_the_nanosecond() -> None:
    arrow = pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    data = packed(
        {"ts": [AT], "metric": ["cpu"], "value": [0.5], "service": ["web"], "pod": [None]},
        ts=arrow.timestamp("ns", "UTC"),
    )
    assert rows_of(data, "metrics") == [f"{AT.timestamp()},cpu,0.5,web,,"]


def test_it_takes_the_column_names_of_its_source() -> None:
    data = packed({"when": [1795000000123], "app": ["web"], "text": ["hello, you"]})
    mapping = {"ts_us": "when", "service": "app", "message": "text", "time_unit": "ms"}
    (row,) = rows_of(data, "logs", **mapping)
    when, _, rest = row.partition(",")
    assert float(when) == pytest.approx(1795000000123000, abs=1)
    assert rest == 'web,"hello, you",,,,,'


def test_it_tells_how_far_it_is() -> None:
    size = 12_000
    data = packed({"ts": [1795000000] * size, "metric": ["m"] * size, "value": [1.0] * size})
    heard: list[float] = []
    read(data, name="m", kind="metrics", told=lambda rows, share: heard.append(share))
    assert heard == pytest.approx([5 / 12, 10 / 12], abs=0.01)


@pytest.mark.parametrize("sent", [bytes, gzip.compress])
def test_a_worker_reads_it_as_it_was_kept(workspace: Any, sent: Any) -> None:
    data = packed({"ts": [1795000000], "metric": ["cpu"], "value": [0.5], "service": ["web"]})
    source = source_create(workspace=workspace, by=None, name="Lake")
    row = file_send(source=source, kind="metrics", name="m.parquet", data=sent(data), by=None)
    row = read_in(row)
    assert (row.status, row.message, row.rows, row.services) == ("done", "", 1, ["web"])


def test_it_refuses_one_that_is_cut_or_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    data = packed({"ts": [1795000000] * 9000, "metric": ["m"] * 9000, "value": [1.0] * 9000})
    with pytest.raises(UnreadableTelemetry, match="can only be read whole"):
        glance(data[:-200], name="m.parquet", kind="metrics")
    with pytest.raises(UnreadableTelemetry, match="can only be read whole"):
        glance(data.replace(b"metric", b"m\xff\xfe\xfdic"), name="m.parquet", kind="metrics")
    monkeypatch.setattr(telemetry_records, "UNPACKED_CAP", 1 << 10)
    with pytest.raises(UnreadableTelemetry, match="split it by time"):
        glance(data, name="m.parquet", kind="metrics")


def test_a_text_that_stands_there_once_and_comes_in_every_row_is_no_way_around_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size = 5_000
    data = packed({"ts_us": [1795000000000000] * size, "service": ["web"] * size,
                   "message": ["x" * 1_000] * size})  # fmt: skip
    assert len(data) < 100_000
    assert read(data, name="l.parquet", kind="logs").rows == size
    monkeypatch.setattr(telemetry_records, "UNPACKED_CAP", 1_000_000)
    with pytest.raises(UnreadableTelemetry, match="split it by time"):
        read(data, name="l.parquet", kind="logs")


def test_long_texts_come_a_few_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_parquet, "_PIECE", 10_000)
    messages = [f"{n} " + "x" * 1_000 for n in range(50)]
    data = packed({"ts_us": [1795000000000000] * 50, "service": ["web"] * 50, "message": messages})
    assert [row.split(",")[2] for row in rows_of(data, "logs")] == messages


def test_lists_are_left_out_and_the_rest_is_read() -> None:
    data = packed({"ts": [1795000000], "metric": ["cpu"], "value": [0.5], "labels": [["a", "b"]]})
    assert rows_of(data, "metrics") == ["1795000000,cpu,0.5,,,"]
