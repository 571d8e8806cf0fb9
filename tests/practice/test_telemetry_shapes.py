"""Telemetry in other shapes than the layout's own: wide tables, a file per metric, pods alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from practice.clients.telemetry import UnreadableTelemetry, case, telemetry
from practice.clients.telemetry_names import owner, parted
from practice.clients.telemetry_sets import CaseSet, replay, sets_in
from practice.domain.rootcause.telemetry import MetricTable

AT = 1_700_000_000


def rows(table: MetricTable) -> set[tuple[float, str, str, float]]:
    """(time, service, metric, value) of every sample."""
    return {
        (float(table.ts[n]), table.service[n], table.metric[n], float(table.value[n]))
        for n in range(len(table))
    }


WANT = {
    (AT + n, service, metric, value + n)
    for n in range(2)
    for service, metric, value in (
        ("cart-db", "cpu", 1.0), ("cart-db", "latency-50", 2.0),
        ("front", "cpu", 3.0), ("front", "latency-50", 4.0),
    )
}  # fmt: skip


def test_a_wide_table_has_a_column_per_service_and_metric(tmp_path: Path) -> None:
    """The time stands there twice, and what is missing is left empty."""
    (tmp_path / "metrics.csv").write_text(
        "time,cart-db_cpu,cart-db_latency-50,front_cpu,front_latency-50,note,time.1\n"
        f"{AT},1,2,3,4,calm,{AT}\n{AT + 1},2,3,4,5,,{AT + 1}\n{AT + 2},,,,,,{AT + 2}\n"
    )
    found, notes = telemetry(tmp_path)
    assert (rows(found.metrics), notes) == (WANT, ())


def test_a_wide_table_may_name_the_service_in_a_column(tmp_path: Path) -> None:
    lines = [f"{AT},cart-db,1,2", f"{AT},front,3,4", f"{AT + 1},cart-db,2,3", f"{AT + 1},front,4,5"]
    text = "\n".join(["timestamp,service,cpu,latency-50", *lines])
    (tmp_path / "metrics.json").write_text(
        json.dumps([dict(zip(text.split("\n")[0].split(","), line.split(","), strict=True))
                    for line in lines])
    )  # fmt: skip
    assert rows(telemetry(tmp_path)[0].metrics) == WANT


def test_a_name_of_service_and_metric_in_one_is_parted(tmp_path: Path) -> None:
    lines = [f"{at:.0f},{service}_{metric},{value}" for at, service, metric, value in WANT]
    (tmp_path / "metrics.csv").write_text("\n".join(["ts,metric,value", *lines]))
    assert rows(telemetry(tmp_path)[0].metrics) == WANT


@pytest.mark.parametrize("where", ["metrics_{}.csv", "metrics/{}.csv"])
def test_there_may_be_a_file_per_metric(tmp_path: Path, where: str) -> None:
    (tmp_path / "metrics").mkdir()
    for metric in ("cpu", "latency-50"):
        mine = [f"{at:.0f},{service},{value}" for at, service, m, value in WANT if m == metric]
        text = "\n".join(["ts,service,value", *mine])
        (tmp_path / where.format(metric)).write_text(text)
    assert rows(telemetry(tmp_path)[0].metrics) == WANT


def test_there_may_be_a_file_per_service(tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    for service, first in (("cart-db", 1), ("front", 3)):
        lines = [f"{AT + n},{first + n},{first + 1 + n}" for n in range(2)]
        text = "\n".join(["ts,cpu,latency-50", *lines])
        (tmp_path / "metrics" / f"{service}.csv").write_text(text)
    assert rows(telemetry(tmp_path)[0].metrics) == WANT


def test_parts_of_traces_are_read_as_one(tmp_path: Path) -> None:
    header = "trace_id,span_id,parent_id,service,start_us,duration_us\n"
    (tmp_path / "traces-1.csv").write_text(f"{header}t,a,,web,{AT}000000,9\n")
    (tmp_path / "traces-2.csv").write_text(f"{header}t,b,a,shop,{AT}000001,5\n")
    spans = telemetry(tmp_path)[0].spans
    assert [spans.service[n] for n in range(2)] == ["web", "shop"]
    assert spans.parent_id[1] == spans.span_id[0] == "a"


@pytest.mark.parametrize(
    ("pod", "service"),
    [
        ("adservice-76bdd69666-ckc5j", "adservice"),
        ("ts-order-2-5d4f8c7b6d-x2kpq", "ts-order-2"),
        ("redis-0", "redis-0"),
        ("user-db", "user-db"),
        ("cart-0", "cart"),
    ],
)
def test_a_pod_is_one_of_the_service_its_name_begins_with(pod: str, service: str) -> None:
    """A number at the end may belong to the name, unless there is a service without it."""
    assert owner(pod, {"cart"}) == service


def test_rows_without_a_service_are_those_of_their_pod(tmp_path: Path) -> None:
    """A host is none, and neither is what a mesh calls what it does not know."""
    (tmp_path / "metrics.csv").write_text(
        "ts,service,pod,metric,value,host\n"
        f"{AT},,front-76bdd69666-ckc5j,cpu,1,node-1\n{AT},unknown,,cpu,2,\n"
        f"{AT},PassthroughCluster,,cpu,3,\n{AT},,node-1,cpu,4,\n{AT},front,,cpu,5,\n"
    )
    (tmp_path / "traces.csv").write_text(
        "trace_id,span_id,parent_id,pod,start_us,duration_us\n"
        f"t,a,,front-76bdd69666-ckc5j,{AT}000000,9\n"
    )
    found, _ = telemetry(tmp_path)
    assert [found.metrics.service[n] for n in range(5)] == ["front", "", "", "", "front"]
    assert found.spans.service[0] == "front"


def test_rows_that_are_nobodys_are_refused(tmp_path: Path) -> None:
    (tmp_path / "logs.csv").write_text(f"ts_us,message\n{AT}000000,hello\n")
    with pytest.raises(UnreadableTelemetry, match=r"logs\.csv has no column service"):
        telemetry(tmp_path)


def test_names_are_parted_where_their_halves_are_met_most() -> None:
    """Neither a word that all services begin with is one, nor a quantile a metric."""
    pairs = [(f"ts_{service}", metric) for service in ("order", "cart", "user")
             for metric in ("cpu", "mem", "lat_p50", "lat_p90")]  # fmt: skip
    assert parted(["_".join(pair) for pair in pairs]) == pairs
    assert parted(["load"]) == [("", "load")]


@pytest.mark.parametrize(
    "said",
    [
        {"alert_ts": AT},
        {"timestamp": f"{AT}000"},
        {"startsAt": "2023-11-14T22:13:20.000000000Z"},
        {"onset_between": [AT - 180, AT - 60]},
        {"window": ["2023-11-14T22:10:20Z", "2023-11-14T23:12:20+01:00"]},
    ],
    ids=range(5),
)
def test_an_alert_may_say_its_time_otherwise(tmp_path: Path, said: dict[str, object]) -> None:
    (tmp_path / "alert.json").write_text(json.dumps({**said, "entry": "front"}))
    found = case(tmp_path).alert
    assert (found.at, found.entry, found.interval) == (AT, "front", 60.0)


@pytest.mark.parametrize(
    "labels",
    [
        {"cases": [{"case_id": "c1", "root_cause_service": "cart"}]},
        [{"case_id": "c1", "root_cause": "cart"}],
        {"c1": "cart"},
        {"c1": {"service": "cart", "root_cause_host": "node-1"}},
    ],
    ids=range(4),
)
def test_labels_may_be_a_list_or_by_case(tmp_path: Path, labels: object) -> None:
    (tmp_path / "ground_truth.json").write_text(json.dumps(labels))
    truths = CaseSet("s", tmp_path).truths()
    assert truths is not None
    assert truths["c1"].service == "cart"


CPU = f"ts,service,metric,value\n{AT},web,cpu,5\n"


@pytest.mark.parametrize("name", ["METRICS.CSV", "Metrics.csv", "metric.csv", "Metric/cpu.CSV"])
def test_a_file_is_known_by_its_name_in_any_case(tmp_path: Path, name: str) -> None:
    (tmp_path / "Metric").mkdir()
    (tmp_path / name).write_text(CPU)
    found, notes = telemetry(tmp_path)
    assert rows(found.metrics) == {(AT, "web", "cpu", 5.0)}
    assert notes == ()


def test_spans_may_name_nothing_but_their_trace_and_time(tmp_path: Path) -> None:
    (tmp_path / "Spans.csv").write_text(f"trace_id,service,start_us\nt,web,{AT}000000\n")
    found, notes = telemetry(tmp_path)
    assert (found.spans.service[0], found.spans.start[0]) == ("web", AT)
    assert np.isnan(found.spans.duration[0])
    assert notes == (
        "No span of Spans.csv has a span_id or a parent_id: who called whom cannot be told from it",
        "Spans.csv has no duration_us: its spans were used as calls, not as times",
    )


def test_spans_whose_callers_are_never_said_are_told_of_by_what_they_lack(tmp_path: Path) -> None:
    (tmp_path / "traces.csv").write_text(
        "trace_id,span_id,parent_id,service,start_us,duration_us\n"
        f"t,a,,web,{AT}000000,5\nt,b,,shop,{AT}000000,5\n"
    )
    assert telemetry(tmp_path)[1] == (
        "No span of traces.csv has a parent_id: who called whom cannot be told from it",
    )


def test_an_end_stands_for_a_duration(tmp_path: Path) -> None:
    (tmp_path / "traces.csv").write_text(
        "TraceId,SpanId,ParentSpanId,ServiceName,StartTimeUnixNano,EndTimeUnixNano\n"
        f"t,a,,web,{AT}000000000,{AT}250000000\nt,b,a,shop,{AT}000000000,{AT}125000000\n"
    )
    found, notes = telemetry(tmp_path)
    assert found.spans.duration.tolist() == pytest.approx([0.25, 0.125])
    assert notes == ()


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    text = f"ts;service;metric;value\r\n{AT};web;cpu;0,5\r\n{AT};web;mem;7\r\n"
    (tmp_path / "metrics.csv").write_text(text, encoding="utf-16", newline="")
    assert rows(telemetry(tmp_path)[0].metrics) == {(AT, "web", "cpu", 0.5), (AT, "web", "mem", 7)}


def test_a_file_with_nothing_in_it_is_said_and_the_others_are_used(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(CPU)
    (tmp_path / "logs.csv").write_text("")
    found, notes = telemetry(tmp_path)
    assert len(found.metrics) == 1
    assert notes == (
        "logs.csv holds no row: leave it out, or send rows of data. The other files were used",
    )


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["cases/monday/c1", "cases/monday/c2"], ["c1", "c2"]),
        (["cases/monday/1", "cases/tuesday/1"], ["monday/1", "tuesday/1"]),
        (["Cases/c1"], ["c1"]),
        (["c1", "c2"], ["c1", "c2"]),
        (["."], ["odd"]),
        (["cases/c1", "cases/.hidden", "cases/__MACOSX"], ["c1"]),
    ],
    ids=["in folders", "of one name", "in another case", "without cases", "alone", "hidden"],
)
def test_cases_are_found_however_they_lie(
    tmp_path: Path, folders: list[str], names: list[str]
) -> None:
    home = tmp_path / "odd"
    for folder in folders:
        (home / folder).mkdir(parents=True)
        (home / folder / "Alert.json").write_text(json.dumps({"alert_ts": AT}))
        (home / folder / "metrics.csv").write_text(CPU)
    (found,) = sets_in(home)
    assert [one.case_id for one in replay(found)] == names


def test_a_label_may_name_the_case_as_its_alert_does(tmp_path: Path) -> None:
    for name in ("c1", "c2"):
        (tmp_path / "cases" / name).mkdir(parents=True)
        said = {"alert_ts": AT, "case_id": f"incident of {name}"}
        (tmp_path / "cases" / name / "alert.json").write_text(json.dumps(said))
    labels = {"incident of c1": ["cart"], "c2": "web", "nobody": "web"}
    (tmp_path / "Ground_Truth.json").write_text(json.dumps(labels))
    truths = CaseSet("s", tmp_path).truths() or {}
    assert {name: truth.service for name, truth in truths.items()} == {
        "c1": "cart", "c2": "web", "nobody": "web",
    }  # fmt: skip


def test_a_label_that_names_several_causes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ground_truth.json").write_text(json.dumps({"c1": ["cart", "web"]}))
    with pytest.raises(UnreadableTelemetry, match="c1 names 2 causes: name one"):
        CaseSet("s", tmp_path).truths()


@pytest.mark.parametrize(
    "column", ["http.status_code", "http.response.status_code", "otel.status_code", "error"]
)
def test_what_was_answered_may_stand_under_the_names_of_collectors(
    tmp_path: Path, column: str
) -> None:
    (tmp_path / "traces.csv").write_text(
        f"trace_id,span_id,parent_id,service,start_us,duration_us,{column}\n"
        f"t,a,,web,{AT}000000,5000,500\n"
    )
    assert telemetry(tmp_path)[0].spans.status[0] == "500"
