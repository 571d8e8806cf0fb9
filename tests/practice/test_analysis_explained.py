"""An analysis is put into words where a model is configured, and stands where it fails."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from practice.api.incident_serializers import AnalysisSerializer
from practice.models import Incident, ModelCall
from practice.services.incidents import incident_create
from tests.fakes import Answer, Asked, ScriptedOpenAI, failing, hanging, typed
from tests.practice.outages import alert, analysed, source_of


def speaking(asked: Asked) -> Answer:
    """Decide nothing where a verdict is asked for; explain with one true sentence and one lie."""
    if asked.role == "investigator":
        return typed(verdict="open", reason="it does not tell")
    return typed(
        sentences=[
            {"text": "It began in `service:ledger`.", "about": ["ledger"], "evidence": ["e1"]},
            {"text": "`service:ghost` broke it.", "about": ["service:ghost"], "evidence": ["e1"]},
        ]
    )


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return incident_create(workspace=workspace, alert=alert(), source=source_of(workspace), by=None)


def wired(settings: Any, server: ScriptedOpenAI) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL, settings.LLM_API_KEY = "openai", "m", "k"
    settings.LLM_BASE_URL = server.base_url


def test_its_words_are_on_the_page_and_in_the_report_without_what_was_made_up(
    incident: Incident, vera_client: Any, settings: Any
) -> None:
    with ScriptedOpenAI(speaking) as server:
        wired(settings, server)
        row = analysed(incident)
    assert (row.outcome, incident.top_cause) == ("found", "service:ledger")
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "It began in <code>ledger</code>." in page
    report = vera_client.get(reverse("incident-report", args=[incident.number])).content.decode()
    assert "It began in `service:ledger`." in report.replace("\\", "")  # as text, not as Markdown
    assert "ghost" not in page + report
    said = AnalysisSerializer(row).data
    assert [one["text"] for one in said["words"]] == ["It began in `service:ledger`."]
    assert said["notes"] == row.panels["notes"]
    assert said["notes"]


def test_its_calls_stay_within_the_limit_and_are_in_the_ledger(
    incident: Incident, settings: Any
) -> None:
    with ScriptedOpenAI(speaking) as server:
        wired(settings, server)
        row = analysed(incident)
        roles = [asked.role for asked in server.requests]
    found = row.as_value()
    assert found is not None
    assert 1 <= len(roles) <= 6
    assert roles[-1] == "explainer"
    assert found.spent.model_calls == len(roles) == ModelCall.objects.count()


def test_where_the_model_fails_the_answer_stands_without_words(
    incident: Incident, vera_client: Any, settings: Any
) -> None:
    with ScriptedOpenAI(lambda asked: failing(400)) as server:
        wired(settings, server)
        row = analysed(incident)
    assert (row.status, row.outcome, incident.top_cause) == ("done", "found", "service:ledger")
    assert row.panels["words"] == []
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "In a model" not in page


def test_no_model_is_asked_where_no_call_is_left(incident: Incident, settings: Any) -> None:
    incident.analyses.update(budget={"depth": 10, "visits": 200, "model_calls": 0, "seconds": 60.0})
    with ScriptedOpenAI(speaking) as server:
        wired(settings, server)
        analysed(incident)
        assert server.requests == []


def test_a_model_that_is_silent_is_asked_once_and_then_left_alone(
    incident: Incident, vera_client: Any, settings: Any
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.5
    with ScriptedOpenAI(lambda asked: hanging()) as server:
        wired(settings, server)
        row = analysed(incident)
        assert len({asked.role for asked in server.requests}) == 1
        assert ModelCall.objects.count() == 1
        incident.analyses.create(number=row.number + 1, budget=row.budget)
        again = analysed(incident)
        assert ModelCall.objects.count() == 1
    assert (again.status, again.outcome) == ("done", "found")
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "The model does not answer at the moment" in page
