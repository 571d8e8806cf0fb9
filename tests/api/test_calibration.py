"""Calibration over the API: the validator against ground truth and against people."""

from __future__ import annotations

from typing import Any

import pytest

from practice.services.overrules import attempt_overrule
from tests.factories import (
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    WorkspaceFactory,
)
from tests.practice.runs import judged

pytestmark = pytest.mark.django_db
URL = "/api/v1/calibration"


@pytest.fixture
def round_(workspace: Any) -> Any:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    return RoundFactory(run=RunFactory(workspace=workspace, environment=desk))


def test_it_says_how_far_verdicts_hold(with_key: Any, round_: Any, ada: Any) -> None:
    judged(round_, "success", truth=True)
    judged(round_, "success", truth=False, confidence=0.6)
    doubted = judged(round_, "success")
    attempt_overrule(attempt=doubted, label="failure", by=ada, reason="Nothing was refunded.")

    said = with_key("read").get(URL).json()

    assert (said["judged"], said["validator_names"]) == (3, ["rules-2"])
    assert said["truth"]["confusion"]["precision"] == 0.5
    assert [row["count"] for row in said["truth"]["bins"]] == [1, 1]
    sure = next(row for row in said["truth"]["thresholds"] if row["threshold"] == 0.9)
    assert (sure["admitted"], sure["held_back"], sure["precision"]) == (1, 1, 1.0)
    assert said["people"]["confusion"]["false_admitted"] == 1


def test_it_narrows_by_environment_and_validator(with_key: Any, round_: Any) -> None:
    judged(round_, "success", truth=True)
    judged(round_, "success", truth=True, validator="rules-1")
    client = with_key("read")

    assert client.get(f"{URL}?validator=rules-1").json()["judged"] == 1
    assert client.get(f"{URL}?environment=desk").json()["judged"] == 2
    assert client.get(f"{URL}?environment=elsewhere").json()["judged"] == 0


def test_it_says_null_where_nothing_can_be_compared(with_key: Any, round_: Any) -> None:
    said = with_key("read").get(URL).json()

    assert said == {"judged": 0, "validator_names": [], "truth": None, "people": None}


def test_it_shows_nothing_of_another_workspace(with_key: Any) -> None:
    theirs = RoundFactory(run=RunFactory(workspace=WorkspaceFactory(slug="other")))
    judged(theirs, "success", truth=True)

    assert with_key("read").get(URL).json()["judged"] == 0


def test_it_wants_a_key_that_may_read(with_key: Any) -> None:
    assert with_key("playbooks:pull").get(URL).status_code == 403
