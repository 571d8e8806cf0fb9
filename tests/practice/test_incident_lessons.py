"""An approved lesson is considered in later incidents, leads where it should, can be put right."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils.html import escape

from memoryapp.models import Bullet, Candidate
from memoryapp.services.candidates import candidate_approve
from practice.domain.incident_lessons import as_memory
from practice.models import Analysis, Incident
from practice.services.causes import (
    cause_confirm,
    cause_correct,
    decision_undo,
    incident_dismiss,
    lesson_submit,
)
from practice.services.incidents import analysis_start, incident_create
from tests.factories import PlaybookFactory
from tests.practice.outages import BEGAN, alert, analysed, outage

NAMED, BY_EVIDENCE = "service:shop", "service:ledger"


@pytest.fixture
def first(workspace: Any, rita: Any) -> Incident:
    """An incident whose cause a person named otherwise, and whose lesson was approved."""
    incident = outage(workspace)
    assert incident.top_cause == BY_EVIDENCE
    cause_correct(incident=incident, node=NAMED, reason="A bad deploy of the shop.", by=rita)
    playbook = PlaybookFactory(workspace=workspace)
    lesson_submit(incident=incident, playbook=playbook, by=rita)
    candidate_approve(candidate=Candidate.objects.get(), by=rita)
    return incident


def later(first: Incident, name: str = "later", **changes: Any) -> Incident:
    """Another incident that looks as the first one did."""
    given = alert(**{"external_id": name, "at": BEGAN + 70} | changes)
    incident = incident_create(workspace=first.workspace, alert=given, source=first.source, by=None)
    analysed(incident)
    return incident


def newest(incident: Incident) -> Analysis:
    found = incident.analyses.first()
    assert found is not None
    return found


def test_it_leads_a_later_incident_that_looks_alike(first: Incident, rita_client: Any) -> None:
    second = later(first)
    row = newest(second)
    assert (second.top_cause, second.top_score) == (NAMED, None)
    bullet = Bullet.objects.get()
    assert row.followed == f"bullet:{bullet.playbook.slug}/{bullet.label}"
    assert row.statement.startswith("shop: as in Incident 1, which looked 100% like this one")
    shown = rita_client.get(second.get_absolute_url())
    page = shown.content.decode()
    assert 'id="lessons-considered"' in page
    assert "remembered" in page
    assert escape(shown.context["ranked"][0].said) in page  # what the evidence says of it, too
    assert "by the evidence of this window alone ledger would" in page
    report = rita_client.get(f"{second.get_absolute_url()}report.md").content.decode()
    assert "## Lessons considered" in report
    assert second.signature == first.signature
    assert bullet.deployed_helpful == 0  # it does not prove itself right


def test_it_is_shown_and_not_followed_where_the_incident_looks_otherwise(
    first: Incident, rita_client: Any
) -> None:
    Incident.objects.filter(pk=first.pk).update(signature=["entry web", "cause service:mail"])
    second = later(first)
    assert second.top_cause == BY_EVIDENCE
    page = rita_client.get(second.get_absolute_url()).content.decode()
    assert "this incident looks otherwise" in page
    assert "Not followed" in page


def test_without_memory_it_is_not_considered(first: Incident) -> None:
    second = later(first)
    analysis_start(incident=second, by=None, uses_memory=False)
    row = analysed(second)
    assert (row.followed, row.panels["lessons"], second.top_cause) == ("", [], BY_EVIDENCE)


def test_a_wrong_lesson_is_put_right_by_correcting_what_it_led(first: Incident, rita: Any) -> None:
    second, other = later(first, "second"), later(first, "other", entry="")
    assert {second.top_cause, other.top_cause} == {NAMED}
    cause_correct(incident=second, node=BY_EVIDENCE, reason="It was the ledger.", by=rita)
    bullet = Bullet.objects.get()
    assert (bullet.deployed_helpful, bullet.deployed_harmful) == (0, 1)
    assert newest(other).status == "waiting"  # what it leads elsewhere is looked at again
    analysed(other)
    assert other.top_cause == BY_EVIDENCE
    third = later(first, "third")
    assert third.top_cause == BY_EVIDENCE
    (said,) = newest(third).panels["lessons"]
    assert said["said"] == f"a person said otherwise in {second}"
    decision_undo(incident=second, by=rita)
    assert later(first, "fourth").top_cause == NAMED


def test_a_person_who_agrees_makes_it_count_as_helpful(first: Incident, rita: Any) -> None:
    cause_confirm(incident=later(first), node=NAMED, by=rita)
    bullet = Bullet.objects.get()
    assert (bullet.deployed_helpful, bullet.deployed_harmful) == (1, 0)
    assert later(first, "third").top_cause == NAMED


def test_a_dismissed_incident_counts_against_what_led_it(first: Incident, rita: Any) -> None:
    incident_dismiss(incident=later(first), reason="A drill.", by=rita)
    assert Bullet.objects.get().deployed_harmful == 1
    assert later(first, "third").top_cause == BY_EVIDENCE


def test_a_decision_that_was_taken_back_leads_nothing(first: Incident, rita: Any) -> None:
    decision_undo(incident=first, by=rita)
    second = later(first)
    assert second.top_cause == BY_EVIDENCE
    (said,) = newest(second).panels["lessons"]
    assert said["said"] == "the decision on Incident 1 does not stand any more"


def test_a_reworded_or_retired_lesson_leads_nothing(first: Incident) -> None:
    Bullet.objects.update(rule=None)
    second = later(first)
    assert (second.top_cause, newest(second).panels["lessons"]) == (BY_EVIDENCE, [])


def test_the_api_has_what_was_considered(first: Incident, rita_client: Any) -> None:
    second = later(first)
    said = rita_client.get(f"/api/v1/incidents/{second.number}").json()["analysis_row"]
    assert said["followed"].startswith("bullet:")
    assert [(one["incident"], one["leads"]) for one in said["lessons"]] == [("Incident 1", True)]


def test_what_is_remembered_of_a_cause_nobody_visited_goes_by_the_engines_name(
    first: Incident,
) -> None:
    found = newest(first).as_value()
    assert found is not None
    assert as_memory(found, "service:elsewhere", "shop").key.component == "elsewhere"
