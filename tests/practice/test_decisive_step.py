"""Which step decided a failed attempt, and the test of it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToDecide, UnableToStart
from practice.agents.ports import EnvironmentUnavailable
from practice.domain.decisive import counterfactual, judged
from practice.domain.types import Label, Step, Trajectory
from practice.models import Attempt, Incident
from practice.orchestrator import decisive
from practice.services.causes import cause_confirm, lesson_submit
from practice.services.incidents import attempt_analyse
from tests.factories import (
    PlaybookFactory,
)
from tests.practice.refunds import Desk, asked, attempt, desk, failed

__all__ = ["desk", "failed"]


def test_it_finds_the_step_and_shows_the_walk(rita: Any, vera_client: Any, failed: Attempt) -> None:
    incident = asked(failed, rita)
    assert incident.top_cause == "step:2 create_refund"
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "2 create_refund" in page
    assert "Steps</h2>" in page
    assert "was not tested.</b> No attempt at this task succeeded" in page


def test_asking_twice_is_one_incident(rita: Any, failed: Attempt) -> None:
    assert attempt_analyse(attempt=failed, by=rita) == attempt_analyse(attempt=failed, by=rita)
    assert Incident.objects.get().analyses.count() == 1


def test_it_asks_only_of_what_failed(rita: Any, failed: Attempt) -> None:
    for label, message in (("success", "succeeded"), ("", "is not judged")):
        failed.label = label
        with pytest.raises(UnableToStart, match=message):
            attempt_analyse(attempt=failed, by=rita)


def test_a_step_stands_the_test_when_only_the_right_value_succeeds(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    attempt(failed.task, 2, amount=40, label="success")
    incident = asked(failed, rita)
    test = incident.analyses.get().panels["test"]
    assert (test["verdict"], test["corrected"], test["control"]) == (
        "confirmed",
        "success",
        "failure",
    )
    assert (test["was"]["amount"], test["right"]["amount"]) == (400, 40)
    assert [calls[0][0] for calls in desk.sessions] == ["get_order", "get_order"]


def test_only_a_tested_step_becomes_a_candidate(rita: Any, failed: Attempt, desk: Desk) -> None:
    playbook = PlaybookFactory(workspace=failed.run.workspace)
    untested = asked(failed, rita)
    cause_confirm(incident=untested, node=untested.top_cause, by=rita)
    with pytest.raises(UnableToDecide, match="Only a step that passed its test"):
        lesson_submit(incident=untested, playbook=playbook, by=rita)
    untested.delete()

    attempt(failed.task, 2, amount=40, label="success")
    incident = asked(failed, rita)
    cause_confirm(incident=incident, node=incident.top_cause, by=rita)
    candidate = lesson_submit(incident=incident, playbook=playbook, by=rita)
    assert "call `create_refund` with `amount` as `40`, not `400`" in candidate.content


def test_nothing_is_judged_where_the_past_does_not_repeat_itself(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    attempt(failed.task, 2, amount=40, label="success")
    desk.price = 55
    test = asked(failed, rita).analyses.get().panels["test"]
    assert (test["verdict"], "differently from the first time" in test["why"]) == ("untested", True)


def test_a_server_that_fails_leaves_the_step_untested(
    rita: Any, failed: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> Any:
        raise EnvironmentUnavailable("It did not start.")

    attempt(failed.task, 2, amount=40, label="success")
    monkeypatch.setattr(decisive, "world_of", gone)
    test = asked(failed, rita).analyses.get().panels["test"]
    assert (test["verdict"], "It did not start." in test["why"]) == ("untested", True)


def test_an_environment_that_cannot_be_reset_is_left_alone(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    attempt(failed.task, 2, amount=40, label="success")
    failed.run.environment.transport = "http"
    failed.run.environment.save()
    test = asked(failed, rita).analyses.get().panels["test"]
    assert test["verdict"] == "untested"
    assert desk.sessions == []


def test_the_button_is_for_reviewers_and_failures(
    rita_client: Any, vera_client: Any, olga_client: Any, failed: Attempt
) -> None:
    page, url = failed.get_absolute_url(), f"{failed.get_absolute_url()}root-cause/"
    assert "Find the root cause" in rita_client.get(page).content.decode()
    assert "Find the root cause" not in vera_client.get(page).content.decode()
    assert vera_client.post(url).status_code == 403
    assert olga_client.post(url).status_code == 404
    assert rita_client.post(url).url == Incident.objects.get().get_absolute_url()
    assert "being analysed" in vera_client.get(page).content.decode()


def _step(number: int, tool: str, **arguments: Any) -> Step:
    return Step(number, tool, arguments, "")


def test_the_twin_is_the_nearest_call_with_other_values() -> None:
    failed = Trajectory((_step(1, "a"), _step(2, "b", x=1), _step(3, "c")), "done")
    won = Trajectory((_step(1, "b", x=1), _step(2, "a"), _step(3, "b", x=2), _step(4, "c")), "ok")
    plan = counterfactual(failed, won, 2)
    assert plan is not None
    assert [step.tool for step in plan.prefix] == ["a"]
    assert (plan.step.arguments, plan.right.arguments) == ({"x": 1}, {"x": 2})
    assert [step.tool for step in plan.corrected] == ["b", "c"] == [s.tool for s in plan.control]
    assert counterfactual(failed, won, 1) is None
    assert counterfactual(failed, won, 9) is None


@pytest.mark.parametrize(
    ("corrected", "control", "verdict"),
    [
        (Label.SUCCESS, Label.FAILURE, "confirmed"),
        (Label.SUCCESS, Label.INFEASIBLE, "confirmed"),
        (Label.SUCCESS, Label.SUCCESS, "refuted"),
        (Label.FAILURE, Label.FAILURE, "refuted"),
        (Label.FAILURE, Label.SUCCESS, "refuted"),
    ],
)
def test_two_runs_say_whether_a_step_decided(
    corrected: Label, control: Label, verdict: str
) -> None:
    assert judged(corrected, control)[0] == verdict
