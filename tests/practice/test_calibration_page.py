"""How far the validator's verdicts hold."""

from __future__ import annotations

from typing import Any

import pytest

from practice.services.overrules import attempt_overrule, overrule_undo
from tests.factories import (
    EnvironmentFactory,
    PlaybookFactory,
    RoundFactory,
    RunFactory,
)
from tests.practice.pages import queries_of
from tests.practice.runs import judged

URL = "/practice/calibration/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def round_(workspace: Any) -> Any:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    return RoundFactory(run=RunFactory(workspace=workspace, environment=desk))


def test_it_counts_verdicts_against_the_truth(vera_client: Any, round_: Any) -> None:
    for label, truth in [
        ("success", True),
        ("success", True),
        ("success", False),
        ("failure", True),
        ("infeasible", False),
        ("failure", None),
    ]:
        judged(round_, label, truth=truth)

    truth = vera_client.get(URL).context["truth"]

    seen = truth.confusion
    assert (seen.true_admitted, seen.false_admitted) == (2, 1)
    assert (seen.false_rejected, seen.true_rejected) == (1, 1)
    assert seen.precision == seen.recall == pytest.approx(2 / 3)
    # Five verdicts, right three times; chance agrees in (3·3 + 2·2)/25 = 0.52 of them.
    assert seen.kappa == pytest.approx((0.6 - 0.52) / 0.48)
    (only,) = truth.bins
    assert (only.count, only.accuracy) == (5, 0.6)


def test_it_counts_verdicts_against_the_word_that_stands(
    vera_client: Any, round_: Any, rita: Any
) -> None:
    agreed, overruled, restored = (judged(round_, "success") for _ in range(3))
    attempt_overrule(attempt=agreed, label="success", by=rita)
    attempt_overrule(attempt=overruled, label="failure", by=rita, reason="Nothing was refunded.")
    attempt_overrule(attempt=restored, label="failure", by=rita)
    overrule_undo(attempt=restored, by=rita)

    answer = vera_client.get(URL)

    seen = answer.context["people"].confusion
    assert (seen.true_admitted, seen.false_admitted, seen.total) == (1, 1, 2)
    page = answer.content.decode()
    assert "Nothing was refunded." in page
    assert "which are no fair sample" in page


def test_it_lists_what_people_and_the_validator_disagree_on(
    vera_client: Any, round_: Any, rita: Any
) -> None:
    agreed, overruled = (judged(round_, "success") for _ in range(2))
    attempt_overrule(attempt=agreed, label="success", by=rita)
    assert "agreed with every verdict" in vera_client.get(f"{URL}?said=disagree").content.decode()
    attempt_overrule(attempt=overruled, label="failure", by=rita)
    every, doubted = vera_client.get(URL).context["said_chips"]
    assert [(every.count, every.pressed), (doubted.count, doubted.pressed)] == [
        (2, True),
        (1, False),
    ]
    shown = vera_client.get(doubted.url.partition("#")[0]).context
    assert [word.attempt for word in shown["page"]] == [overruled]
    # Pressed again, it filters no more.
    assert [chip.url for chip in shown["said_chips"]] == [f"{URL}#words"] * 2


def test_it_filters_by_validator_and_environment(vera_client: Any, round_: Any) -> None:
    judged(round_, "success", truth=True)
    judged(round_, "success", truth=False, validator="rules-1")
    newer = vera_client.get(f"{URL}?validator=rules-2&environment=desk").context
    assert newer["truth"].total == 1
    assert list(newer["validators"]) == ["rules-1", "rules-2"]
    assert vera_client.get(f"{URL}?environment=elsewhere").context["truth"] is None


def test_it_says_what_is_missing(vera_client: Any, round_: Any) -> None:
    judged(round_, "success")
    page = vera_client.get(URL).content.decode()
    assert "No attempt was checked by its environment." in page
    assert "Nobody has spoken about a verdict yet." in page


def test_it_shows_nothing_of_others(olga_client: Any, round_: Any) -> None:
    judged(round_, "success", truth=True)
    assert olga_client.get(URL).context["truth"] is None


def test_it_asks_the_database_as_often_for_more(vera_client: Any, round_: Any, rita: Any) -> None:
    attempt_overrule(attempt=judged(round_, "success", truth=True), label="failure", by=rita)
    first = queries_of(vera_client, URL)
    for _ in range(10):
        attempt_overrule(attempt=judged(round_, "success", truth=True), label="failure", by=rita)
    assert queries_of(vera_client, URL) == first <= 19


def test_it_moves_the_gate_of_a_playbook(ada_client: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, name="Desk", slug="desk")
    answer = ada_client.get("/practice/calibration/?gate=92")
    said = answer.content.decode()
    assert "From 92% on, 0 decided candidates would not have been asked about" in said
    assert "Move the gate to 92%" in said
    moved = {
        "admit_from": "92",
        "reason": "It held",
        "back": "/practice/calibration/",
        "seen": answer.context["gate_seen"],
    }
    assert ada_client.post(answer.context["gate_url"], moved).url == "/practice/calibration/"
    assert playbook.review_policies.get().admit_from == 0.92


def test_a_viewer_sees_the_gate_and_moves_none(vera_client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, name="Desk", slug="desk")
    said = vera_client.get("/practice/calibration/").content.decode()
    assert "If the gate stood elsewhere" in said
    assert "Move the gate" not in said
