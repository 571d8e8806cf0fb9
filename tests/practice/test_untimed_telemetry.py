"""What nobody can date, or no database takes: one such row costs an analysis nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from practice.models import TelemetryFile
from practice.orchestrator import readings, rootcause
from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, source_create
from tests.practice.outages import (
    alert,
    analysed,
    logs_csv,
    metrics_csv,
    read_in,
    source_of,
    traces_csv,
)

NAN = float("nan")
REFUSED = "What was found could not be saved: DataError: invalid input"


def undated(data: bytes, place: int, said: str) -> bytes:
    """A file, the last time of which says nothing."""
    *rows, last = data.decode().splitlines()
    cells = last.split(",")
    cells[place] = said
    return "\n".join([*rows, ",".join(cells)]).encode()


@pytest.mark.parametrize("said", ["soon", "-62135596800"])  # the zero of another calendar
def test_rows_without_a_time_cost_no_other_its_use(workspace: Any, said: str) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    for kind, data in (
        ("metrics", undated(metrics_csv(), 0, said)),
        ("traces", undated(traces_csv(), 6, said)),
        ("logs", undated(logs_csv(), 0, said)),
    ):
        named: dict[str, Any] = {"kind": kind, "name": f"{kind}.csv", "data": data}
        read_in(file_send(source=source, incident=incident, by=None, **named))
    row = analysed(incident)
    assert (row.status, row.message) == ("done", "")
    assert 0 < row.panels["begin"] < row.panels["end"]
    assert incident.top_cause == "service:ledger"
    assert "traces.csv: 1 row without a time that can be read, left out" in row.panels["notes"]


def test_an_analysis_that_cannot_be_saved_says_so_at_once(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(workspace)
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    monkeypatch.setattr(rootcause, "_bounds", lambda known: {"begin": NAN})
    row = analysed(incident)
    assert (row.status, row.tries, row.result) == ("failed", 1, None)
    assert row.message.startswith(REFUSED)


def test_a_file_that_cannot_be_saved_says_so_at_once(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    found = readings._read

    def strange(row: TelemetryFile) -> Any:
        return replace(found(row), services=("we\0b",))

    monkeypatch.setattr(readings, "_read", strange)
    sent = file_send(source=source, kind="metrics", name="m.csv", data=metrics_csv(), by=None)
    row = read_in(sent)
    assert (row.status, row.tries, row.content) == ("failed", 1, b"")
    assert row.message.startswith("What was found could not be saved: ")


def test_why_it_failed_is_said_with_a_mark_for_what_no_database_takes(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise LookupError("no such name: we\0b")

    monkeypatch.setattr(rootcause, "analyse", broken)
    source = source_of(workspace)
    row = analysed(incident_create(workspace=workspace, alert=alert(), source=source, by=None))
    assert (row.status, row.tries) == ("failed", 1)
    assert row.message.endswith("no such name: we\ufffdb")
