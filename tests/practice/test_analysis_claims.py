"""An analysis survives its worker, and can be cancelled and begun anew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from memoryapp.domain.errors import UnableToStart
from practice.domain.calls import CallRecord
from practice.models import Analysis, Incident, ModelCall
from practice.orchestrator import calls, engines, rootcause
from practice.services.incidents import analysis_cancel, analysis_start, incident_create
from tests.practice.outages import BEGAN, alert, analysed, outage, source_of


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return incident_create(workspace=workspace, alert=alert(), source=source_of(workspace), by=None)


def test_one_worker_at_a_time_does_it(incident: Incident) -> None:
    row = incident.analyses.get()
    claimed = Analysis.objects.claim(row.pk, now=timezone.now(), lease=timedelta(minutes=1))
    assert claimed is not None
    rootcause.work(row.pk)
    row.refresh_from_db()
    assert (row.status, row.claim, row.result) == ("running", claimed.claim, None)


def test_what_a_dead_worker_held_is_done_by_the_next(incident: Incident) -> None:
    row = incident.analyses.get()
    long_ago = timezone.now() - timedelta(hours=1)
    Analysis.objects.update(status="running", heartbeat_at=long_ago, dispatched_at=long_ago)
    assert rootcause.due() == [row.pk]
    assert rootcause.due() == []  # somebody was rung for it just now
    assert analysed(incident).status == "done"


def test_a_worker_that_falls_silent_is_followed_as_soon_as_its_lease_is_over(
    incident: Incident,
) -> None:
    row, lease, now = incident.analyses.get(), timedelta(minutes=1), timezone.now()
    rung, last = now - timedelta(seconds=90), now - timedelta(seconds=70)
    Analysis.objects.update(status="running", heartbeat_at=last, dispatched_at=rung)
    assert not Analysis.objects.due(now - timedelta(seconds=20), lease).exists()
    assert rootcause.due() == [row.pk]
    assert rootcause.due() == []  # that bell nobody has answered yet


def test_a_bell_that_was_lost_is_rung_again_after_a_lease(incident: Incident) -> None:
    row, lease, now = incident.analyses.get(), timedelta(minutes=1), timezone.now()
    Analysis.objects.update(dispatched_at=now - timedelta(seconds=61))
    assert not Analysis.objects.due(now - timedelta(seconds=2), lease).exists()
    assert rootcause.due() == [row.pk]


def test_it_is_done_again_when_the_database_could_not_go_on(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restarted(*_: Any, **__: Any) -> None:
        raise OperationalError("terminating connection due to administrator command")

    with monkeypatch.context() as away:
        away.setattr(rootcause, "analyse", restarted)
        row = analysed(incident)
    said = "The database could not go on: terminating connection due to administrator command."
    assert (row.status, row.message) == ("waiting", said)
    assert rootcause.due() == [row.pk]
    assert analysed(incident).status == "done"


def test_a_late_twin_cannot_overwrite(incident: Incident, monkeypatch: pytest.MonkeyPatch) -> None:
    performed = rootcause._perform

    def slow(row: Analysis) -> Any:
        found = performed(row)
        Analysis.objects.claim(
            row.pk, now=timezone.now() + timedelta(hours=1), lease=timedelta(minutes=1)
        )
        return found

    monkeypatch.setattr(rootcause, "_perform", slow)
    row = incident.analyses.get()
    rootcause.work(row.pk)
    row.refresh_from_db()
    assert (row.status, row.tries, row.result) == ("running", 2, None)


def test_it_gives_up_on_what_kills_its_workers(incident: Incident) -> None:
    Analysis.objects.update(tries=3)
    row = analysed(incident)
    assert row.status == "failed"
    assert "worker died" in row.message


def test_an_error_inside_is_said_on_the_row(
    incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(rootcause, "analyse", broken)
    row = analysed(incident)
    assert (row.status, row.message) == (
        "failed",
        "An internal error stopped this analysis: ZeroDivisionError: by zero",
    )


def test_cancelling_ends_it_and_a_worker_that_still_reasons_stops(
    rita: Any, incident: Incident
) -> None:
    row = incident.analyses.get()
    claimed = Analysis.objects.claim(row.pk, now=timezone.now(), lease=timedelta(minutes=1))
    assert claimed is not None
    teller = rootcause._Teller(claimed, clock=iter([0.0, 1.0, 1.0, 2.0, 2.0]).__next__)
    assert not teller.should_stop()
    analysis_cancel(incident=incident, by=rita)
    assert teller.should_stop()
    with pytest.raises(UnableToStart, match="No analysis"):
        analysis_cancel(incident=incident, by=rita)


def test_it_can_be_begun_anew_with_another_window(rita: Any, workspace: Any) -> None:
    incident = outage(workspace)
    window = (
        datetime.fromtimestamp(BEGAN - 600, UTC),
        datetime.fromtimestamp(BEGAN + 120, UTC),
    )
    analysis_start(incident=incident, by=rita, window=window, budget={"visits": 2})
    row = analysed(incident)
    assert row.number == 2
    # The 20 minutes before the fault say what is usual, and of what comes after nothing is read.
    assert row.panels["rows"]["metrics"] == 3 * 2 * (20 + 3)
    found = row.as_value()
    assert found is not None
    assert found.budget.visits == 2
    assert any(visit.closing.value == "budget" for visit in found.visits)


def test_it_refuses_a_second_one_at_the_same_time(rita: Any, incident: Incident) -> None:
    with pytest.raises(UnableToStart, match="already being analysed"):
        analysis_start(incident=incident, by=rita)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"window": (60, 0)}, "swap the two times"),
        ({"window": (0, 90_000)}, "at most 24 hours"),
        ({"budget": {"visits": 0}}, "visits must be between"),
        ({"budget": {"seconds": 601}}, "seconds must be between"),
        ({"budget": {"luck": 3}}, "luck is no limit"),
    ],
)
def test_it_refuses_what_makes_no_sense(
    rita: Any, workspace: Any, asked: dict[str, Any], message: str
) -> None:
    incident = outage(workspace)
    if "window" in asked:
        ends = asked["window"]
        asked = {"window": tuple(datetime.fromtimestamp(BEGAN + end, UTC) for end in ends)}
    with pytest.raises(UnableToStart, match=message):
        analysis_start(incident=incident, by=rita, **asked)
    assert incident.analyses.count() == 1


def test_a_model_that_cannot_be_reached_leaves_the_answer_as_it_is(
    workspace: Any, settings: Any
) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL, settings.LLM_API_KEY = "openai", "m", "k"
    settings.LLM_BASE_URL = "http://127.0.0.1:9/v1"
    incident = outage(workspace)
    assert (incident.outcome, incident.top_cause) == ("found", "service:ledger")


def test_a_model_is_asked_only_where_one_is_configured_and_calls_are_left(
    rita: Any, workspace: Any, settings: Any
) -> None:
    incident = outage(workspace)
    row = incident.analyses.get()
    assert engines.investigator_of(row) is None
    settings.LLM_PROVIDER, settings.LLM_MODEL, settings.LLM_API_KEY = "openai", "m", "k"
    assert engines.investigator_of(row) is not None
    row.budget["model_calls"] = 0
    assert engines.investigator_of(row) is None


def test_its_calls_are_kept_with_their_cost(workspace: Any, vera_client: Any) -> None:
    row = outage(workspace).analyses.get()
    keep = calls.analysis_recorder(row)
    keep(CallRecord("investigator", "m", request=(), input_tokens=40, output_tokens=2))
    call = ModelCall.objects.get()
    assert (call.workspace, call.run, call.input_tokens) == (workspace, None, 40)
    assert vera_client.get(call.get_absolute_url()).status_code == 200
