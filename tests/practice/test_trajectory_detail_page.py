"""The page of one trajectory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.queries.playbooks import draft_playbook
from tests.factories import (
    AttemptFactory,
    CandidateFactory,
    EvidenceFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
)
from tests.practice.pages import queries_of


@pytest.fixture
def round_(workspace: Any) -> Any:
    return RoundFactory(run=RunFactory(workspace=workspace, number=5), number=1)


@pytest.fixture
def attempt(round_: Any) -> Any:
    task = TaskFactory(
        round=round_, instruction="Refund the lamp", intended_tools=["get_order", "create_refund"]
    )
    attempt = AttemptFactory(
        task=task,
        status="curated",
        label="failure",
        outcome="finished",
        feasibility=5,
        feasibility_reason="Every tool exists.",
        completion=2,
        completion_reason="The refund was refused.",
        confidence=0.9,
        validator="rules-1",
        checks=[
            {"name": "no_tool_error", "passed": False, "detail": "One call failed.", "steps": [2]}
        ],
        answer="It was not refunded.",
        reflection={"key_insight": "Verify the customer first."},
        current_try=2,
        ended_at=timezone.now(),
    )
    StepFactory(attempt=attempt, try_number=1, number=1, tool="first_try_tool")
    StepFactory(
        attempt=attempt,
        try_number=2,
        number=1,
        tool="get_order",
        observation='{"id":"7","items":[1]}',
        thought="Look the order up.",
        duration_ms=400,
        input_tokens=100,
        output_tokens=20,
    )
    StepFactory(
        attempt=attempt,
        try_number=2,
        number=2,
        tool="get_order",
        observation="NOT_VERIFIED",
        is_error=True,
        started_ms=400,
        duration_ms=100,
    )
    return attempt


def _page(client: Any, attempt: Any, query: str = "") -> str:
    return str(client.get(f"{attempt.get_absolute_url()}{query}").content.decode())


def test_it_shows_the_steps_of_the_try_that_counts(vera_client: Any, attempt: Any) -> None:
    answer = vera_client.get(attempt.get_absolute_url())

    page = answer.content.decode()
    assert [shown.step.number for shown in answer.context["steps"]] == [1, 2]
    assert answer.context["total_ms"] == 500
    assert 'id="step-2"' in page
    assert "Look the order up." in page
    assert "NOT_VERIFIED" in page
    assert "<b>Error</b>" in page
    assert "120" in page


def test_it_says_that_what_was_sent_without_times_has_none(vera_client: Any, round_: Any) -> None:
    attempt = AttemptFactory(task=TaskFactory(round=round_), outcome="finished", duration_ms=0)
    StepFactory(attempt=attempt, number=1, started_ms=0, duration_ms=0)
    for page in (
        _page(vera_client, attempt),
        _page(vera_client, attempt, "?view=tree"),
        _page(vera_client, attempt, f"compare/{attempt.pk}/"),
        vera_client.get("/trajectories/").content.decode(),
    ):
        assert "no times" in page
        assert "0 ms" not in page


def test_it_lays_out_json_and_keeps_the_raw_text(vera_client: Any, attempt: Any) -> None:
    shown = vera_client.get(attempt.get_absolute_url()).context["steps"]

    assert shown[0].observation == '{\n  "id": "7",\n  "items": [\n    1\n  ]\n}'
    assert shown[0].raw == '{"id":"7","items":[1]}'
    assert shown[1].raw == ""


def test_it_keeps_earlier_tries_under_anchors_of_their_own(vera_client: Any, attempt: Any) -> None:
    page = _page(vera_client, attempt)

    assert "Try 1, 1 step, did not count" in page
    assert 'id="try-1-step-1"' in page
    assert page.count('id="step-1"') == 1


def test_it_shows_the_verdict_with_gates_reasons_and_checks(vera_client: Any, attempt: Any) -> None:
    page = _page(vera_client, attempt)

    assert "Feasibility: 5 of 5, gate at 5" in page
    assert "Completion: 2 of 5, gate at 4" in page
    assert "The refund was refused." in page
    assert "No tool error" in page
    assert 'href="#step-2"' in page
    assert "validator rules-1" in page


def test_it_names_the_steps_of_a_check_once_as_links(vera_client: Any, attempt: Any) -> None:
    wrong = {"name": "no_loops", "passed": False, "steps": [1, 2]}
    attempt.checks = [{**wrong, "detail": "There are calls repeated in vain: step 1, 2."}]
    attempt.save(update_fields=["checks"])
    page = _page(vera_client, attempt)
    assert "repeated in vain." in page
    assert 'href="#step-1" aria-label="step 1">1</a>' in page


def test_it_says_which_intended_tool_was_not_called(vera_client: Any, attempt: Any) -> None:
    page = _page(vera_client, attempt)

    assert "create_refund" in page
    assert page.count("not called") == 1


def test_it_links_to_the_candidates_it_gave_rise_to(vera_client: Any, attempt: Any) -> None:
    candidate = CandidateFactory(playbook=attempt.run.playbook, content="Verify first.")
    EvidenceFactory(candidate=candidate, link=f"{attempt.get_absolute_url()}#step-2", number=2)
    other = CandidateFactory(playbook=attempt.run.playbook, content="Of another attempt.")
    EvidenceFactory(candidate=other, link=f"/trajectories/{attempt.pk}9/#step-1")

    answer = vera_client.get(attempt.get_absolute_url())

    page = answer.content.decode()
    assert candidate.get_absolute_url() in page
    assert "Verify first." in page
    assert "Of another attempt." not in page
    assert [shown.is_cited for shown in answer.context["steps"]] == [False, True]


def test_it_links_to_other_attempts_of_the_task(vera_client: Any, attempt: Any) -> None:
    other = AttemptFactory(task=attempt.task, number=2, label="success")

    assert other.get_absolute_url() in _page(vera_client, attempt)


def test_it_says_when_it_was_made_with_the_zone(
    vera_client: Any, attempt: Any, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Kolkata"
    made = datetime(2026, 11, 3, 8, 53, tzinfo=UTC)
    type(attempt).objects.filter(pk=attempt.pk).update(created_at=made)
    said = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert ">Nov 3, 2026, 14:23 UTC+5:30</time>" in said
    listed = vera_client.get("/trajectories/").content.decode()
    assert 'title="Nov 3, 2026, 14:23:00 UTC+5:30"' in listed
    assert 'name="day" value=""> <span class="q">Asia/Kolkata</span>' in listed


def test_it_goes_to_neighbors_within_the_filter(vera_client: Any, round_: Any) -> None:
    oldest = AttemptFactory(task=TaskFactory(round=round_), label="failure")
    AttemptFactory(task=TaskFactory(round=round_), label="success")
    middle = AttemptFactory(task=TaskFactory(round=round_), label="failure")
    newest = AttemptFactory(task=TaskFactory(round=round_), label="failure")

    answer = vera_client.get(f"{middle.get_absolute_url()}?label=failure")

    place = answer.context["place"]
    assert (place.position, place.counts.total) == (2, 3)
    assert (place.previous, place.next) == (newest, oldest)
    assert f"{oldest.get_absolute_url()}?label=failure" in answer.content.decode()
    assert "2 of 3 in this filter" in answer.content.decode()


def test_it_says_that_a_failed_server_was_not_judged(vera_client: Any, round_: Any) -> None:
    attempt = AttemptFactory(
        task=TaskFactory(round=round_),
        status="infrastructure_error",
        message="The server ended.",
        ended_at=timezone.now(),
    )

    page = _page(vera_client, attempt)

    assert "The server ended. It was not judged and is not in proposer memory." in page
    assert "It could not run to its end, so nothing was judged." in page


def test_it_escapes_what_a_tool_said(vera_client: Any, attempt: Any) -> None:
    StepFactory(
        attempt=attempt,
        try_number=2,
        number=3,
        tool="<i>tool</i>",
        arguments={"<b>": "</script>"},
        observation="<script>alert(1)</script>\u202eevil",
    )

    page = _page(vera_client, attempt)

    assert "<script>alert" not in page
    assert "<i>tool" not in page
    assert "U+202E" in page


def test_it_does_not_exist_for_others(olga_client: Any, attempt: Any) -> None:
    assert olga_client.get(attempt.get_absolute_url()).status_code == 404


def test_it_asks_the_database_as_often_for_more_steps(vera_client: Any, attempt: Any) -> None:
    candidate = CandidateFactory(playbook=attempt.run.playbook)
    EvidenceFactory(candidate=candidate, link=f"{attempt.get_absolute_url()}#step-1")
    first = queries_of(vera_client, attempt.get_absolute_url())
    for number in range(10, 20):
        StepFactory(attempt=attempt, try_number=2, number=number)
        other = CandidateFactory(playbook=attempt.run.playbook)
        EvidenceFactory(candidate=other, link=f"{attempt.get_absolute_url()}#step-{number}")

    assert queries_of(vera_client, attempt.get_absolute_url()) == first <= 20


@pytest.mark.parametrize(
    ("status", "voice"),
    [("pending", "proposed"), ("approved", "approved"), ("rejected", "rejected")],
)
def test_it_sets_a_candidate_in_the_voice_of_its_status(
    vera_client: Any, attempt: Any, status: str, voice: str
) -> None:
    candidate = CandidateFactory(playbook__workspace=attempt.run.workspace, status=status)
    EvidenceFactory(candidate=candidate, link=f"{attempt.get_absolute_url()}#step-2")
    said = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert f'<p class="read {voice}">' in said


def test_it_shows_the_beginning_of_a_long_candidate(vera_client: Any, attempt: Any) -> None:
    candidate = CandidateFactory(
        playbook__workspace=attempt.run.workspace, content="Verify the customer. " * 900
    )
    EvidenceFactory(candidate=candidate, link=f"{attempt.get_absolute_url()}#step-2")
    said = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert said.count("Verify the customer.") < 40
    assert f'href="{candidate.get_absolute_url()}">Read all 18,900 characters</a>' in said


def test_it_names_the_bullets_that_its_run_had_only_proposed(
    vera_client: Any, attempt: Any
) -> None:
    candidate = CandidateFactory(playbook=attempt.run.playbook, content="Verify before all.")
    draft = draft_playbook(attempt.run.playbook, origin_link=candidate.origin_link).bullets[-1]
    attempt.reflection = {
        "tags": {draft.label: "helpful", "apis-007": "harmful", "draft-000000000000": "neutral"}
    }
    attempt.save()
    said = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert draft.label not in said
    assert f'href="{candidate.get_absolute_url()}">Verify before all.</a>' in said
    assert "bullets/apis-007/" in said
    assert "Neutral: a proposal that is gone" in said
