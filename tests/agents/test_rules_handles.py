"""Work on another thing than the one a task points to is no success, and no preparation either."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from practice.agents.rules.validator import RulesValidator
from practice.domain.types import Json, Label, Step, TaskSpec, Trajectory, Verdict
from practice.domain.validation import label
from tests.agents.rules_shop import TOOLS

#: tool, arguments, what it said.
Call = tuple[str, dict[str, Any], str]
FIRST: dict[str, Any] = {"$from": "list_orders", "$field": "order_id"}
ORDERS = json.dumps({"orders": [{"order_id": f"ORD-{n}", "status": "open"} for n in (2, 1, 3)]})
LISTED: Call = ("list_orders", {}, ORDERS)
REFUSED = "order_too_old: The order is too old."
UNVERIFIED = "not_verified: Use verify_customer first."


def refund(order: str, said: str = "{}") -> Call:
    return "create_refund", {"order_id": order, "reason": "Broken"}, said


def verify(order: str) -> Call:
    return "verify_customer", {"order_id": order}, '{"verified": true}'


def judged(
    reference: Any,
    *made: Call,
    before: Sequence[Json] = (),
    after: Sequence[Json] = (),
) -> Verdict:
    """The verdict on calls of which those that say a code and a colon failed."""
    wanted = {"tool": "create_refund", "arguments": {"order_id": reference, "reason": "Broken"}}
    steps = tuple(
        Step(n, tool, arguments, said, is_error=not said.startswith("{"))
        for n, (tool, arguments, said) in enumerate(made, start=1)
    )
    text = "Refund the first order you find because it is Broken."
    given = TaskSpec(text, "action", ("create_refund",), goal={"calls": [*before, wanted, *after]})
    return RulesValidator().validate(given, Trajectory(steps, "Done."), TOOLS)


def failed(verdict: Verdict) -> dict[str, tuple[int, ...]]:
    return {check.name: check.steps for check in verdict.checks if not check.passed}


def test_the_first_is_the_first_of_the_listing() -> None:
    assert label(judged(FIRST, LISTED, refund("ORD-2"))) is Label.SUCCESS
    verdict = judged(FIRST, LISTED, refund("ORD-1"))
    assert label(verdict) is Label.FAILURE
    assert "order_id of create_refund (step 2)" in verdict.completion_reason


def test_another_one_does_not_do_after_the_first_was_refused() -> None:
    verdict = judged(
        FIRST,
        LISTED,
        refund("ORD-2", UNVERIFIED),
        verify("ORD-2"),
        refund("ORD-2", REFUSED),
        refund("ORD-1", UNVERIFIED),
        verify("ORD-1"),
        refund("ORD-1"),
    )
    assert label(verdict) is Label.FAILURE
    assert failed(verdict) == {"intended_arguments_used": (7,), "nothing_unasked": (3, 6)}


def test_a_later_listing_names_no_other_first() -> None:
    shorter = ("list_orders", {"status": "open"}, '{"orders": [{"order_id": "ORD-3"}]}')
    assert label(judged(FIRST, LISTED, shorter, refund("ORD-3"))) is Label.FAILURE
    assert label(judged(FIRST, LISTED, shorter, refund("ORD-2"))) is Label.SUCCESS


def test_an_empty_listing_has_no_first() -> None:
    empty = ("list_orders", {"status": "packed"}, '{"orders": []}')
    assert label(judged(FIRST, empty, LISTED, refund("ORD-2"))) is Label.SUCCESS


def test_the_listing_that_the_task_asks_for_is_the_one_that_counts() -> None:
    asked = {"tool": "list_orders", "arguments": {"status": "packed"}}
    packed = ("list_orders", {"status": "packed"}, '{"orders": [{"order_id": "ORD-3"}]}')
    for order, expected in (("ORD-3", Label.SUCCESS), ("ORD-2", Label.FAILURE)):
        verdict = judged(FIRST, LISTED, packed, refund(order), before=[asked])
        assert label(verdict) is expected


@pytest.mark.parametrize("words", [{"$skip": 1}, {"$call": 1}, {"$where": {"status": "open"}}])
def test_any_or_a_described_one_may_be_another(words: dict[str, Any]) -> None:
    assert label(judged({**FIRST, **words}, LISTED, refund("ORD-3"))) is Label.SUCCESS


def test_what_another_one_needed_prepares_nothing() -> None:
    own = judged(FIRST, LISTED, refund("ORD-2", UNVERIFIED), verify("ORD-2"), refund("ORD-2"))
    assert (label(own), failed(own)) == (Label.SUCCESS, {})
    look = {"tool": "list_orders", "arguments": {"status": "packed"}}
    verdict = judged(
        FIRST,
        LISTED,
        refund("ORD-1", UNVERIFIED),
        verify("ORD-1"),
        refund("ORD-2"),
        ("list_orders", {"status": "packed"}, ORDERS),
        after=[look],
    )
    assert label(verdict) is Label.FAILURE
    assert failed(verdict)["nothing_unasked"] == (3,)


def test_what_an_error_asked_for_after_all_was_done_is_unasked() -> None:
    verdict = judged(FIRST, LISTED, refund("ORD-2"), refund("ORD-2", UNVERIFIED), verify("ORD-2"))
    assert failed(verdict)["nothing_unasked"] == (4,)


BEDS = (
    {"order_id": "ORD-2", "status": "open"},
    {"order_id": "ORD-1", "status": "Broken"},
    {"order_id": "ORD-3", "status": "Broken"},
)


def paged(*rows: Json) -> Call:
    return "list_orders", {}, json.dumps({"orders": list(rows)})


@pytest.mark.parametrize(
    ("made", "confidence"),
    [
        # The first that was not refused; but not where the call itself was wrong, nor the second.
        ((LISTED, refund("ORD-2", REFUSED), refund("ORD-1")), 0.6),
        (
            (
                LISTED,
                refund("ORD-2", "bad_reason: reason must be one of Damaged, Late."),
                refund("ORD-1"),
            ),
            1.0,
        ),
        ((LISTED, refund("ORD-2", REFUSED), refund("ORD-3")), 1.0),
        # The first of those that the task describes ("because it is Broken"); on any page.
        ((paged(*BEDS), refund("ORD-1")), 0.6),
        ((paged(*BEDS), refund("ORD-3")), 1.0),
        ((paged(BEDS[0]), paged(*BEDS[1:]), refund("ORD-1")), 0.6),
        # One that nothing singles out.
        ((LISTED, refund("ORD-1")), 1.0),
        # What else was changed is asked for in no reading.
        ((paged(*BEDS), verify("ORD-3"), refund("ORD-1")), 1.0),
        # What the one that was taken needed is.
        ((paged(*BEDS), refund("ORD-1", UNVERIFIED), verify("ORD-1"), refund("ORD-1")), 0.6),
    ],
)
def test_it_is_less_sure_where_the_words_fit_what_was_done(
    made: Sequence[Call], confidence: float
) -> None:
    verdict = judged(FIRST, *made)
    assert (label(verdict), verdict.confidence) == (Label.FAILURE, confidence)
    assert ("fit it too" in verdict.completion_reason) == (confidence < 1)
