"""Of several looks at an incident one is its answer; a quiet window is kept beside it."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils.html import escape

from practice.models import Analysis, Incident, KeptVerdict
from practice.services.causes import cause_correct, decision_undo, incident_dismiss
from practice.services.incidents import analysis_start
from practice.services.telemetry import file_send
from tests.practice.outages import BEGAN, SERVICES, analysed, outage, read_in
from tests.practice.pages import queries_of

STANDS = "Nothing deviates in this window; the cause that Analysis 1 found, ledger, stands."


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return outage(workspace)


def look(incident: Incident, begin: float, end: float) -> Analysis:
    """Another look, from and to so many seconds after the outage began."""
    window = tuple(datetime.fromtimestamp(BEGAN + at, UTC) for at in (begin, end))
    analysis_start(incident=incident, by=None, window=window)  # type: ignore[arg-type]
    return analysed(incident)


def quiet(incident: Incident) -> Analysis:
    row = look(incident, -480, -240)
    assert (row.status, row.outcome) == ("done", "none")
    return row


def repeated(incident: Incident) -> tuple[Any, ...]:
    return incident.outcome, incident.top_cause, incident.top_score, incident.signature


def test_a_quiet_window_is_kept_beside_the_answer(incident: Incident) -> None:
    before, learned = repeated(incident), KeptVerdict.objects.standing().count()
    assert quiet(incident).is_aside
    assert repeated(incident) == before
    assert KeptVerdict.objects.standing().count() == learned > 0
    assert KeptVerdict.objects.exclude(forgotten_at=None).count() == 0


def test_a_window_with_a_cause_in_it_is_the_answer(incident: Incident) -> None:
    quiet(incident)
    row = look(incident, -60, 240)
    assert (row.number, row.outcome, row.is_aside) == (3, "found", False)
    answer = incident.analyses.answers().first()
    assert answer is not None
    assert answer.number == 3


def without_files(incident: Incident) -> Incident:
    assert incident.source is not None
    incident.source.files.all().delete()
    return incident


def calm_csv() -> bytes:
    """The same services over the same time, and nothing happens."""
    noise = random.Random(7)
    rows = [
        f"{BEGAN + 60 * minute:.0f},{service},{service}-0,cpu_pct,{20 + noise.random():.2f}"
        for minute in range(-20, 5)
        for service in SERVICES
    ]
    return "\n".join(["ts,service,pod,metric,value", *rows]).encode()


def test_a_look_at_the_incidents_own_time_answers_it_anew(incident: Incident) -> None:
    source = without_files(incident).source
    assert source is not None
    read_in(file_send(source=source, kind="metrics", name="m.csv", data=calm_csv(), by=None))
    analysis_start(incident=incident, by=None)
    row = analysed(incident)
    assert (row.outcome, row.is_aside) == ("none", False)
    assert (incident.outcome, incident.top_cause) == ("none", "")


def test_where_no_telemetry_is_nothing_is_said_against_the_answer(incident: Incident) -> None:
    analysis_start(incident=without_files(incident), by=None)
    assert analysed(incident).is_aside
    assert incident.top_cause == "service:ledger"


def test_of_two_quiet_windows_the_newer_is_the_answer_where_none_found_a_cause(
    incident: Incident,
) -> None:
    Analysis.objects.update(outcome="none")
    row = quiet(incident)
    assert not row.is_aside
    assert (incident.outcome, incident.top_cause) == ("none", "")


def test_the_page_shows_the_answer_and_leads_to_the_quiet_window(
    vera_client: Any, incident: Incident
) -> None:
    quiet(incident)
    url = incident.get_absolute_url()
    page = vera_client.get(url)
    said = page.content.decode()
    assert page.context["analysis"].number == 1
    assert "<b>Analysis 2 is kept beside the answer.</b> Nothing deviates in its window" in said
    assert 'href="?analysis=2">See analysis 2</a>' in said
    assert "Most likely cause: <code>ledger</code>" in said
    beside = vera_client.get(f"{url}?analysis=2").content.decode()
    assert escape(STANDS) in beside
    assert "kept beside the answer.</b>" not in beside
    assert STANDS in vera_client.get(f"{url}report.md?analysis=2").content.decode()


def test_the_page_of_several_looks_takes_no_more_queries(
    vera_client: Any, incident: Incident
) -> None:
    quiet(incident)
    url = incident.get_absolute_url()
    before = queries_of(vera_client, url)
    look(incident, -500, -300)
    assert queries_of(vera_client, url) == before


def test_programs_read_every_look_by_its_number(vera_client: Any, incident: Incident) -> None:
    quiet(incident)
    client, url = vera_client, f"/api/v1/incidents/{incident.number}"
    body = client.get(url).json()
    assert [(row["number"], row["is_aside"]) for row in body["analyses"]] == [(2, True), (1, False)]
    assert (body["top_cause"], body["analysis_row"]["number"]) == ("service:ledger", 2)
    assert body["analysis_row"]["notes"][0] == STANDS
    first = client.get(f"{url}?analysis=1").json()["analysis_row"]
    assert (first["number"], first["outcome"]) == (1, "found")
    lost = client.get(f"{url}?analysis=9")
    assert (lost.status_code, lost.json()["detail"]) == (404, "Incident 1 has no analysis 9.")


def test_a_person_decides_on_the_answer_wherever_they_look(rita: Any, incident: Incident) -> None:
    aside = quiet(incident)
    blamed = KeptVerdict.objects.standing().filter(component="ledger")
    assert blamed.exists()
    cause_correct(
        incident=incident, node="service:shop", reason="A bad deploy.", by=rita,
        analysis=aside.number,
    )  # fmt: skip
    assert not blamed.exclude(value__verdict="inherited").exists()
    decision_undo(incident=incident, by=rita)
    assert blamed.exists(), "memory is as the answer left it"
    incident_dismiss(incident=incident, reason="A drill.", by=rita)
    assert not blamed.filter(value__verdict="own").exists()
