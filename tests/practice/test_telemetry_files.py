"""Turning what is sent into the neutral layout."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from typing import Any

import pytest

from practice.clients import telemetry_files, telemetry_records
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import Read, glance, header, read
from tests.practice.outages import otlp

METRICS = b"ts,service,pod,metric,value\n1795000000,web,web-0,cpu_pct,20\n"


def text_of(found: Read) -> list[str]:
    return gzip.decompress(found.content).decode().splitlines()


def test_it_reads_csv_of_our_own_columns_plain_or_gzipped() -> None:
    plain = read(METRICS, name="m.csv", kind="metrics")
    packed = read(gzip.compress(METRICS), name="m.csv.gz", kind="metrics")
    assert text_of(plain) == text_of(packed)
    assert text_of(plain)[1] == "1795000000,cpu_pct,20,web,web-0,"
    assert (plain.rows, plain.first, plain.services) == (1, 1795000000.0, ("web",))
    assert gzip.decompress(telemetry_files.packed(METRICS)) == METRICS


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


def test_a_time_beyond_the_calendar_is_said_and_costs_no_other_row() -> None:
    far = METRICS + b"99999999999999,web,web-0,cpu_pct,21\ninf,web,web-0,cpu_pct,22\n"
    found = read(far, name="m.csv", kind="metrics")
    assert (found.rows, found.first, found.last) == (3, 1795000000.0, 1795000000.0)
    assert found.notes == (
        "1 row of m.csv with a time beyond the year 9999",
        "1 row of m.csv without a time that can be read",
    )


def test_a_nul_in_a_name_is_left_out() -> None:
    found = read(METRICS.replace(b",web,", b",w\0eb,"), name="m.csv", kind="metrics")
    assert (found.services, "\0" in "".join(text_of(found))) == (("web",), False)


def test_what_it_writes_is_read_back_row_for_row() -> None:
    r"""A lone \r is no end of a row, and half a character no text."""
    given = json.dumps(
        [{"ts": 1795000000, "service": "w\ud800", "metric": "a\rb", "value": 10**400}]
    )
    found = read(given.encode(), name="m.json", kind="metrics")
    assert found.services == ("w?",)
    again = read(found.content, name="m.csv", kind="metrics")
    assert (again.rows, again.services) == (1, ("w?",))


def test_times_in_another_unit_than_the_column_says_are_told_with_what_to_do() -> None:
    millis = METRICS.replace(b"1795000000", b"1795000000000")
    with pytest.raises(UnreadableTelemetry, match=r"The times of m\.csv .* which unit"):
        read(millis, name="m.csv", kind="metrics")


def test_it_reads_json_lists_and_lines_with_iso_times() -> None:
    row = {"ts_us": "2026-11-18T17:46:40Z", "service": "web", "message": {"a": 1}, "level": None}
    for data in (json.dumps([row]), f"{json.dumps(row)}\n{json.dumps(row)}"):
        found = read(data.encode(), name="l.json", kind="logs")
        assert found.first == 1795024000.0
        assert '"{""a"": 1}"' in text_of(found)[1]


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
        (METRICS, "weather", "is not a kind of telemetry"),
    ],
)
def test_it_refuses_what_it_cannot_use_in_one_line(data: bytes, kind: str, message: str) -> None:
    for look in (glance, read):
        with pytest.raises(UnreadableTelemetry, match=message) as refusal:
            look(data, name="sent.csv", kind=kind)
        assert "\n" not in str(refusal.value)


def test_a_glance_reads_the_first_row_only() -> None:
    """What is wrong further down is for the worker to find."""
    telemetry_files.glance(METRICS + b"1,2\n" * 9, name="m.csv", kind="metrics")
    glance(gzip.compress(METRICS * 9999)[:-100], name="m.csv.gz", kind="metrics")


def test_it_tells_how_far_it_is_and_stops_when_told_to() -> None:
    lines = METRICS + b"1795000000,web,web-0,cpu_pct,20\n" * 19_999
    heard: list[tuple[int, float]] = []
    read(lines, name="m.csv", kind="metrics", told=lambda *said: heard.append(said))
    assert [rows for rows, _ in heard] == [5_000, 10_000, 15_000, 20_000]
    assert [share for _, share in heard] == sorted(share for _, share in heard)

    def stop(rows: int, share: float) -> None:
        raise KeyError(rows)

    with pytest.raises(KeyError, match="5000"):
        read(lines, name="m.csv", kind="metrics", told=stop)


def test_it_reads_a_list_whose_objects_span_lines_and_files_joined_end_to_end() -> None:
    row = {"ts_us": "2026-11-18T17:46:40Z", "service": "web", "message": "a, [b] {c}\n"}
    text = json.dumps([row] * 300, indent=2).encode()
    assert read(text, name="l.json", kind="logs").rows == 300
    joined = gzip.compress(METRICS) + gzip.compress(METRICS.splitlines(keepends=True)[1])
    assert read(joined, name="m.csv.gz", kind="metrics").rows == 2


def test_a_list_in_one_line_is_gone_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    class Watched(json.JSONDecoder):
        def raw_decode(self, s: str, idx: int = 0) -> Any:
            seen.append((len(s), idx))
            return super().raw_decode(s, idx)

    monkeypatch.setattr(json, "JSONDecoder", Watched)
    row = {"ts_us": "2026-11-18T17:46:40Z", "service": "web", "message": "a"}
    data = json.dumps([row] * 300).encode()
    assert read(data, name="l.json", kind="logs").rows == 300
    assert {size for size, _ in seen} == {len(data)}  # nothing was cut off it
    assert [place for _, place in seen] == sorted({place for _, place in seen})


def test_a_long_field_is_read_like_any_other() -> None:
    usual = csv.field_size_limit(131_072)
    try:
        data = b"ts_us,service,message\n1795000000000000,web," + b"x" * 200_000 + b"\n"
        found = read(data, name="l.csv", kind="logs")
    finally:
        csv.field_size_limit(usual)
    assert (found.rows, found.notes) == (1, ())


def test_one_object_may_not_be_larger_than_memory_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_records, "WHOLE_CAP", 1000)
    whole = json.dumps({"resourceSpans": ["x" * 2000]}, indent=1).encode()
    listed = json.dumps([{"message": "x" * 2000}], indent=1).encode()
    protobuf = b"\n" + b"x" * 2000
    for data, kind in ((whole, "traces"), (listed, "logs"), (protobuf, "traces")):
        with pytest.raises(UnreadableTelemetry, match="send one object per line"):
            read(data, name="big", kind=kind)


def test_it_refuses_a_zip_archive() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m.csv", METRICS)
    with pytest.raises(UnreadableTelemetry, match="send each file in it by itself"):
        read(out.getvalue(), name="m.zip", kind="metrics")


def test_it_stops_a_zip_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telemetry_records, "UNPACKED_CAP", 1 << 20)
    bomb = gzip.compress(METRICS + b"0" * (4 << 20))
    for look in (read, glance):
        with pytest.raises(UnreadableTelemetry, match="unpacks to more than 1 MB: split it"):
            look(bomb, name="m.csv.gz", kind="metrics")


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
    assert found.notes == ("2 rows of m.csv with another number of fields than its first line",)


def test_it_keeps_rows_without_a_time_and_says_so() -> None:
    found = read(METRICS + b"soon,web,,cpu_pct,3\n", name="m.csv", kind="metrics")
    assert found.rows == 2
    assert found.notes == ("1 row of m.csv without a time that can be read",)


@pytest.mark.parametrize("mark", [";", "\t"])
def test_fields_may_be_parted_by_semicolons_or_tabs(mark: str) -> None:
    sent = METRICS.replace(b",", mark.encode())
    found = read(sent, name="m.csv", kind="metrics")
    assert found.content == read(METRICS, name="m.csv", kind="metrics").content
    assert header(sent, name="m.csv") == header(METRICS, name="m.csv")


def test_a_file_of_which_no_time_can_be_read_is_not_taken_for_read() -> None:
    sent = METRICS.splitlines()[0] + b"\n29/11/2026 10:00,web,,cpu_pct,3\n"
    with pytest.raises(UnreadableTelemetry, match=r"No time in m\.csv can be read"):
        read(sent, name="m.csv", kind="metrics")


def test_values_that_are_no_numbers_are_counted() -> None:
    found = read(METRICS + b"1795000060,web,,cpu_pct,5%\n", name="m.csv", kind="metrics")
    assert (found.rows, found.notes) == (2, ("1 row of m.csv without a number as value",))


@pytest.mark.parametrize(
    "data",
    [gzip.compress(gzip.compress(METRICS * 99)), METRICS.decode().encode("utf-16")],
    ids=["packed twice", "in UTF-16"],
)
def test_what_is_no_text_is_said_without_showing_it(data: bytes) -> None:
    for look in (glance, read):
        with pytest.raises(UnreadableTelemetry) as refusal:
            look(data, name="m.csv", kind="metrics")
        assert str(refusal.value).startswith("m.csv is not text in UTF-8")
        assert str(refusal.value).isprintable()


def test_an_object_that_is_cut_off_is_said() -> None:
    cut = b'{"resourceSpans": [{"scopeSpans": [{"spans": ['
    with pytest.raises(UnreadableTelemetry, match=r"1 lines of t\.json are not JSON"):
        glance(cut, name="t.json", kind="traces")


def test_it_takes_a_file_that_is_no_text_without_failing() -> None:
    with pytest.raises(UnreadableTelemetry):
        read(bytes(range(256)) * 40, name="m.bin", kind="metrics")
