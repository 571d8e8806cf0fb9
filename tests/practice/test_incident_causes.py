"""A person's word on a cause, and what memory makes of it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.models import Candidate, Event
from memoryapp.services.candidates import candidate_approve
from practice.domain.causal_layout import short
from practice.domain.rootcause import serial
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.memory import Recall
from practice.domain.rootcause.types import (
    Alert,
    Fingerprint,
    MemoryEntry,
    MemoryHit,
    MemoryKey,
    Outcome,
    Verdict,
)
from practice.models import Analysis, Incident, KeptVerdict
from practice.orchestrator import rootcause, verdicts
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


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return outage(workspace)


def keep(incident: Incident, component: str, verdict: Verdict, **changes: Any) -> KeptVerdict:
    """Store a verdict as if the incident's analysis had learned it."""
    given: dict[str, Any] = {
        "entry_id": f"{component}-{verdict.value}",
        "key": MemoryKey(incident.system, component, "", ""),
        "fingerprint": Fingerprint((), ""),
        "verdict": verdict,
        "inherited_from": (),
        "confidence": 0.9,
        "at": BEGAN,
        "until": BEGAN + 600,
        "alert_id": "a1",
    }
    entry = MemoryEntry(**given | changes)
    analysis = incident.analyses.filter(status="done").first()
    assert analysis is not None
    assert analysis.result is not None
    analysis.result["learned"] = [
        *(e for e in analysis.result["learned"] if e["entry_id"] != entry.entry_id),
        serial.to_json(entry),
    ]
    analysis.save()
    KeptVerdict.objects.filter(entry_id=entry.entry_id).delete()
    row = verdicts._kept(analysis, entry)
    row.save()
    return row


def test_confirming_stores_who_and_when_and_settles_the_verdicts(
    rita: Any, incident: Incident
) -> None:
    kept = keep(incident, incident.top_cause, Verdict.OWN)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    kept.refresh_from_db()
    assert (incident.status, incident.cause) == ("confirmed", incident.top_cause)
    assert (incident.decided_by, kept.value["outcome"]) == (rita, "confirmed")
    assert Event.objects.filter(kind="incident.confirmed", actor=rita).exists()


def test_it_confirms_only_what_is_ranked_first_now(rita: Any, incident: Incident) -> None:
    with pytest.raises(UnableToDecide, match="with a different first cause"):
        cause_confirm(incident=incident, node="service:web", by=rita)
    assert Incident.objects.get().status == "open"


def test_a_correction_forgets_the_wrong_verdict_and_what_rests_on_it(
    rita: Any, incident: Incident
) -> None:
    wrong = incident.top_cause
    blamed = keep(incident, wrong, Verdict.OWN)
    inherited = keep(incident, "service:shop", Verdict.INHERITED, inherited_from=(wrong,))
    right = keep(incident, "service:web", Verdict.NORMAL, until=BEGAN + 9_000)
    cause_correct(incident=incident, node="service:web", reason="A bad deploy.", by=rita)
    for row in (blamed, inherited, right):
        row.refresh_from_db()
    assert blamed.forgotten_at
    assert inherited.forgotten_at
    assert blamed.forgotten_why == "Incident 1: A bad deploy."
    assert (right.forgotten_at, right.value["verdict"]) == (None, "own")
    assert right.value["outcome"] == "confirmed"
    later = outage_after(incident).analyses.get()
    recall = Recall.of(raised(later), verdicts.remembered(later, raised(later)))
    assert [entry.verdict for entry in recall.entries["service:web"]] == [Verdict.OWN]


def test_memory_of_two_systems_whose_alerts_have_one_id_is_kept_apart(workspace: Any) -> None:
    found = [outage(workspace, name=name, external_id="x" * 200) for name in ("Shop", "Bank")]
    for one in found:
        (row,) = one.analyses.all()
        learned = (row.result or {})["learned"]
        kept = KeptVerdict.objects.filter(analysis=row)
        assert {entry.entry_id for entry in kept} == {entry["entry_id"] for entry in learned}
        assert {entry.system for entry in kept} == {one.system}
    assert found[0].system != found[1].system


def test_a_forgotten_verdict_is_not_offered_to_later_alerts(rita: Any, incident: Incident) -> None:
    blamed = keep(incident, incident.top_cause, Verdict.OWN)
    later = outage_after(incident)
    row = later.analyses.get()
    names = [entry.entry_id for entry in verdicts.remembered(row, raised(row))]
    assert blamed.entry_id in names
    cause_correct(incident=incident, node="service:web", reason="No.", by=rita)
    names = [entry.entry_id for entry in verdicts.remembered(row, raised(row))]
    assert blamed.entry_id not in names


def test_an_open_incident_that_reused_the_poisoned_verdict_is_looked_at_again(
    rita: Any, incident: Incident
) -> None:
    blamed = keep(incident, incident.top_cause, Verdict.OWN)
    later = outage_after(incident)
    reusing(later, blamed)
    cause_correct(incident=incident, node="service:web", reason="No.", by=rita)
    assert [a.status for a in later.analyses.all()] == ["waiting", "done"]


def reusing(later: Incident, blamed: KeptVerdict) -> Analysis:
    """An analysis of ``later`` that took a verdict of another incident for its own."""
    row = analysed(later)
    assert row.result is not None
    row.result["hits"] = [
        {
            "entry_id": blamed.entry_id,
            "node": later.top_cause,
            "similarity": 1.0,
            "confidence": 0.9,
            "upheld": True,
            "check": "",
        }
    ]
    row.save()
    return row


def test_a_correction_forgets_a_wrong_verdict_that_was_learned_in_another_incident(
    rita: Any, incident: Incident
) -> None:
    blamed = keep(incident, incident.top_cause, Verdict.OWN)
    later = incident_create(
        workspace=incident.workspace,
        alert=alert(external_id="beside"),
        source=incident.source,
        by=None,
    )
    reusing(later, blamed)
    cause_correct(incident=later, node="service:web", reason="No.", by=rita)
    blamed.refresh_from_db()
    assert blamed.forgotten_why == f"{later}: No."
    assert [a.status for a in incident.analyses.all()] == ["waiting", "done"]


def test_dismissing_has_what_rests_on_it_looked_at_again(rita: Any, incident: Incident) -> None:
    later = outage_after(incident)
    reusing(later, keep(incident, incident.top_cause, Verdict.OWN))
    incident_dismiss(incident=incident, reason="A drill.", by=rita)
    assert [a.status for a in later.analyses.all()] == ["waiting", "done"]


def test_where_no_cause_was_found_the_first_to_look_at_can_be_named(
    rita: Any, incident: Incident
) -> None:
    row = incident.analyses.get()
    assert row.result is not None
    row.result["outcome"] = "none"
    row.save()
    first = row.result["causes"][0]["node"]
    learned = keep(incident, first, Verdict.OWN)
    cause_correct(incident=incident, node=first, reason="It was.", by=rita)
    learned.refresh_from_db()
    assert (incident.status, incident.cause, learned.forgotten_at) == ("corrected", first, None)


@pytest.mark.parametrize("outcome", [Outcome.FOUND, Outcome.NONE])
def test_the_log_names_a_cause_only_where_one_was_found(
    incident: Incident, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    monkeypatch.setattr(
        "practice.orchestrator.rootcause.analyse",
        lambda *a, **k: replace(analyse(*a, **k), outcome=outcome),
    )
    analysis_start(incident=incident, by=None)
    analysed(incident)
    event = Event.objects.filter(kind="incident.analysed").latest("pk")
    named = "service:ledger" if outcome is Outcome.FOUND else "none"
    assert event.data["after"] == {"outcome": outcome.value, "cause": named}


def test_an_earlier_answer_can_be_confirmed_after_a_look_where_nothing_is(
    rita: Any, incident: Incident
) -> None:
    cause = incident.top_cause
    empty = incident.analyses.get()
    assert empty.result is not None
    empty.pk, empty.number = None, 2
    empty.result = {**empty.result, "outcome": "outside", "causes": [], "nodes": []}
    empty.save()
    with pytest.raises(UnableToDecide, match="Another analysis has ended"):
        cause_confirm(incident=incident, node=cause, by=rita)
    cause_confirm(incident=incident, node=cause, by=rita, analysis=1)
    assert (incident.status, incident.cause) == ("confirmed", cause)
    playbook = PlaybookFactory(workspace=incident.workspace)
    candidate = lesson_submit(incident=incident, playbook=playbook, by=rita)
    assert "It shows as" in candidate.content


def test_undoing_brings_memory_back_as_the_analyses_left_it(rita: Any, incident: Incident) -> None:
    blamed = keep(incident, incident.top_cause, Verdict.OWN)
    right = keep(incident, "service:web", Verdict.NORMAL)
    cause_correct(incident=incident, node="service:web", reason="No.", by=rita)
    decision_undo(incident=incident, by=rita)
    for row in (blamed, right):
        row.refresh_from_db()
    assert (incident.status, incident.cause, incident.decided_by) == ("open", "", None)
    assert (blamed.forgotten_at, blamed.value["outcome"]) == (None, "unknown")
    assert right.value["verdict"] == "normal"
    with pytest.raises(UnableToUndo, match="nothing to undo"):
        decision_undo(incident=incident, by=rita)


def test_dismissing_forgets_what_was_blamed(rita: Any, incident: Incident) -> None:
    blamed = keep(incident, incident.top_cause, Verdict.OWN)
    normal = keep(incident, "service:web", Verdict.NORMAL)
    incident_dismiss(incident=incident, reason="A drill.", by=rita)
    blamed.refresh_from_db()
    normal.refresh_from_db()
    assert blamed.forgotten_at
    assert normal.forgotten_at is None


def test_it_refuses_what_nobody_could_follow(rita: Any, incident: Incident) -> None:
    with pytest.raises(UnableToDecide, match="needs a reason"):
        cause_correct(incident=incident, node="service:web", reason=" ", by=rita)
    with pytest.raises(
        UnableToDecide, match=r"component of this incident's graph, such as service:ledger\."
    ):
        cause_correct(incident=incident, node="service:moon", reason="x", by=rita)
    with pytest.raises(UnableToDecide, match="confirm it instead"):
        cause_correct(incident=incident, node=incident.top_cause, reason="x", by=rita)
    with pytest.raises(UnableToDecide, match="Say why"):
        incident_dismiss(incident=incident, reason="", by=rita)
    with pytest.raises(UnableToDecide, match="Confirm or correct"):
        lesson_submit(incident=incident, playbook=PlaybookFactory(), by=rita)


def test_two_people_do_not_overwrite_each_other(rita: Any, ada: Any, incident: Incident) -> None:
    stale = Incident.objects.get(pk=incident.pk)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    with pytest.raises(UnableToDecide, match="meanwhile"):
        incident_dismiss(incident=stale, reason="x", by=ada)
    assert Incident.objects.get().decided_by == rita


def test_a_confirmed_cause_becomes_memory_through_review_and_is_read_back(
    rita: Any, incident: Incident
) -> None:
    playbook = PlaybookFactory(workspace=incident.workspace)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    candidate = lesson_submit(incident=incident, playbook=playbook, by=rita)
    assert (candidate.status, candidate.origin_name) == ("pending", "Incident 1")
    assert "`ledger` first" in candidate.content
    assert candidate.evidence.filter(link__startswith="/root-causes/1/#evidence-").exists()

    later = outage_after(incident)
    row = later.analyses.get()
    assert not _long_term(row)
    candidate_approve(candidate=candidate, by=rita)
    (entry,) = _long_term(row)
    assert (entry.verdict, entry.until) == (Verdict.OWN, BEGAN + 7260 + 600)

    bullet = playbook.bullets.get()
    bullet.status = "retired"
    bullet.save()
    assert not _long_term(row)


def test_a_lesson_is_sent_once(rita: Any, incident: Incident) -> None:
    playbook = PlaybookFactory(workspace=incident.workspace)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    candidate = lesson_submit(incident=incident, playbook=playbook, by=rita)
    candidate_approve(candidate=candidate, by=rita)
    with pytest.raises(UnableToDecide, match="holds this lesson already"):
        lesson_submit(incident=incident, playbook=playbook, by=rita)
    assert Candidate.objects.count() == 1


def test_the_outcome_of_long_term_memory_is_counted(rita: Any, incident: Incident) -> None:
    playbook = PlaybookFactory(workspace=incident.workspace)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    candidate_approve(
        candidate=lesson_submit(incident=incident, playbook=playbook, by=rita), by=rita
    )
    bullet = playbook.bullets.get()
    row = incident.analyses.get()
    found = row.as_value()
    assert found is not None
    name = f"bullet:{playbook.slug}/{bullet.label}"
    hits = (
        MemoryHit(name, "service:ledger", 1.0, 0.9, True, ""),
        MemoryHit(name, "service:ledger", 1.0, 0.9, False, ""),
    )
    verdicts.store(row, replace(found, hits=hits[:1]))
    verdicts.store(row, replace(found, hits=hits[1:]))
    elsewhere = MemoryHit(name, "service:shop", 1.0, 0.9, True, "")  # and the ledger leads
    verdicts.store(row, replace(found, hits=(elsewhere,)))
    bullet.refresh_from_db()
    assert (bullet.deployed_helpful, bullet.deployed_harmful) == (1, 1)


@pytest.mark.parametrize("reason", ["the pool is full", "The pool is full."])
def test_what_a_person_wrote_ends_before_the_answer_goes_on(
    rita: Any, rita_client: Any, incident: Incident, reason: str
) -> None:
    cause_correct(incident=incident, node="service:shop", reason=reason, by=rita)
    url = incident.get_absolute_url()
    assert "The pool is full. <b>Most likely cause:" in rita_client.get(url).content.decode()
    report = rita_client.get(f"{url}report.md").content.decode()
    assert f"A person named `shop`: {reason.rstrip('.')}.\n" in report


def test_the_pages_do_it_and_say_so(rita_client: Any, vera_client: Any, incident: Incident) -> None:
    url = incident.get_absolute_url()
    rita_client.post(f"{url}confirm/", {"cause": incident.top_cause})
    page = rita_client.get(url).content.decode()
    assert "rita confirmed <code>ledger</code>" in page
    assert 'id="incident-undo"' in page
    playbook = PlaybookFactory(workspace=incident.workspace)
    assert vera_client.post(f"{url}lesson/", {"playbook": playbook.slug}).status_code == 403
    rita_client.post(f"{url}lesson/", {"playbook": playbook.slug})
    candidate = Candidate.objects.get()
    assert candidate.get_absolute_url() in rita_client.get(url).content.decode()
    shown = rita_client.get(candidate.get_absolute_url()).content.decode()
    assert f"it was the root cause in {incident}" in shown
    answer = rita_client.post(
        f"{url}correct/", {"cause": "service:web", "reason": "x"}, follow=True
    )
    assert "is confirmed already. Undo that first." in answer.content.decode()


def test_an_undo_takes_back_only_the_decision_its_reader_saw(
    rita: Any, ada: Any, rita_client: Any, incident: Incident
) -> None:
    """Two tabs: meanwhile somebody undid that decision and made another one."""
    url = incident.get_absolute_url()
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    page = rita_client.get(url).content.decode()
    found = re.search(r'name="seen" value="(\w+)"><button class="btn" id="incident-undo"', page)
    assert found
    decision_undo(incident=incident, by=ada)
    cause_correct(incident=incident, node="service:shop", reason="The pool.", by=ada)
    answer = rita_client.post(f"{url}undo/", {"seen": found[1]}, follow=True).content.decode()
    assert "decided anew on" in answer
    incident.refresh_from_db()
    assert (incident.status, incident.cause) == ("corrected", "service:shop")
    now = re.search(r'name="seen" value="(\w+)"><button class="btn" id="incident-undo"', answer)
    assert now
    rita_client.post(f"{url}undo/", {"seen": now[1]})
    incident.refresh_from_db()
    assert incident.is_open


def outage_after(incident: Incident) -> Incident:
    """Another incident of the same source two hours later, not analysed yet."""
    later = incident_create(
        workspace=incident.workspace,
        alert=alert(external_id="later", at=BEGAN + 7260),
        source=incident.source,
        by=None,
    )
    KeptVerdict.objects.update(until="2027-01-01T00:00Z")
    return later


def raised(row: Analysis) -> Alert:
    return rootcause.alert_of(row)


def _long_term(row: Analysis) -> list[MemoryEntry]:
    return [
        entry
        for entry in verdicts.remembered(row, raised(row))
        if entry.entry_id.startswith("bullet:")
    ]


def test_a_later_analysis_takes_back_what_it_did_not_find_again(incident: Incident) -> None:
    stale = keep(incident, "ledger", Verdict.OWN)
    other = keep(
        outage(incident.workspace, name="Elsewhere", external_id="a2"), "ledger", Verdict.NORMAL
    )
    rootcause.work(analysis_start(incident=incident, by=None).pk)
    stale.refresh_from_db()
    other.refresh_from_db()
    assert stale.forgotten_at is not None
    assert "looked at again" in stale.forgotten_why
    assert other.forgotten_at is None
    newest = incident.analyses.first()
    assert newest is not None
    assert newest.verdicts.filter(forgotten_at=None).exists()


def test_what_somebody_decided_outlives_another_look(rita: Any, incident: Incident) -> None:
    wrong = incident.top_cause
    blamed = keep(incident, wrong, Verdict.OWN)
    right = keep(incident, "service:web", Verdict.NORMAL)
    cause_correct(incident=incident, node="service:web", reason="A bad deploy.", by=rita)
    rootcause.work(analysis_start(incident=incident, by=None).pk)
    for row in (blamed, right):
        row.refresh_from_db()
    assert blamed.forgotten_why == "Incident 1: A bad deploy."
    assert (right.forgotten_at, right.value["outcome"]) == (None, "confirmed")
    about = KeptVerdict.objects.standing().filter(component__in=[wrong, short(wrong)])
    assert not about.filter(value__verdict="own").exists()
    decision_undo(incident=incident, by=rita)
    right.refresh_from_db()
    assert "looked at again" in right.forgotten_why
    assert about.filter(value__verdict="own").exists()


def test_undoing_brings_nothing_back_that_a_later_analysis_took_back(
    rita: Any, incident: Incident
) -> None:
    stale = keep(incident, "ledger", Verdict.OWN)
    rootcause.work(analysis_start(incident=incident, by=None).pk)
    incident.refresh_from_db()
    incident_dismiss(incident=incident, reason="A drill.", by=rita)
    decision_undo(incident=incident, by=rita)
    stale.refresh_from_db()
    assert stale.forgotten_at is not None
    newest = incident.analyses.first()
    assert newest is not None
    learned = (newest.result or {})["learned"]
    assert newest.verdicts.filter(forgotten_at=None).count() == len(learned) > 0


def test_a_verdict_is_found_by_the_component_it_is_of_by_now(incident: Incident) -> None:
    """It is named by when it was visited, and another look comes by in another order."""
    KeptVerdict.objects.update(component="service:elsewhere")
    rootcause.work(analysis_start(incident=incident, by=None).pk)
    rows = KeptVerdict.objects.standing()
    assert rows
    assert {row.component for row in rows} == {row.value["key"]["component"] for row in rows}
