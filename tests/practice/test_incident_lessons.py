"""An approved lesson is considered in later incidents, leads where it should, can be put right."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from django.utils.html import escape

from memoryapp.models import Bullet, Candidate, Event, Workspace
from memoryapp.services.candidates import candidate_approve
from practice.domain.incident_lessons import as_memory
from practice.models import Analysis, Incident
from practice.orchestrator import looks
from practice.orchestrator.looks import begin_without_gone_lessons
from practice.services.causes import (
    cause_confirm,
    cause_correct,
    decision_undo,
    incident_dismiss,
    lesson_submit,
)
from practice.services.incidents import analysis_start, incident_create
from practice.services.telemetry import file_send
from tests.factories import PlaybookFactory
from tests.practice.outages import BEGAN, alert, analysed, outage, read_in, source_of

NAMED, BY_EVIDENCE = "service:shop", "service:ledger"


@pytest.fixture
def first(workspace: Any, rita: Any) -> Incident:
    """An incident whose cause a person named otherwise, and whose lesson was approved."""
    incident = outage(workspace)
    assert incident.top_cause == BY_EVIDENCE
    return taught(incident, NAMED, rita)


def taught(incident: Incident, node: str, by: Any) -> Incident:
    cause_correct(incident=incident, node=node, reason="A bad deploy of it.", by=by)
    playbook = PlaybookFactory(workspace=incident.workspace)
    lesson_submit(incident=incident, playbook=playbook, by=by)
    candidate_approve(candidate=Candidate.objects.get(), by=by)
    return incident


def mail_csv() -> bytes:
    """Of a service in which nothing happens."""
    noise = random.Random(3)
    rows = [
        f"{BEGAN + 60 * minute:.0f},mail,mail-0,cpu_pct,{20 + noise.random():.2f}"
        for minute in range(-20, 5)
    ]
    return "\n".join(["ts,service,pod,metric,value", *rows]).encode()


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


def test_the_page_of_the_incident_it_came_from_opens_it(first: Incident, rita_client: Any) -> None:
    said = rita_client.get(first.get_absolute_url()).content.decode()
    assert 'class="btn main" id="incident-lesson-sent"' in said
    assert 'class="btn" id="incident-lesson"' in said  # one main button, and that is to open it


def test_it_rests_on_findings_of_an_incident_and_on_no_steps(
    first: Incident, rita_client: Any
) -> None:
    lesson = Candidate.objects.get(origin_link=first.get_absolute_url())
    said = rita_client.get(lesson.get_absolute_url(), follow=True).content.decode()
    assert "Findings that justify it" in said
    assert "open incident</a>" in said
    assert "open trajectory" not in said


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


def test_a_lesson_that_the_evidence_contradicts_is_not_said_to_be_forgotten(
    first: Incident, rita_client: Any
) -> None:
    shown = rita_client.get(later(first).get_absolute_url())
    refuted = [bool(lesson) for hit, _, lesson in shown.context["hits"] if not hit.upheld]
    said = shown.content.decode()
    assert True in refuted
    assert said.count("Contradicted") == len(refuted)
    assert said.count("Contradicted, forgotten") == refuted.count(False)


def test_it_is_shown_and_not_followed_where_the_incident_looks_otherwise(
    first: Incident, rita_client: Any
) -> None:
    Incident.objects.filter(pk=first.pk).update(signature=["entry web", "cause service:mail"])
    second = later(first)
    assert second.top_cause == BY_EVIDENCE
    page = rita_client.get(second.get_absolute_url()).content.decode()
    assert "this incident looks different" in page
    assert "Not followed" in page


def test_it_makes_nobody_the_cause_who_is_as_usual(
    workspace: Any, rita: Any, rita_client: Any
) -> None:
    source = source_of(workspace)
    read_in(file_send(source=source, kind="metrics", name="mail.csv", data=mail_csv(), by=rita))
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=rita)
    analysed(incident)
    second = later(taught(incident, "service:mail", rita))
    row = newest(second)
    assert (second.top_cause, row.followed) == (BY_EVIDENCE, "")
    (said,) = row.panels["lessons"]
    assert said["alike"] >= 0.6
    assert said["said"] == "remembered, not found here: nothing is held against mail"
    page = rita_client.get(second.get_absolute_url()).content.decode()
    assert "Most likely cause: <code>ledger</code>." in page
    assert "Confirm ledger" in page
    assert said["said"] in page
    report = rita_client.get(f"{second.get_absolute_url()}report.md").content.decode()
    assert "mail" not in report.partition("## Alerts")[0]
    assert said["said"] in report


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


def test_what_it_leads_is_looked_at_again_once_its_decision_is_taken_back(
    first: Incident, rita: Any
) -> None:
    second, decided = later(first), later(first, "third")
    cause_confirm(incident=decided, node=NAMED, by=rita)
    assert second.top_cause == NAMED
    decision_undo(incident=first, by=rita)
    assert (newest(second).status, newest(decided).status) == ("waiting", "done")
    event = Event.objects.get(kind="incident.reopened")
    assert event.data["looked_at_again"] == 1
    analysed(second)
    assert (second.top_cause, newest(second).followed) == (BY_EVIDENCE, "")


@pytest.mark.parametrize("change", [{"status": "retired"}, {"rule": None}])
def test_an_answer_says_that_the_lesson_it_follows_was_taken_back(
    first: Incident, rita_client: Any, change: dict[str, Any]
) -> None:
    second = later(first)
    said = "leads no more: it was retired or reworded. It is analysed again without it soon."
    url = second.get_absolute_url()
    assert said not in rita_client.get(url).content.decode()
    Bullet.objects.update(**change)
    assert said in rita_client.get(url).content.decode()
    assert said in rita_client.get(f"{url}report.md").content.decode()
    row = rita_client.get(f"/api/v1/incidents/{second.number}").json()["analysis_row"]
    assert said in row["notes"][0]
    analysis_start(incident=second, by=None)
    analysed(second)
    assert said not in rita_client.get(url).content.decode()


@pytest.mark.parametrize("change", [{"status": "retired"}, {"rule": None}])
def test_open_incidents_that_a_lesson_led_are_looked_at_again_once_when_it_goes(
    first: Incident, change: dict[str, Any]
) -> None:
    second, third = later(first), later(first, "third")
    decided = later(first, "fourth")
    Incident.objects.filter(pk=decided.pk).update(status="dismissed")
    assert begin_without_gone_lessons() == 0
    Bullet.objects.update(**change)
    assert begin_without_gone_lessons() == 2
    assert begin_without_gone_lessons() == 0, "it is under way"
    for incident in (second, third):
        row = analysed(incident)
        assert (row.number, row.followed, incident.top_cause) == (2, "", BY_EVIDENCE)
    assert begin_without_gone_lessons() == 0
    assert decided.analyses.count() == 1
    said = Event.objects.filter(kind="incident.analysis_started", subject_id=str(second.pk))
    assert said.latest("pk").data["reason"] == "The lesson that led it was retired or reworded."


def test_they_wait_while_many_analyses_do_so_that_new_alerts_need_not(
    first: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MOST_WAITING", 2)
    led = [later(first, name) for name in ("second", "third", "fourth")]
    Bullet.objects.update(status="retired")
    assert begin_without_gone_lessons() == 2
    assert begin_without_gone_lessons() == 0
    analysed(led[0])
    assert begin_without_gone_lessons() == 1
    assert [one.analyses.count() for one in led] == [2, 2, 2]


def test_in_a_deleted_workspace_nothing_is_looked_at_again(first: Incident) -> None:
    second = later(first)
    Workspace.objects.filter(pk=first.workspace_id).update(deleted_at=timezone.now())
    Bullet.objects.update(status="retired")
    assert begin_without_gone_lessons() == 0
    assert second.analyses.count() == 1


def test_where_telemetry_is_gone_a_lesson_that_went_has_one_new_look_and_not_many(
    first: Incident,
) -> None:
    second = later(first)
    assert second.source is not None
    second.source.files.all().delete()
    Bullet.objects.update(status="retired")
    assert begin_without_gone_lessons() == 1
    assert analysed(second).is_aside
    assert begin_without_gone_lessons() == 0


@pytest.mark.parametrize(
    ("decide", "counted"),
    [
        (lambda one, by: cause_confirm(incident=one, node=NAMED, by=by), (6, 3)),
        (
            lambda one, by: cause_correct(incident=one, node=BY_EVIDENCE, reason="No.", by=by),
            (5, 4),
        ),
        (lambda one, by: incident_dismiss(incident=one, reason="A drill.", by=by), (5, 4)),
    ],
)
def test_undoing_takes_back_what_a_decision_counted(
    first: Incident, rita: Any, decide: Callable[[Incident, Any], object], counted: tuple[int, int]
) -> None:
    second = later(first)
    Bullet.objects.update(deployed_helpful=5, deployed_harmful=3)
    for _ in range(2):
        decide(second, rita)
        assert votes() == counted
        decision_undo(incident=second, by=rita)
        assert votes() == (5, 3)


def test_undoing_takes_nothing_back_that_was_not_counted(first: Incident, rita: Any) -> None:
    second = later(first)
    Bullet.objects.update(rule=None, deployed_harmful=3)
    cause_correct(incident=second, node=BY_EVIDENCE, reason="No.", by=rita)
    decision_undo(incident=second, by=rita)
    assert votes() == (0, 3)


def votes() -> tuple[int, int]:
    bullet = Bullet.objects.get()
    return bullet.deployed_helpful, bullet.deployed_harmful


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
