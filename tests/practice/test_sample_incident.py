"""The sample incident a newcomer sees first."""

from __future__ import annotations

from typing import Any

from practice.models import Incident, TelemetryFile
from practice.services.sample_incidents import sample_incident_load
from tests.practice.outages import analysed, read_in


def test_it_is_loaded_once_and_its_cause_is_found(workspace: Any) -> None:
    incident = sample_incident_load(workspace=workspace)
    assert sample_incident_load(workspace=workspace) == incident
    for file in TelemetryFile.objects.all():
        read_in(file)
    row = analysed(incident)
    assert row.status == "done", row.message
    assert row.panels["rows"]["traces"] > 1_000
    assert (incident.outcome, incident.top_cause) == ("found", "service:ts-price-service")


def test_a_reviewer_loads_it_from_the_empty_list(rita_client: Any, vera_client: Any) -> None:
    assert vera_client.post("/root-causes/sample/").status_code == 403
    answer = rita_client.post("/root-causes/sample/")
    assert answer.url == Incident.objects.get(is_sample=True).get_absolute_url()
