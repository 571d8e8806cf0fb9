"""OTLP export requests of every signal, JSON and protobuf, as rows of the neutral layout."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from practice.clients.telemetry_columns import UnreadableTelemetry
from practice.clients.telemetry_files import glance, read
from practice.clients.telemetry_otlp import MOST_PARTS, decoded
from practice.domain.traces.bodies import MOST_VALUES

AT = "1795000000000000000"
LATER = "1795000060000000000"
HOME = {
    "attributes": [
        {"key": "service.name", "value": {"stringValue": "web"}},
        {"key": "k8s.pod.name", "value": {"stringValue": "web-0"}},
        {"key": "k8s.node.name", "value": {"stringValue": "node-7"}},
    ]
}


def rows_of(data: bytes, kind: str) -> list[dict[str, str]]:
    found = read(data, name="sent", kind=kind)
    return list(csv.DictReader(io.StringIO(gzip.decompress(found.content).decode())))


def metrics(*told: dict[str, Any]) -> dict[str, Any]:
    return {"resourceMetrics": [{"resource": HOME, "scopeMetrics": [{"metrics": [*told]}]}]}


def lines(**more: Any) -> dict[str, Any]:
    record = {"timeUnixNano": AT, "severityText": "ERROR", "body": {"stringValue": "no"}} | more
    return {"resourceLogs": [{"resource": HOME, "scopeLogs": [{"logRecords": [record]}]}]}


def both(message: type[Message], shape: dict[str, Any]) -> list[bytes]:
    return [json.dumps(shape).encode(), ParseDict(shape, message()).SerializeToString()]


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(b"\n\0" * (MOST_PARTS + 1)),
        gzip.compress(b'{"resourceSpans":[' + b"{}," * (MOST_VALUES // 2) + b"{}]}"),
    ],
    ids=["protobuf", "json"],
)
def test_a_crowded_request_is_refused_before_it_is_taken_apart(data: bytes) -> None:
    """A few kilobytes as they come; gigabytes as objects, in a web process."""
    with pytest.raises(UnreadableTelemetry, match="holds more than"):
        glance(data, name="sent", kind="traces")


def test_a_gauge_and_its_labels_become_a_series() -> None:
    point = {
        "timeUnixNano": AT,
        "asDouble": 0.5,
        "attributes": [{"key": "state", "value": {"stringValue": "user"}}],
    }
    shape = metrics({"name": "system.cpu.utilization", "gauge": {"dataPoints": [point]}})
    for data in both(ExportMetricsServiceRequest, shape):
        assert rows_of(data, "metrics") == [
            {
                "ts": "1795000000.0",
                "metric": "system.cpu.utilization{state=user}",
                "value": "0.5",
                "service": "web",
                "pod": "web-0",
                "host": "node-7",
            }
        ]


def test_a_rising_sum_is_a_counter_and_another_is_not() -> None:
    told = {"aggregationTemporality": 2, "isMonotonic": True}
    point = {"timeUnixNano": AT, "asInt": "7"}
    shape = metrics(
        {"name": "requests", "sum": {**told, "dataPoints": [point]}},
        {"name": "in_flight", "sum": {**told, "isMonotonic": False, "dataPoints": [point]}},
    )
    for data in both(ExportMetricsServiceRequest, shape):
        assert [row["metric"] for row in rows_of(data, "metrics")] == [
            "requests_total",
            "in_flight",
        ]


def test_a_histogram_of_one_interval_becomes_its_mean() -> None:
    points = [
        {"timeUnixNano": AT, "count": "2", "sum": 20.0},
        {"timeUnixNano": LATER, "count": "3", "sum": 90.0},
    ]
    told = {"aggregationTemporality": 1, "dataPoints": points}
    for data in both(ExportMetricsServiceRequest, metrics({"name": "duration", "histogram": told})):
        found = rows_of(data, "metrics")
        assert [row["value"] for row in found if row["metric"] == "duration_mean"] == [
            "10.0",
            "30.0",
        ]


@pytest.mark.parametrize("temporality", [1, 2])
@pytest.mark.parametrize(
    "wrong", [{"count": -5, "sum": "NaN"}, {"count": "abc", "sum": 5}, {"count": 5, "sum": "NaN"}]
)
def test_a_histogram_whose_figures_are_none_is_left_out_and_said(
    temporality: int, wrong: dict[str, Any]
) -> None:
    point = {"timeUnixNano": "1795000000000000000", "startTimeUnixNano": "1794999940000000000"}
    told = {"dataPoints": [point | wrong], "aggregationTemporality": temporality}
    data = json.dumps(metrics({"name": "duration", "histogram": told})).encode()
    found = read(data, name="otlp.json", kind="metrics")
    assert found.notes == ("1 row of otlp.json without a number as value",)
    (row,) = rows_of(data, "metrics")
    assert (row["metric"], row["value"]) == ("duration_calls", "nan")


def test_labels_that_are_cut_keep_series_apart() -> None:
    def point(path: str) -> dict[str, Any]:
        labels = [{"key": "path", "value": {"stringValue": "/long" * 40 + path}}]
        return {"timeUnixNano": AT, "asInt": "1", "attributes": labels}

    shape = metrics({"name": "open", "gauge": {"dataPoints": [point("/a"), point("/b")]}})
    first, second = (row["metric"] for row in rows_of(json.dumps(shape).encode(), "metrics"))
    assert first != second
    assert len(first) == len("open{}") + 120


def test_a_line_keeps_its_level_and_its_trace() -> None:
    (data,) = both(ExportLogsServiceRequest, lines())[1:]
    (row,) = rows_of(data, "logs")
    assert (row["ts_us"], row["service"], row["level"]) == (AT[:-3], "web", "ERROR")
    assert row["message"] == "no"
    (traced,) = rows_of(json.dumps(lines(traceId="ab12", spanId="cd34")).encode(), "logs")
    assert (traced["trace_id"], traced["span_id"]) == ("ab12", "cd34")


def test_spans_in_protobuf_have_the_ids_that_json_has() -> None:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    ParseDict(HOME, resource.resource)
    span = resource.scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = bytes.fromhex("ab12"), bytes.fromhex("cd34"), "GET /"
    span.start_time_unix_nano, span.end_time_unix_nano = int(AT), int(AT) + 250_000_000
    span.status.code = Status.STATUS_CODE_ERROR
    (row,) = rows_of(request.SerializeToString(), "traces")
    assert (row["trace_id"], row["span_id"], row["host"]) == ("ab12", "cd34", "node-7")
    assert (row["duration_us"], row["status"]) == ("250000", "error")


@pytest.mark.parametrize(
    ("code", "answered", "status"), [(2, "500", "error"), (1, "500", "ok"), (0, "500", "500")]
)
def test_a_span_that_leaves_its_status_unset_has_what_was_answered(
    code: int, answered: str, status: str
) -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes.fromhex("ab12"), bytes.fromhex("cd34")
    span.start_time_unix_nano, span.end_time_unix_nano = int(AT), int(AT) + 250_000_000
    span.status.code = code  # type: ignore[assignment]
    one = span.attributes.add()
    one.key, one.value.int_value = "http.response.status_code", int(answered)
    (row,) = rows_of(request.SerializeToString(), "traces")
    assert row["status"] == status


@pytest.mark.parametrize("data", [b"", b"\n", b"\nts,metric,value\n1,cpu,2\n", b"ts,metric\n"])
def test_what_is_no_protobuf_is_read_as_text(data: bytes) -> None:
    assert decoded("metrics", data) is None


@pytest.mark.parametrize("strange", ["a\x00b", "a\ud800b"])
def test_characters_that_nothing_can_store_are_left_out(strange: str) -> None:
    (row,) = rows_of(json.dumps(lines(body={"stringValue": strange})).encode(), "logs")
    assert row["message"] in {"ab", "a?b"}
