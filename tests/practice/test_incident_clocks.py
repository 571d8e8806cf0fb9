"""Telemetry of an incident whose clocks are wrong, or that goes on long after it."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, source_create
from tests.practice.outages import (
    BEGAN,
    TOPOLOGY,
    alert,
    analysed,
    logs_csv,
    metrics_csv,
    read_in,
    traces_csv,
)

HOUR = 3600


def moved(data: bytes, by: float, *, every: int = 1) -> bytes:
    """A metrics file, every so many rows of it dated later."""
    head, *rows = data.decode().splitlines()
    for number in range(0, len(rows), every):
        at, _, rest = rows[number].partition(",")
        rows[number] = f"{float(at) + by:.0f},{rest}"
    return "\n".join([head, *rows]).encode()


def with_metrics(workspace: Any, data: bytes) -> Any:
    source = source_create(workspace=workspace, name="Shop", by=None)
    for kind, content in (("metrics", data), ("logs", logs_csv())):
        read_in(file_send(source=source, kind=kind, name=f"{kind}.csv", data=content, by=None))
    return analysed(incident_create(workspace=workspace, alert=alert(), source=source, by=None))


def test_what_comes_after_the_window_is_of_other_incidents(workspace: Any) -> None:
    _, *later = moved(metrics_csv("web"), 5 * HOUR).splitlines()
    row = with_metrics(workspace, b"\n".join([metrics_csv("ledger"), *later]))
    assert row.panels["rows"]["metrics"] == len(metrics_csv().splitlines()) - 1
    assert row.panels["end"] == BEGAN + 4 * 60
    assert row.incident.top_cause == "service:ledger"


def test_one_service_whose_clock_is_ahead_does_not_look_silent(workspace: Any) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    head, *rows = traces_csv().decode().splitlines()
    lines = [head]
    for row in rows:
        columns = row.split(",")
        is_late = float(columns[6]) >= (BEGAN + 60) * 1e6
        if columns[3] == "ledger" and is_late:
            columns[6] = f"{float(columns[6]) + HOUR * 1e6:.0f}"
        columns[7] = columns[7] if is_late else "20000"
        lines.append(",".join(columns))
    for kind, data in (("traces", "\n".join(lines).encode()), ("topology", TOPOLOGY)):
        read_in(file_send(source=source, kind=kind, name=f"{kind}.csv", data=data, by=None))
    later = alert(at=BEGAN + 90, onset=(BEGAN + 55, BEGAN + 65))
    look = analysed(incident_create(workspace=workspace, alert=later, source=source, by=None))
    assert look.panels["rows"]["traces"] == len(rows)
    assert any("clocks differ, or the calls waited" in note for note in look.panels["notes"])
    assert not any("no longer " in one["statement"] for one in (look.result or {})["evidence"])


def test_an_alert_of_the_future_is_said_to_be_one(workspace: Any) -> None:
    future = alert(at=timezone.now().timestamp() + 3 * 24 * HOUR, onset=None)
    row = analysed(incident_create(workspace=workspace, alert=future, source=None, by=None))
    assert any("ahead of our clock" in note for note in row.panels["notes"])


def test_a_clock_that_is_ahead_by_years_is_said_and_left_out(workspace: Any) -> None:
    row = with_metrics(workspace, moved(metrics_csv(), 73 * 365 * 24 * HOUR, every=2))
    assert any("75 of 150 rows of metrics are dated more than" in n for n in row.panels["notes"])
    assert "samples are missing" not in row.statement
    assert row.incident.top_cause == "service:ledger"
    assert row.panels["end"] < BEGAN + HOUR
