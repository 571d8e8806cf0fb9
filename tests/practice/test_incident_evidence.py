"""What is read for an incident: its own files with its source's, and what came before a window."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from practice.orchestrator.telemetry import gathered, reference
from practice.services.incidents import analysis_start, incident_create
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


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(BEGAN + seconds, UTC)


AROUND = moment(-1_800), moment(600)


def sent(source: Any, kind: str, data: bytes, **about: Any) -> Any:
    row = file_send(source=source, kind=kind, name=f"{kind}.csv", data=data, by=None, **about)
    return read_in(row)


def test_a_file_only_for_an_incident_hides_nothing_of_its_source(workspace: Any) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    sent(source, "metrics", metrics_csv())
    sent(source, "topology", TOPOLOGY)
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    sent(source, "logs", logs_csv(), incident=incident)
    found, _ = gathered(incident, *AROUND)
    assert (len(found.metrics), len(found.logs)) == (150, 120)
    assert found.topology == (("web", "shop"), ("shop", "ledger"))
    assert analysed(incident).incident.top_cause == "service:ledger"


def test_what_both_hold_counts_once(workspace: Any) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    sent(source, "traces", traces_csv())
    sent(source, "logs", logs_csv())
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    sent(source, "logs", logs_csv(), incident=incident)  # the same bytes
    head, *rows = traces_csv().decode().splitlines()
    other = "\n".join([head, *rows[:30], rows[0].replace("0,0-0,", "99,99-0,")])
    sent(source, "traces", other.encode(), incident=incident)
    found, _ = gathered(incident, *AROUND)
    assert (len(found.spans), len(found.logs)) == (len(rows) + 1, 120)


def test_the_usual_of_both_is_read(workspace: Any) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    sent(source, "metrics", metrics_csv(), is_reference=True)
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    sent(source, "logs", logs_csv(), is_reference=True, incident=incident)
    usual = reference(incident)
    assert usual is not None
    assert (len(usual.metrics), len(usual.logs)) == (150, 120)


def looked_again(workspace: Any, window: tuple[float, float], **changes: Any) -> Any:
    source = source_create(workspace=workspace, name="Shop", by=None)
    sent(source, "metrics", metrics_csv())
    sent(source, "topology", TOPOLOGY)
    given = alert(**{"onset": None} | changes)
    incident = incident_create(workspace=workspace, alert=given, source=source, by=None)
    analysed(incident)
    begin, end = window
    analysis_start(incident=incident, by=None, window=(moment(begin), moment(end)))
    return analysed(incident)


def test_a_window_that_begins_with_the_fault_knows_what_was_usual_before(workspace: Any) -> None:
    row = looked_again(workspace, (-60, 240))
    assert (row.outcome, row.incident.top_cause) == ("found", "service:ledger")


def test_a_window_elsewhere_is_looked_at_whatever_the_alert_said_of_its_time(
    workspace: Any,
) -> None:
    earlier = alert(at=BEGAN - 900, onset=(BEGAN - 960, BEGAN - 900))
    row = looked_again(workspace, (-30, 240), at=earlier.at, onset=earlier.onset)
    assert (row.outcome, row.incident.top_cause) == ("found", "service:ledger")


def test_a_window_before_the_fault_shows_none(workspace: Any) -> None:
    row = looked_again(workspace, (-600, -120))
    assert row.outcome == "none"
    assert row.panels["end"] == BEGAN - 120


def test_where_there_is_no_cause_none_has_a_score(workspace: Any, rita_client: Any) -> None:
    row = looked_again(workspace, (-600, -120))
    asked = f"?analysis={row.number}"
    page = rita_client.get(f"{row.incident.get_absolute_url()}{asked}")
    said = page.content.decode()
    assert page.context["ranked"]
    assert "None stands out far enough to be called the cause" in said
    assert 'class="pc"' not in said
    report = rita_client.get(f"{row.incident.get_absolute_url()}report.md{asked}").content.decode()
    ranked = [line for line in report.splitlines() if line.startswith("| 1 |")]
    assert [line.split(" | ")[2] for line in ranked] == ["–"]
    first = rita_client.get(f"{row.incident.get_absolute_url()}?analysis=1").content.decode()
    assert 'class="pc"' in first


def test_notes_speak_of_the_files_that_were_sent(workspace: Any) -> None:
    source = source_create(workspace=workspace, name="Shop", by=None)
    flat = "\n".join(
        ",".join([*line.split(",")[:2], "", *line.split(",")[3:]]) if number else line
        for number, line in enumerate(traces_csv().decode().splitlines())
    )
    for name, text in (("one.csv", flat), ("two.csv", flat.replace("GET /", "POST /"))):
        read_in(file_send(source=source, kind="traces", name=name, data=text.encode(), by=None))
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    notes = analysed(incident).panels["notes"]
    said = "No span of one.csv and 1 more has a parent_id: who called whom cannot be told from it"
    assert said in notes
    assert not any("traces.csv" in note for note in notes)
