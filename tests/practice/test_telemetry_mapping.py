"""What a sent file's columns are: named, found by other names, in own units, or missing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from practice.clients import telemetry as neutral
from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_files import Read, glance, read
from practice.models import TelemetrySource
from practice.services.telemetry import file_send, mapping_of, mapping_save, source_create
from tests.practice.outages import read_in


def rows(found: Read) -> list[list[str]]:
    return [line.split(",") for line in gzip.decompress(found.content).decode().splitlines()[1:]]


def span(start: str, took: str, names: str = "start_us,duration_us") -> bytes:
    head = f"trace_id,span_id,parent_id,service,{names}"
    return f"{head}\nt,s,,web,{start},{took}\n".encode()


@pytest.mark.parametrize("unit", ["ms", "ns"])
def test_a_unit_counts_without_a_name_for_the_time(unit: str) -> None:
    value = {"ms": "1795000000123", "ns": "1795000000123000000"}[unit]
    data = f"ts,service,metric,value\n{value},web,cpu,5\n".encode()
    found = read(data, name="m.csv", kind="metrics", mapping={"time_unit": unit})
    assert float(rows(found)[0][0]) == 1795000000.123


@pytest.mark.parametrize(
    ("names", "mapping", "took"),
    [
        ("begin,took", {"time_unit": "ns", "duration_unit": "us"}, "250"),
        ("begin,took", {"time_unit": "ns"}, "0.25"),
        ("begin,took_us", {"time_unit": "ns", "duration_us": "took_us"}, "250"),
        ("begin,duration_us", {"time_unit": "ns", "duration_us": ""}, "250"),
        ("begin,duration_ms", {"time_unit": "ns", "duration_us": ""}, "250000.0"),
        ("startNs,duration_us", {"start_us": "", "duration_us": ""}, "250"),
    ],
)
def test_a_start_and_a_duration_may_be_in_units_of_their_own(
    names: str, mapping: dict[str, str], took: str
) -> None:
    data = span("1795000000123456000", "250", names)
    said = {"start_us": "begin", "duration_us": "took"} | mapping
    (row,) = rows(read(data, name="t.csv", kind="traces", mapping=said))
    assert (float(row[4]), row[5]) == (1795000000123456.0, took)


def test_latencies_of_calls_may_be_in_milliseconds() -> None:
    data = b"ts,source,target,side,p50_s\n1795000000,web,shop,caller,250\n"
    found = read(data, name="e.csv", kind="edges", mapping={"duration_unit": "ms"})
    assert rows(found)[0][4] == "0.25"
    named = data.replace(b"p50_s", b"latency_ms")
    assert rows(read(named, name="e.csv", kind="edges"))[0][4] == "0.25"


#: of what labelled sets may hold, one of each.
SETS = {
    "metrics": b"timestamp,serviceName,kpi,value\n1795000000,web,cpu,5\n",
    "traces": b"traceID,spanID,parentSpanID,serviceName,start_ms,duration_ms,operationName\n"
    b"t,s,,web,1795000000123,250,GET /\n",
    "logs": b"time_ms,app,service,body,severity\n1795000000123,x,web,hello,ERROR\n",
    "edges": b"timestamp,caller,callee,side,latency_ms\n1795000000,web,shop,caller,250\n",
    "wide": b"time,web_cpu,web_latency,shop_cpu,shop_latency\n1795000000,1,2,3,4\n",
}


@pytest.mark.parametrize("what", [*SETS])
def test_an_upload_takes_the_names_that_a_labelled_set_may_have(tmp_path: Path, what: str) -> None:
    kind = "metrics" if what == "wide" else what
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / f"{kind}.csv").write_bytes(SETS[what])
    glance(SETS[what], name="sent.csv", kind=kind)
    found = read(SETS[what], name="sent.csv", kind=kind)
    assert found.notes == ()
    (tmp_path / "sent").mkdir()
    (tmp_path / "sent" / f"{kind}.csv.gz").write_bytes(found.content)
    of_set, of_upload = (neutral.telemetry(tmp_path / name)[0] for name in ("set", "sent"))
    assert repr(of_upload) == repr(of_set)
    assert of_set.present()


def test_a_named_column_that_is_not_there_is_said_with_those_that_are() -> None:
    data = b"ts,svc,metric,value\n1795000000,web,cpu,5\n"
    mapping = {"service": "servcie", "pod": "box"}
    found = read(data, name="m.csv", kind="metrics", mapping=mapping)
    assert found.notes == (
        "m.csv has no column servcie, box, as the source calls service, pod: it has ts, svc, "
        "metric, value",
    )


def test_a_column_that_only_later_records_have_is_there() -> None:
    told = [
        {"ts_us": 1795000000000000, "service": "web", "message": "a"},
        {"ts_us": 1795000000000000, "service": "web", "message": "b", "trace_id": "t", "box": "p"},
    ]
    data = json.dumps(told).encode()
    found = read(data, name="l.json", kind="logs", mapping={"pod": "box"})
    assert found.notes == ()
    assert [row[6] for row in rows(found)] == ["", "t"]


def test_rows_that_say_nothing_of_whose_they_are_give_one_clear_line() -> None:
    found = read(b"ts,svc,metric,value\n1795000000,web,cpu,5\n", name="m.csv", kind="metrics")
    assert found.notes == (
        "No row of m.csv says what it is of: it has ts, svc, metric, value. Say on the source's "
        "page which column is the service.",
    )
    both = b"ts,metric,value\n1795000000,web_cpu,5\n1795000000,shop_cpu,5\n1795000000,web_mem,5\n"
    assert read(both, name="m.csv", kind="metrics").notes == ()


def test_a_table_whose_columns_nobody_knows_is_refused() -> None:
    with pytest.raises(UnreadableTelemetry, match="has no column m, value: it has ts, note"):
        read(b"ts,note\n1795000000,calm\n", name="m.csv", kind="metrics", mapping={"metric": "m"})
    with pytest.raises(UnreadableTelemetry, match="holds no row that can be used"):
        glance(b"ts,note\n1795000000,calm\n", name="m.csv", kind="metrics")


@pytest.fixture
def source(workspace: Any) -> TelemetrySource:
    return source_create(workspace=workspace, name="Shop", by=None)


def test_both_units_are_said_on_the_page_of_the_source(
    rita_client: Any, source: TelemetrySource
) -> None:
    page = "/root-causes/telemetry/shop/"
    shown = rita_client.get(f"{page}?kind=traces")
    assert b'name="column-duration_unit"' in shown.content
    assert b'name="column-duration_unit"' not in rita_client.get(f"{page}?kind=logs").content
    typed = {"kind": "traces", "seen": shown.context["columns_seen"]}
    typed |= {"column-time_unit": "ns", "column-duration_unit": "us"}
    assert rita_client.post(f"{page}columns/", typed).status_code == 302
    source.refresh_from_db()
    assert mapping_of(source, "traces")["duration_unit"] == "us"
    data = span("1795000000123456000", "250")
    row = file_send(source=source, kind="traces", name="t.csv", data=data, by=None)
    first = read_in(row).first_at
    assert first is not None
    assert first.timestamp() == 1795000000.123456
    typed |= {"seen": rita_client.get(f"{page}?kind=traces").context["columns_seen"]}
    typed["column-duration_unit"] = "weeks"
    refused = rita_client.post(f"{page}columns/", typed, follow=True)
    assert b"The duration unit must be s, ms, us or ns." in refused.content


def test_the_api_takes_both_units(source: TelemetrySource) -> None:
    said = {"time_unit": "ns", "duration_unit": "us"}
    mapping_save(source=source, kind="traces", mapping=said, by=None)
    source.refresh_from_db()
    assert source.mapping["traces"] == said
