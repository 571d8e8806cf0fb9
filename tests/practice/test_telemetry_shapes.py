"""Telemetry in other shapes than the layout's own: wide tables, a file per metric, pods alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from practice.clients.telemetry import UnreadableTelemetry, case, telemetry
from practice.clients.telemetry_names import owner, parted
from practice.clients.telemetry_sets import CaseSet
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
