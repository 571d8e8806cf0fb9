"""Incidents over REST."""

from __future__ import annotations

import io
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from rest_framework.exceptions import ParseError

from practice.api.telemetry import BytesParser
from practice.models import Incident, TelemetryFile
from practice.services.telemetry import mapping_save
from tests.practice.outages import BEGAN, metrics_csv, otlp, outage, read_in, source_of

ALERTS = "/api/v1/alerts"
WEBHOOK = "/api/v1/alerts/alertmanager"
INCIDENTS = "/api/v1/incidents"


def firing(*services: str) -> dict[str, Any]:
    return {
        "version": "4",
        "alerts": [
            {
                "status": "firing",
                "labels": {"alertname": "Slow", "service": service},
                "startsAt": "2026-11-20T09:13:00Z",
                "fingerprint": service,
            }
            for service in services
        ],
    }


def test_alertmanager_opens_an_incident(with_key: Any, workspace: Any) -> None:
    client = with_key("trajectories:write")
    answer = client.post(WEBHOOK, firing("web"), content_type="application/json")
    assert (answer.status_code, answer.json()["opened"]) == (202, [1])
    again = client.post(WEBHOOK, firing("web"), content_type="application/json").json()
    assert (again["known"], again["opened"]) == (1, [])
    assert Incident.objects.get().alerts.get().count == 2


def test_it_looks_in_the_only_source_and_in_the_one_that_is_named(
    with_key: Any, workspace: Any
) -> None:
    source = source_of(workspace)
    client = with_key("write")
    client.post(WEBHOOK, firing("web"), content_type="application/json")
    assert Incident.objects.get().source == source
    url = f"{WEBHOOK}?source=unknown"
    assert client.post(url, firing("mail"), content_type="application/json").status_code == 404


def test_it_keeps_good_alerts_beside_bad_ones_and_says_which(with_key: Any, workspace: Any) -> None:
    body = {"alerts": [{"at": BEGAN, "entry": "web"}, {"entry": "x"}, 7]}
    answer = with_key("write").post(ALERTS, body, content_type="application/json").json()
    assert answer["opened"] == [1]
    assert [line.partition(":")[0] for line in answer["refused"]] == ["Alert 1", "Alert 2"]


@pytest.mark.parametrize("body", [[], {}, {"alerts": "x"}, "x"])
def test_it_refuses_a_body_that_is_not_alertmanagers(
    with_key: Any, workspace: Any, body: Any
) -> None:
    answer = with_key("write").post(WEBHOOK, body, content_type="application/json")
    assert answer.status_code == 400
    assert not Incident.objects.exists()


def test_a_key_that_only_reads_sends_nothing(with_key: Any, workspace: Any) -> None:
    answer = with_key("read").post(WEBHOOK, firing("web"), content_type="application/json")
    assert answer.status_code == 403


@pytest.mark.parametrize(("query", "body"), [("?source=shop", {}), ("", {"source": "shop"})])
def test_an_incident_names_its_source_in_the_query_or_the_body(
    with_key: Any, workspace: Any, query: str, body: dict[str, str]
) -> None:
    for name in ("Shop", "Bank"):
        source_of(workspace, by=None, name=name)
    sent = {"at": BEGAN, "entry": "web", **body}
    said = with_key("write").post(f"{INCIDENTS}{query}", sent, "application/json")
    assert (said.status_code, said.json()["source"]) == (201, "shop")


def test_a_source_that_is_null_is_none_named(with_key: Any, workspace: Any) -> None:
    source_of(workspace)
    sent = {"at": BEGAN, "entry": "web", "source": None}
    said = with_key("write").post(INCIDENTS, sent, "application/json")
    assert (said.status_code, said.json()["source"]) == (201, "shop")


def test_one_incident_comes_whole(with_key: Any, workspace: Any) -> None:
    incident = outage(workspace)
    body = with_key("read").get(f"{INCIDENTS}/{incident.number}").json()
    assert (body["alerts"], body["analysis"], body["entry"]) == (1, "done", "web")
    assert body["analysis_row"]["result"]["causes"][0]["rank"] == 1
    assert body["alert_rows"][0]["signal"] == "p95 above 1 s"


def test_the_list_filters_and_refuses_what_can_match_nothing(with_key: Any, workspace: Any) -> None:
    outage(workspace)
    client = with_key("read")
    assert len(client.get(f"{INCIDENTS}?status=open&q=slow").json()["results"]) == 1
    assert client.get(f"{INCIDENTS}?status=confirmed").json()["results"] == []
    assert client.get(f"{INCIDENTS}?status=lost").status_code == 400


def test_another_workspace_has_none_of_it(olga_client: Any, workspace: Any) -> None:
    incident = outage(workspace)
    assert olga_client.get(INCIDENTS).json()["results"] == []
    assert olga_client.get(f"{INCIDENTS}/{incident.number}").status_code == 404


def test_it_looks_again_and_cancels(with_key: Any, workspace: Any) -> None:
    incident = outage(workspace)
    client, url = with_key("write"), f"{INCIDENTS}/{incident.number}/analysis"
    body = {"window_from": "2026-11-20T09:00:00Z", "window_to": "2026-11-20T09:15:00Z"}
    begun = client.post(url, body | {"visits": 9}, content_type="application/json")
    assert (begun.status_code, begun.json()["budget"]["visits"]) == (202, 9)
    assert client.post(url, {}, content_type="application/json").status_code == 409
    assert client.delete(url).json()["status"] == "cancelled"
    half = {"window_from": "2026-11-20T09:00:00Z"}
    assert client.post(url, half, content_type="application/json").status_code == 400


def test_a_person_decides_and_takes_it_back(with_key: Any, workspace: Any) -> None:
    incident = outage(workspace)
    client, url = with_key("write"), f"{INCIDENTS}/{incident.number}"
    top = client.get(url).json()["top_cause"]
    unnamed = client.post(f"{url}/confirm", {}, content_type="application/json")
    assert (unnamed.status_code, [*unnamed.json()["errors"]]) == (400, ["cause"])
    said = client.post(f"{url}/confirm", {"cause": top}, content_type="application/json")
    assert said.json()["status"] == "confirmed"
    again = client.post(f"{url}/dismiss", {"reason": "no"}, content_type="application/json")
    assert again.status_code == 409
    assert (
        client.post(f"{url}/undo", {}, content_type="application/json").json()["status"] == "open"
    )


def test_files_are_sent_as_they_are_and_stored_once(with_key: Any, workspace: Any) -> None:
    client = with_key("write")
    made = client.post("/api/v1/telemetry", {"name": "Shop"}, content_type="application/json")
    slug = made.json()["slug"]
    url = f"/api/v1/telemetry/{slug}/files?kind=metrics&name=m.csv"
    for _ in range(2):
        sent = client.post(url, metrics_csv(), content_type="application/octet-stream")
        assert (sent.status_code, sent.json()["status"]) == (201, "waiting")
    row = TelemetryFile.objects.get()
    reading = f"/api/v1/telemetry/{slug}/files/{row.pk}/reading"
    assert client.delete(reading).json()["status"] == "cancelled"
    assert client.delete(reading).status_code == 409
    assert client.post(reading).json()["status"] == "waiting"
    read_in(row)
    assert client.get(reading).json()["rows"] == 150
    bad = client.post(url, b"a,b\n1,2\n", content_type="application/octet-stream")
    assert (bad.status_code, bad.json()["detail"].count("\n")) == (422, 0)
    assert "Nothing was stored" in bad.json()["detail"]
    assert len(client.get(url.partition("?")[0]).json()["results"]) == 1


def test_an_upload_that_breaks_off_is_refused(rf: Any) -> None:
    request = rf.post("/", b"x" * 2000, content_type="text/csv")
    with pytest.raises(ParseError, match="cut off: 1500 of 2000 bytes arrived"):
        BytesParser().parse(io.BytesIO(b"x" * 1500), parser_context={"request": request})


def test_columns_are_mapped_per_source(with_key: Any, workspace: Any) -> None:
    client = with_key("write")
    client.post("/api/v1/telemetry", {"name": "Shop"}, content_type="application/json")
    body = {"kind": "metrics", "columns": {"ts": "time", "metric": "what", "value": "v"}}
    saved = client.put(
        "/api/v1/telemetry/shop/columns", body, content_type="application/json"
    ).json()
    assert saved["mapping"]["metrics"]["ts"] == "time"
    url = "/api/v1/telemetry/shop/files?kind=metrics"
    data = b"time,what,v\n1795000000,cpu,3\n"
    assert client.post(url, data, content_type="text/csv").status_code == 201
    assert read_in(TelemetryFile.objects.get()).rows == 1
    body["columns"] = {"nonsense": "x"}
    wrong = client.put("/api/v1/telemetry/shop/columns", body, content_type="application/json")
    assert wrong.status_code == 400


def test_columns_are_named_only_as_they_were_seen(call: Any, workspace: Any, rita: Any) -> None:
    source = source_of(workspace)
    (row,) = call("get", "/telemetry")
    mapping_save(source=source, kind="metrics", mapping={"ts": "time"}, by=rita)
    asked = {"kind": "metrics", "columns": {"ts": "at"}, "seen": row["shown"]["metrics"]}
    refused = call("put", "/telemetry/shop/columns", asked, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    source.refresh_from_db()
    assert source.mapping["metrics"] == {"ts": "time"}
    # Those of another kind are as they were.
    logs = {"kind": "logs", "columns": {"ts_us": "at"}, "seen": row["shown"]["logs"]}
    assert call("put", "/telemetry/shop/columns", logs)["shown"]["metrics"] == refused["shown"]
    saved = call("put", "/telemetry/shop/columns", asked | {"seen": refused["shown"]})
    assert saved["mapping"]["metrics"] == {"ts": "at"}


def test_an_otlp_exporter_sends_traces(with_key: Any, workspace: Any) -> None:
    client = with_key("trajectories:write")
    source_of(workspace)
    url = "/api/v1/telemetry/shop/v1/traces"
    answer = client.post(url, otlp(), content_type="application/json")
    assert (answer.status_code, answer.json()) == (200, {"partialSuccess": {}})
    assert read_in(TelemetryFile.objects.get(name="otlp-traces.json")).rows == 1


def test_an_export_of_nothing_is_refused(with_key: Any, workspace: Any) -> None:
    client = with_key("trajectories:write")
    source_of(workspace)
    answer = client.post("/api/v1/telemetry/shop/v1/traces", content_type="application/json")
    assert answer.status_code == 422
    assert "Nothing was stored" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["traces", "metrics", "logs"])
def test_an_otlp_exporter_speaks_protobuf_too(with_key: Any, workspace: Any, kind: str) -> None:
    client = with_key("trajectories:write")
    source_of(workspace)
    url = f"/api/v1/telemetry/shop/v1/{kind}"
    answer = client.post(url, protobuf(kind), content_type="application/x-protobuf")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["Content-Type"] == "application/x-protobuf"
    assert read_in(TelemetryFile.objects.get(name=f"otlp-{kind}.pb", kind=kind)).rows == 1
    refused = client.post(url, b"\xff\xff", content_type="application/x-protobuf")
    assert refused.status_code == 422


def protobuf(kind: str) -> bytes:
    """One export request of a kind with one thing in it."""
    at = "1795000000000000000"
    things = {
        "traces": ("scopeSpans", "spans", {"name": "GET /", "startTimeUnixNano": at}),
        "metrics": (
            "scopeMetrics", "metrics",
            {"name": "cpu", "gauge": {"dataPoints": [{"timeUnixNano": at, "asDouble": 1.0}]}},
        ),
        "logs": ("scopeLogs", "logRecords", {"timeUnixNano": at, "body": {"stringValue": "x"}}),
    }  # fmt: skip
    messages = {
        "traces": ExportTraceServiceRequest,
        "metrics": ExportMetricsServiceRequest,
        "logs": ExportLogsServiceRequest,
    }
    scopes, name, thing = things[kind]
    resource = f"resource{scopes.removeprefix('scope')}"
    message = ParseDict({resource: [{scopes: [{name: [thing]}]}]}, messages[kind]())
    sent: bytes = message.SerializeToString()
    return sent
