"""A small outage for tests: three services in a row, the last of which runs out of processor."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

from practice.domain.alerts import Sent
from practice.models import Analysis, Incident, TelemetryFile, TelemetrySource
from practice.orchestrator import readings, rootcause
from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, source_create

BEGAN = datetime(2026, 11, 20, 9, 12, tzinfo=UTC).timestamp()
SERVICES = ("web", "shop", "ledger")


def metrics_csv(guilty: str = "ledger") -> bytes:
    """20 minutes before and 4 after: processor of one service jumps, latency of all rises."""
    noise = random.Random(7)
    lines = ["ts,service,pod,metric,value"]
    for minute in range(-20, 5):
        for service in SERVICES:
            is_bad = minute >= 0
            cpu = 20 + noise.random() + (70 if is_bad and service == guilty else 0)
            slow = 0.1 + noise.random() / 100 + (2 if is_bad else 0)
            lines.append(f"{BEGAN + 60 * minute:.0f},{service},{service}-0,cpu_pct,{cpu:.2f}")
            lines.append(f"{BEGAN + 60 * minute:.0f},{service},{service}-0,server_p95_s,{slow:.4f}")
    return "\n".join(lines).encode()


def traces_csv() -> bytes:
    lines = ["trace_id,span_id,parent_id,service,pod,operation,start_us,duration_us"]
    for trace in range(30):
        start = (BEGAN + 6 * trace) * 1e6
        for depth, service in enumerate(SERVICES):
            parent = f"{trace}-{depth - 1}" if depth else ""
            lines.append(
                f"{trace},{trace}-{depth},{parent},{service},{service}-0,GET /{service},"
                f"{start + depth * 1000:.0f},{(3 - depth) * 500_000}"
            )
    return "\n".join(lines).encode()


def logs_csv() -> bytes:
    lines = ["ts_us,service,level,message"]
    for second in range(60):
        at = (BEGAN + second) * 1e6
        lines.append(f"{at:.0f},ledger,ERROR,could not obtain lock {second} on table refunds")
        lines.append(f"{at:.0f},web,INFO,served request {second}")
    return "\n".join(lines).encode()


TOPOLOGY = b"source,target\nweb,shop\nshop,ledger\n"


def source_of(workspace: Any, *, by: Any = None, name: str = "Shop") -> TelemetrySource:
    """A source with telemetry of the outage."""
    source = source_create(workspace=workspace, name=name, by=by)
    for kind, data in (
        ("metrics", metrics_csv()),
        ("traces", traces_csv()),
        ("logs", logs_csv()),
        ("topology", TOPOLOGY),
    ):
        read_in(file_send(source=source, kind=kind, name=f"{kind}.csv", data=data, by=by))
    return source


def read_in(row: TelemetryFile) -> TelemetryFile:
    """Read a file that was sent, as a worker would."""
    readings.work(row.pk)
    row.refresh_from_db()
    return row


def alert(**changes: Any) -> Sent:
    given: dict[str, Any] = {
        "external_id": "a1",
        "at": BEGAN + 60,
        "entry": "web",
        "title": "Replies are slow",
        "signal": "p95 above 1 s",
        "severity": "critical",
        "onset": (BEGAN - 60, BEGAN),
    }
    return Sent(**given | changes)


def analysed(incident: Incident) -> Analysis:
    """Do the incident's newest analysis, as a worker would."""
    newest = incident.analyses.first()
    assert newest is not None
    rootcause.work(newest.pk)
    newest.refresh_from_db()
    incident.refresh_from_db()
    return newest


def outage(workspace: Any, *, by: Any = None, name: str = "Shop", **changes: Any) -> Incident:
    """An incident with telemetry whose analysis has ended."""
    incident = incident_create(
        workspace=workspace,
        alert=alert(**changes),
        source=source_of(workspace, by=by, name=name),
        by=by,
    )
    row = analysed(incident)
    assert row.status == Analysis.Status.DONE, row.message
    return incident


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
