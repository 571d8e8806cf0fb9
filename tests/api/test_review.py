"""Review over the API: what the pages do, programs can do too."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


def test_a_candidate_is_read_noted_assigned_and_reserved(
    call: Any, playbook: Any, rita: Any
) -> None:
    path = f"/candidates/{CandidateFactory(playbook=playbook).pk}"
    assert call("get", path)["scores"]["completion"] == 4
    call("post", f"{path}/notes", {"text": "Ask the desk."}, expect=201)
    assert [note["text"] for note in call("get", f"{path}/notes")] == ["Ask the desk."]
    assert call("put", f"{path}/assignee", {"username": "rita"})["assigned_to"] == "rita"
    call("put", f"{path}/assignee", {"username": "olga"}, expect=404)
    assert call("post", f"{path}/reservation", {})["reserved_until"]


def test_a_decision_on_what_changed_meanwhile_is_refused(call: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    path = f"/candidates/{candidate.pk}"
    refused = call("post", f"{path}/approve", {"seen": "something else"}, expect=409)
    assert "has changed meanwhile" in refused["detail"]
    seen = call("get", path)["shown"]
    assert call("post", f"{path}/approve", {"seen": seen})["status"] == "approved"


def test_the_log_names_the_key_somebody_acted_through(call: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    call("post", f"/candidates/{candidate.pk}/reject", {"reason": "Wrong"})
    row = call("get", "/audit?kind=candidate.rejected&playbook=help-desk")["results"][0]
    assert (row["actor"], row["through"]) == ("ada", "API key desk")
    assert (row["data"]["before"], row["data"]["after"]) == (
        {"status": "pending"},
        {"status": "rejected"},
    )
    call("get", "/audit?since=yesterday", expect=400)
    call("get", "/audit?until=9999-12-31", expect=400)


def test_the_next_request_of_the_thread_acts_through_nothing(
    call: Any, playbook: Any, rita_client: Any
) -> None:
    call("get", "/audit")
    candidate = CandidateFactory(playbook=playbook)
    rita_client.post(f"/review/{candidate.pk}/reject/", {"reason": "Wrong"})
    assert Event.objects.get(kind="candidate.rejected").through == ""


def test_a_policy_is_read_written_and_replayed(call: Any, playbook: Any) -> None:
    path = "/playbooks/help-desk/review-policy"
    assert call("get", path)["admit_from"] is None
    written = {"reviewers": 2, "admit_from": 0.9, "reason": "Pairs"}
    assert call("put", path, written)["number"] == 1
    assert call("get", path)["reviewers"] == 2
    assert [row["reason"] for row in call("get", f"{path}/history")] == ["Pairs"]
    assert call("get", f"{path}/replay?threshold=0.9")["decided"] == 0
    call("get", f"{path}/replay?threshold=x", expect=400)
    call("put", path, written, expect=409)


def test_a_policy_is_written_only_over_the_one_that_was_seen(call: Any, playbook: Any) -> None:
    path = "/playbooks/help-desk/review-policy"
    seen = call("get", path)["shown"]
    call("put", path, {"reviewers": 2, "reason": "Pairs"})
    asked = {"reviewers": 3, "reason": "Three", "seen": seen}
    refused = call("put", path, asked, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    assert call("get", path)["reviewers"] == 2
    assert call("put", path, asked | {"seen": refused["shown"]})["number"] == 2


def test_blind_scores_are_left_out_until_the_decision(call: Any, playbook: Any) -> None:
    call("put", "/playbooks/help-desk/review-policy", {"blind_share": 1, "reason": "Measure"})
    path = f"/candidates/{CandidateFactory(playbook=playbook).pk}"
    assert call("get", path)["scores"] == {}
    assert call("get", "/candidates")["results"][0]["scores"] == {}
    assert call("post", f"{path}/approve", {})["scores"]["completion"] == 4


def test_many_are_decided_and_taken_back(call: Any, playbook: Any) -> None:
    CandidateFactory.create_batch(3, playbook=playbook, section="apis")
    made = call("post", "/bulk-decisions", {"action": "approve", "section": "apis"}, expect=201)
    assert (made["total"], made["done"], made["left"]) == (3, 3, 0)
    outcomes = call("get", f"/bulk-decisions/{made['id']}/outcomes")["results"]
    assert all(row["done"] for row in outcomes)
    assert call("get", f"/bulk-decisions/{made['id']}")["ended_at"]
    call("post", f"/bulk-decisions/{made['id']}/continue", {})
    assert call("post", f"/bulk-decisions/{made['id']}/undo", {}, expect=201)["done"] == 3
    call("post", "/bulk-decisions", {"action": "reject"}, expect=400)


def test_progress_per_playbook_and_person(call: Any, playbook: Any) -> None:
    first, _ = CandidateFactory.create_batch(2, playbook=playbook)
    call("post", f"/candidates/{first.pk}/approve", {})
    found = call("get", "/review/progress")
    assert found["playbooks"] == [
        {"playbook": "help-desk", "waiting": 1, "approved": 1, "rejected": 0}
    ]
    assert [(p["username"], p["today"]) for p in found["people"]] == [("ada", 1)]


def test_ids_of_other_workspaces_are_unknown(call: Any, olga: Any) -> None:
    theirs = PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    path = f"/candidates/{CandidateFactory(playbook=theirs).pk}"
    call("get", path, expect=404)
    for name, body in (
        ("notes", {"text": "x"}),
        ("reservation", {}),
        ("uphold", {}),
        ("overturn", {}),
    ):
        call("post", f"{path}/{name}", body, expect=404)
    call("get", "/playbooks/theirs/review-policy", expect=404)


def test_a_wrong_admission_is_undone_or_called_wrong(call: Any, playbook: Any) -> None:
    due = CandidateFactory(playbook=playbook, audit="due")
    path = f"/candidates/{due.pk}"
    call("post", f"{path}/approve", {})
    told = call("post", f"{path}/overturn", {}, expect=409)
    assert "undo the decision, which overturns it" in told["detail"]
    bullet = playbook.bullets.get()
    revised = {"content": f"{bullet.content} Mended.", "revision": 1}
    call("put", f"/playbooks/help-desk/bullets/{bullet.label}", revised)
    assert call("post", f"{path}/overturn", {})["audit"] == "overturned"
    call("post", f"{path}/overturn", {}, expect=409)
    assert call("get", path)["status"] == "approved"


def test_twins_are_found_and_put_together(call: Any, playbook: Any) -> None:
    text = "Verify the customer with `verify_customer` before you create any refund"
    kept, other = (CandidateFactory(playbook=playbook, content=f"{text}{end}") for end in ".!")
    path = f"/candidates/{kept.pk}"
    (found,) = call("get", f"{path}/twins")
    assert (found["candidate"]["id"], found["near"]) == (str(other.pk), 1)
    assert call("post", f"{path}/merge", {"other": str(other.pk)})["seen_count"] == 2
    call("post", f"{path}/merge", {"other": str(other.pk)}, expect=409)
    assert call("post", f"/candidates/{other.pk}/undo", {})["status"] == "pending"
    assert call("get", path)["seen_count"] == 1
