"""Testing a step of a failed attempt with values of one's own, where no success knows better."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToStart
from memoryapp.services.tokens import api_key_create
from practice.models import Analysis, Attempt, Incident
from practice.services.analysis_asked import MAX_ARGUMENTS
from practice.services.causes import cause_confirm, lesson_submit
from practice.services.incidents import analysis_cancel, analysis_start
from tests.factories import IncidentFactory, PlaybookFactory, StepFactory
from tests.practice.outages import analysed
from tests.practice.refunds import ORDER, Desk, asked, desk, failed

__all__ = ["desk", "failed"]

RIGHT = {"step": 2, "arguments": {"order": ORDER, "amount": 40}}


def put_to_test(incident: Incident, by: Any, test: dict[str, Any]) -> dict[str, Any]:
    row = analysis_start(incident=incident, by=by, test=test)
    analysed(incident)
    row.refresh_from_db()
    assert row.status == "done", row.message
    found: dict[str, Any] = row.panels["test"]
    return found


def test_a_persons_values_confirm_the_step_they_put_right(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    incident = asked(failed, rita)
    test = put_to_test(incident, rita, RIGHT)
    assert (test["verdict"], test["corrected"], test["control"], test["against"]) == (
        "confirmed", "success", "failure", None,
    )  # fmt: skip
    cause_confirm(incident=incident, node="step:2 create_refund", by=rita)
    playbook = PlaybookFactory(workspace=failed.run.workspace)
    candidate = lesson_submit(incident=incident, playbook=playbook, by=rita)
    assert "call `create_refund` with `amount` as `40`, not `400`" in candidate.content


def test_a_step_put_right_is_the_first_cause_whatever_ranked_before(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    step = failed.steps.get(number=1)
    step.is_error = True
    step.save()
    incident = asked(failed, rita)
    put_to_test(incident, rita, RIGHT)
    incident.refresh_from_db()
    assert incident.top_cause == "step:2 create_refund"


def test_values_that_still_fail_refute_nothing_but_themselves(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    wrong = {"step": 2, "arguments": {"order": ORDER, "amount": 90}}
    test = put_to_test(asked(failed, rita), rita, wrong)
    assert (test["verdict"], "others are right" in test["why"]) == ("refuted", True)


def test_later_steps_take_up_the_new_values(rita: Any, failed: Attempt, desk: Desk) -> None:
    StepFactory(
        attempt=failed, number=3, tool="create_refund", is_error=True,
        arguments={"order": ORDER, "amount": 400}, observation="AMOUNT_TOO_HIGH",
    )  # fmt: skip
    incident = asked(failed, rita)
    desk.sessions.clear()
    put_to_test(incident, rita, RIGHT)
    corrected, control = desk.sessions  # no third one: carried on, they succeeded
    assert [call[1].get("amount") for call in corrected] == [None, 40, 40]
    assert [call[1].get("amount") for call in control] == [None, 400, 400]


def test_later_steps_stay_as_they_were_where_only_that_succeeds(
    rita: Any, failed: Attempt, desk: Desk
) -> None:
    StepFactory(
        attempt=failed, number=3, tool="create_refund", is_error=True,
        arguments={"order": ORDER, "amount": 400}, observation="AMOUNT_TOO_HIGH",
    )  # fmt: skip
    StepFactory(
        attempt=failed, number=4, tool="create_refund",
        arguments={"order": ORDER, "amount": 40}, observation='{"refunded": 40}',
    )  # fmt: skip
    failed.steps.filter(number=2).update(arguments={"order": ORDER, "amount": 40})
    right = {"step": 2, "arguments": {"order": ORDER, "amount": 90}}
    test = put_to_test(asked(failed, rita), rita, right)
    assert (test["corrected"], len(desk.sessions)) == ("success", 3)


def showing(rows: str, failed: Attempt, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the first look-up show ``rows``, in the failed attempt and whenever it is run again."""
    failed.steps.filter(number=1).update(observation=rows)
    answer = desk.call

    def call(tool: str, arguments: Any) -> Any:
        seen = answer(tool, arguments)
        return type(seen)(rows) if tool == "get_order" else seen

    monkeypatch.setattr(desk, "call", call)


def test_a_value_read_beside_the_one_in_use_is_tried_where_no_success_is_known(
    rita: Any, failed: Attempt, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = json.dumps({"refunds": [{"amount": 400}, {"amount": 40}]})
    showing(rows, failed, desk, monkeypatch)
    test = asked(failed, rita).analyses.get().panels["test"]
    assert (test["verdict"], test["right"]["amount"]) == ("confirmed", 40)


def test_a_value_nobody_knows_to_be_right_never_refutes_a_step(
    rita: Any, failed: Attempt, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = json.dumps({"refunds": [{"amount": 400}, {"amount": 90}]})
    showing(rows, failed, desk, monkeypatch)
    test = asked(failed, rita).analyses.get().panels["test"]
    assert test["verdict"] == "untested"
    assert test["why"].endswith(
        "The value that was read beside one in use was tried and failed too."
    )


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"step": 9, "arguments": {}}, "has no step 9"),
        ({"step": 2, "arguments": None}, "Write the arguments as a JSON object"),
        ({"step": 2, "arguments": [1]}, "Write the arguments as a JSON object"),
        ({"step": 2, "arguments": {"order": ORDER, "amount": 400}}, "change at least one"),
        ({"step": 2, "arguments": {"order": "x" * MAX_ARGUMENTS}}, "characters at most"),
        ({"step": 2, "arguments": json.loads('{"amount": NaN}')}, "a number such as NaN"),
        ({"step": 2, "arguments": {"order": "a\0"}}, "contain a NUL, half a character"),
        ({"step": 2, "arguments": json.loads('{"a":' * 101 + "1" + "}" * 101)}, "100 levels deep"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused_in_a_sentence(
    rita: Any, failed: Attempt, desk: Desk, test: dict[str, Any], message: str
) -> None:
    incident = asked(failed, rita)
    with pytest.raises(UnableToStart, match=message):
        analysis_start(incident=incident, by=rita, test=test)
    assert incident.analyses.count() == 1


def test_only_attempts_have_steps_to_test(rita: Any, workspace: Any) -> None:
    with pytest.raises(UnableToStart, match="this is not one"):
        analysis_start(incident=IncidentFactory(workspace=workspace), by=rita, test=RIGHT)


def test_a_shared_environment_is_left_alone(rita: Any, failed: Attempt, desk: Desk) -> None:
    incident = asked(failed, rita)
    environment = incident.attempt.run.environment  # type: ignore[union-attr]
    environment.transport = "openapi"
    environment.save()
    with pytest.raises(UnableToStart, match="cannot be brought back to its first state"):
        analysis_start(incident=incident, by=rita, test=RIGHT)


def test_reviewers_are_offered_the_arguments_to_put_right(
    rita_client: Any, vera_client: Any, rita: Any, failed: Attempt, desk: Desk
) -> None:
    incident = asked(failed, rita)
    page, url = incident.get_absolute_url(), f"{incident.get_absolute_url()}analyse/"
    assert "Run again from step 2" in rita_client.get(page).content.decode()
    assert "&quot;amount&quot;: 400" in rita_client.get(page).content.decode()
    assert "Run again from step" not in vera_client.get(page).content.decode()
    told = rita_client.post(url, {"step": "2", "arguments": "{not json"}, follow=True)
    assert "Write the arguments as a JSON object" in told.content.decode()
    rita_client.post(url, {"step": "2", "arguments": json.dumps(RIGHT["arguments"])})
    assert Analysis.objects.get(number=2).test == RIGHT
    assert "Run again from step" not in rita_client.get(page).content.decode()
    analysis_cancel(incident=incident, by=rita)


def test_the_api_takes_a_test_and_tells_what_became_of_it(
    client: Any, rita: Any, ada: Any, failed: Attempt, desk: Desk
) -> None:
    incident = asked(failed, rita)
    workspace = incident.workspace
    _, key = api_key_create(workspace=workspace, name="desk", scopes=["read", "write"], by=ada)
    headers = {"Authorization": f"Bearer {key}"}
    url, kind = f"/api/v1/incidents/{incident.number}", "application/json"
    bad = client.post(f"{url}/analysis", {"test": {"step": 0}}, kind, headers=headers)
    assert bad.status_code == 400
    said = client.post(f"{url}/analysis", {"test": RIGHT}, kind, headers=headers)
    assert (said.status_code, said.json()["tested"]) == (202, None)
    analysed(incident)
    told = client.get(url, headers=headers).json()["analysis_row"]["tested"]
    assert (told["step"], told["verdict"]) == (2, "confirmed")
