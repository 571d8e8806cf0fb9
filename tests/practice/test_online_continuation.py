"""Trajectories of deployed agents: judged, learned from, and put up for review."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Candidate
from memoryapp.services.candidates import candidate_approve
from practice.models import Attempt, Environment, PracticeRecord, Run, SentTrajectory
from practice.orchestrator import online, rounds
from practice.orchestrator.environment_checks import unreachable
from practice.services.deployment import (
    trajectories_judge_again,
    trajectories_send,
    waiting_for_a_price,
    waiting_for_tools,
)
from practice.services.prices import price_set
from practice.services.runs import run_cancel
from practice.services.samples import sample_load
from practice.tasks import check_environment
from tests.factories import RunFactory
from tests.practice.runs import connected, driven

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("helpdesk")]

REFUND = {"order_id": "ORD-2025-00066", "amount": "24.50"}


@pytest.fixture
def sample(workspace: Any) -> tuple[Environment, Any]:
    environment, playbook = sample_load(workspace=workspace)
    return connected(environment), playbook


def call(tool: str, arguments: dict[str, Any], observation: str, **more: Any) -> dict[str, Any]:
    return {"tool": tool, "arguments": arguments, "observation": observation} | more


def refund(name: str = "t1") -> dict[str, Any]:
    """What an agent really met: a refund is refused until the customer is verified."""
    refused = (
        '{"error": {"code": "customer_not_verified", "message": "Verify the customer first."}}'
    )
    checked = {"order_id": "ORD-2025-00066", "postcode": "L1 8JQ"}
    return {
        "id": name,
        "instruction": "Refund 24.50 for order ORD-2025-00066, postcode L1 8JQ.",
        "steps": [
            call("issue_refund", REFUND, refused, is_error=True),
            call("verify_customer", checked, '{"customer_id": "CUS-0053", "verified": true}'),
            call("issue_refund", REFUND, '{"refund_id": "REF-0009", "amount_cents": 2450}'),
        ],
        "answer": "Refunded 24.50 as REF-0009.",
        "outcome": "success",
    }


def test_it_puts_what_a_deployed_agent_learned_up_for_review(
    sample: Any, ada: Any, rung: Any
) -> None:
    environment, playbook = sample
    receipt = trajectories_send(
        playbook=playbook, environment=environment, given=[refund()], by=ada
    )
    assert (receipt.accepted, receipt.known, receipt.refused) == (1, 0, [])
    (run_id,) = online.take()
    run = driven(Run.objects.get(pk=run_id))
    assert (run.kind, run.status, run.message) == ("online", "finished", "")
    attempt = Attempt.objects.get(run=run)
    assert attempt.label == "success"
    assert SentTrajectory.objects.get().attempt == attempt
    lesson = Candidate.objects.get(playbook=playbook, content__contains="verify_customer")
    assert lesson.origin_link == run.get_absolute_url()
    assert lesson.evidence.filter(tool="issue_refund").exists()


def test_its_page_says_what_of_it_was_not_kept(sample: Any, ada: Any, vera_client: Any) -> None:
    environment, playbook = sample
    cut = {**refund(), "steps_left_out": 700}
    receipt = trajectories_send(playbook=playbook, environment=environment, given=[cut], by=ada)
    said = "Of its 703 steps the first 3 are kept."
    assert [one.message for one in receipt.remarks] == [said]
    online.take()
    page = vera_client.get(Attempt.objects.get().get_absolute_url())
    assert said in page.content.decode()


def test_its_page_says_when_each_step_began_and_what_it_took(
    sample: Any, ada: Any, vera_client: Any
) -> None:
    environment, playbook = sample
    first, second, third = refund()["steps"]
    steps = [
        {**first, "started_ms": 1_000, "duration_ms": 500, "input_tokens": 90, "output_tokens": 8},
        {**second, "started_ms": 1_200, "duration_ms": 9_000},
        {**third, "started_ms": 12_000, "duration_ms": 3_000},
    ]
    given = {**refund(), "steps": steps}
    trajectories_send(playbook=playbook, environment=environment, given=[given], by=ada)
    online.take()
    attempt = Attempt.objects.get()
    assert attempt.duration_ms == 15_000
    stored = attempt.steps.values_list("started_ms", "duration_ms", "input_tokens", "output_tokens")
    assert list(stored) == [(1_000, 500, 90, 8), (1_200, 9_000, 0, 0), (12_000, 3_000, 0, 0)]
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert 'title="90 in, 8 out"' in page
    assert "time axis 15.0 s" in page


def test_its_page_says_what_it_cost_and_which_steps_are_inside_of_one(
    sample: Any, ada: Any, vera_client: Any
) -> None:
    environment, playbook = sample
    first, second, third = refund()["steps"]
    paid = {"input_tokens": 90, "output_tokens": 8}
    steps = [{**first, **paid, "cost": 0.0123}, {**second, "parent": 1}, {**third, **paid}]
    for name, whole in (("known", {"cost": 0.5}), ("summed", {})):
        given = {**refund(name), "steps": steps, **whole}
        trajectories_send(playbook=playbook, environment=environment, given=[given], by=ada)
    online.take()
    known, summed = Attempt.objects.order_by("pk")
    stored = list(known.steps.values_list("cost", "parent"))
    assert stored == [(Decimal("0.012300"), None), (None, 1), (None, None)]
    assert (known.cost, summed.cost) == (Decimal("0.5"), None)
    page = vera_client.get(f"{known.get_absolute_url()}?view=tree").content.decode()
    assert "196 tokens, $0.50." in page
    assert '<a class="cite" href="#step-1">in step 1</a>' in page
    assert ">step 2, in step 1<" in page
    page = vera_client.get(summed.get_absolute_url()).content.decode()
    assert "196 tokens, $0.01 or more." in page


def test_what_nobody_says_the_cost_of_has_none(sample: Any, ada: Any, vera_client: Any) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    online.take()
    attempt = Attempt.objects.get()
    assert (attempt.cost, set(attempt.steps.values_list("cost", flat=True))) == (None, {None})
    page = vera_client.get(f"{attempt.get_absolute_url()}?view=tree").content.decode()
    assert "$" not in page.partition("<main")[2].partition("</main")[0]


def test_a_step_that_was_stored_before_steps_said_when_they_began_is_taken(
    sample: Any, ada: Any
) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    row = SentTrajectory.objects.get()
    kept = ("tool", "arguments", "observation", "is_error", "thought", "duration_ms")
    row.steps = [{**{name: step[name] for name in kept}, "duration_ms": 5} for step in row.steps]
    row.save()
    online.take()
    steps = Attempt.objects.get().steps
    assert list(steps.values_list("started_ms", flat=True)) == [0, 5, 10]


def test_a_tool_that_is_called_by_its_server_as_well_is_the_environment_s(
    sample: Any, ada: Any
) -> None:
    environment, playbook = sample
    steps = [{**step, "tool": f"mcp__desk__{step['tool']}"} for step in refund()["steps"]]
    given = {**refund(), "steps": steps}
    receipt = trajectories_send(playbook=playbook, environment=environment, given=[given], by=ada)
    assert receipt.remarks == []
    driven(Run.objects.get(pk=online.take()[0]))
    attempt = Attempt.objects.get()
    assert attempt.label == "success"
    assert attempt.task.intended_tools == ["issue_refund", "verify_customer"]


def sent(sample: Any, by: Any, *steps: dict[str, Any], instruction: str) -> Attempt:
    """Send one trajectory and return its attempt once judged."""
    environment, playbook = sample
    given = {
        "id": "t9",
        "instruction": instruction,
        "steps": list(steps),
        "answer": "It is done.",
        "outcome": "success",
    }
    trajectories_send(playbook=playbook, environment=environment, given=[given], by=by)
    driven(Run.objects.get(pk=online.take()[0]))
    return Attempt.objects.get(task__rationale="Sent by a deployed agent.")


def test_it_does_not_vouch_for_tools_that_are_not_here(sample: Any, ada: Any) -> None:
    made_up = call("foo_bar", {"order_id": "ORD-2025-00066"}, '{"done": true}')
    attempt = sent(sample, ada, made_up, instruction="Do the thing for ORD-2025-00066.")
    assert attempt.label == "infeasible"
    assert "There is no tool `foo_bar` here." in attempt.feasibility_reason
    assert attempt.completion_reason == "What cannot be done here was not done."
    assert not Candidate.objects.exists()


def test_what_is_sent_before_the_tools_are_listed_waits_and_is_judged_then(
    workspace: Any, ada: Any, rung: Any
) -> None:
    environment, playbook = sample_load(workspace=workspace)
    unreachable(environment, "Its server did not answer within 20 s.")
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    assert online.take() == []
    assert waiting_for_tools(workspace) == [environment]
    rung.clear()
    check_environment(environment.pk)
    assert waiting_for_tools(workspace) == []
    ((_, unit),) = rung
    rounds.work(unit)
    run = driven(Run.objects.get())
    assert Attempt.objects.get(run=run).label == "success"


def test_what_is_sent_while_a_listed_environment_is_away_does_not_wait(
    sample: Any, ada: Any
) -> None:
    environment, playbook = sample
    unreachable(environment, "Its server did not answer within 20 s.")
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    assert len(online.take()) == 1


def test_it_learns_from_an_agent_that_stopped_at_the_first_error(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    refused = call("issue_refund", REFUND, "", is_error=True)
    given = {
        "id": "conversation-8812",
        "instruction": "Refund order ORD-2025-00066.",
        "steps": [{**refused, "observation": {"error": {"code": "customer_not_verified"}}}],
        "answer": "I could not refund the order.",
        "outcome": "failure",
    }
    trajectories_send(playbook=playbook, environment=environment, given=[given], by=ada)
    driven(Run.objects.get(pk=online.take()[0]))
    attempt = Attempt.objects.get(task__rationale="Sent by a deployed agent.")
    assert attempt.label == "failure", attempt.feasibility_reason
    lesson = Candidate.objects.get(playbook=playbook)
    assert lesson.content == (
        "Call `verify_customer` for the same order before `issue_refund`; otherwise it answers "
        '"customer_not_verified".'
    )


def test_it_makes_no_success_of_a_look_at_the_customer(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    checked = {"order_id": "ORD-2025-00066", "postcode": "X"}
    given = {
        "id": "r-3",
        "instruction": "Refund order ORD-2025-00066.",
        "steps": [call("verify_customer", checked, '{"ok": true}')],
        "answer": "I could not.",
        "outcome": "failure",
    }
    silent = {**given, "id": "r-4", "answer": "Refunded ORD-2025-00066.", "outcome": ""}
    trajectories_send(playbook=playbook, environment=environment, given=[given, silent], by=ada)
    driven(Run.objects.get(pk=online.take()[0]))
    assert set(Attempt.objects.values_list("label", "completion_reason")) == {
        ("failure", "The task asks for issue_refund, which was never called.")
    }


def test_it_knows_that_a_trace_may_begin_in_the_middle_of_a_conversation(
    sample: Any, ada: Any
) -> None:
    refused = '{"error": {"code": "category_missing", "message": "Set the category first."}}'
    attempt = sent(
        sample,
        ada,
        call(
            "escalate_ticket", {"ticket_id": "TIC-00017", "reason": "Hard."}, refused, is_error=True
        ),
        call("set_ticket_category", {"ticket_id": "TIC-00017", "category": "billing"}, "{}"),
        call(
            "escalate_ticket",
            {"ticket_id": "TIC-00017", "reason": "Hard."},
            '{"status": "escalated"}',
        ),
        instruction="Escalate the ticket we spoke about.",
    )
    assert attempt.label == "success", attempt.completion_reason


def test_it_keeps_what_users_asked_from_the_proposer(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    driven(Run.objects.get(pk=online.take()[0]))
    assert not PracticeRecord.objects.exists()
    assert not environment.facts.exists()


def test_it_takes_a_trajectory_once_however_often_it_is_sent(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    given = [refund("t1"), refund("t1"), refund("t2"), {"id": "t3"}]
    for accepted, known in ((2, 1), (0, 3)):
        receipt = trajectories_send(playbook=playbook, environment=environment, given=given, by=ada)
        assert (receipt.accepted, receipt.known) == (accepted, known)
        assert [(r.place, r.id) for r in receipt.refused] == [(3, "t3")]
    assert len(online.take()) == 1
    assert SentTrajectory.objects.filter(status="taken").count() == 2


def test_it_waits_with_the_next_batch_until_the_run_has_ended(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund("t1")], by=ada)
    (first,) = online.take()
    trajectories_send(playbook=playbook, environment=environment, given=[refund("t2")], by=ada)
    assert online.take() == []
    driven(Run.objects.get(pk=first))
    assert len(online.take()) == 1


def test_it_counts_how_approved_bullets_fared_as_deployment(sample: Any, ada: Any) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund("t1")], by=ada)
    driven(Run.objects.get(pk=online.take()[0]))
    for candidate in Candidate.objects.filter(playbook=playbook):
        candidate_approve(candidate=candidate, by=ada)
    steps = refund()["steps"]
    trajectories_send(
        playbook=playbook,
        environment=environment,
        given=[{**refund("t2"), "steps": steps[1:]}],
        by=ada,
    )
    driven(Run.objects.get(pk=online.take()[0]))
    bullet = playbook.bullets.get(content__contains="verify_customer")
    assert (bullet.deployed_helpful, bullet.practice_helpful) == (1, 0)


def test_it_begins_no_run_that_nobody_could_bound(sample: Any, ada: Any, settings: Any) -> None:
    environment, playbook = sample
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "nobody-knows-1"
    RunFactory(environment=environment, playbook=playbook, engine="model", status="finished")
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    assert online.take() == []
    assert waiting_for_a_price(playbook.workspace) == ["nobody-knows-1"]
    price_set(
        workspace=playbook.workspace,
        model="nobody-*",
        input=Decimal(1),
        output=Decimal(1),
        cached_input=None,
        by=ada,
    )
    assert waiting_for_a_price(playbook.workspace) == []
    assert len(online.take()) == 1


def test_it_keeps_what_a_run_left_unjudged_until_somebody_has_it_judged(
    sample: Any, ada: Any
) -> None:
    environment, playbook = sample
    given = [refund(), refund("t2")]
    trajectories_send(playbook=playbook, environment=environment, given=given, by=ada)
    run = Run.objects.get(pk=online.take()[0])
    rounds.work(rounds.drive(run.pk)[0])
    run_cancel(run=run, by=ada)
    left = SentTrajectory.objects.get(status="unjudged")
    kept = SentTrajectory.objects.exclude(pk=left.pk)
    assert [*kept.values_list("status", "attempt__label")] == [("taken", "success")]
    # Of its own accord nothing is spent on it.
    assert online.take() == []
    assert trajectories_judge_again(workspace=playbook.workspace, by=ada) == 1
    again = driven(Run.objects.get(pk=online.take()[0]))
    found = SentTrajectory.objects.filter(pk=left.pk)
    assert found.values_list("status", "attempt__run", "attempt__label").get() == (
        "taken",
        again.pk,
        "success",
    )
    with pytest.raises(UnableToChange, match="left unjudged"):
        trajectories_judge_again(workspace=playbook.workspace, by=ada)


def test_it_takes_the_verdict_of_a_worker_that_was_at_it_when_the_run_ended(
    sample: Any, ada: Any
) -> None:
    environment, playbook = sample
    trajectories_send(playbook=playbook, environment=environment, given=[refund()], by=ada)
    run = Run.objects.get(pk=online.take()[0])
    rounds.drive(run.pk)
    run.units.update(status="running")
    run_cancel(run=run, by=ada)
    assert SentTrajectory.objects.get().status == "unjudged"
    run.units.update(status="done")
    run.attempts.update(label="success")
    rounds.drive(run.pk)
    assert SentTrajectory.objects.get().status == "taken"
