"""What may be said of tasks tried with and without memory; values worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest

from memoryapp.domain.playbook import Bullet, Playbook
from practice.domain import experiments
from practice.domain.experiments import Arm, Role, Trial
from practice.domain.types import Label

NONE = Arm(1, Role.NONE, "No memory")
MEMORY = Arm(2, Role.MEMORY, "v4", tokens=40)
PRODUCTION = Arm(3, Role.PRODUCTION, "v3 in production")
MASKED = Arm(4, Role.MASKED, "Without pitfalls-001", masked="pitfalls-001")
WON, LOST, OFF = Label.SUCCESS, Label.FAILURE, Label.INFEASIBLE


def trials(arm: Arm, labels: Sequence[Label | None], errors: int = 0) -> list[Trial]:
    """One attempt per task, tasks numbered from 1."""
    return [Trial(arm.id, task, label, errors=errors) for task, label in enumerate(labels, start=1)]


def stumbling(arm: Arm, failed: int, of: int) -> list[Trial]:
    """Every task solved, the first ``failed`` of them with a failed call on the way."""
    return [Trial(arm.id, task, WON, errors=int(task <= failed)) for task in range(1, of + 1)]


def book(*labels: str) -> Playbook:
    return Playbook(tuple(Bullet(label, "pitfalls", f"Text of {label}.") for label in labels))


def test_it_plans_one_arm_without_memory_one_with_and_one_per_masked_bullet() -> None:
    arms = experiments.plan_arms(book("a-1", "a-2"), "v4", masked=["a-2", "gone-1"])
    assert [(arm.role, arm.masked) for arm in arms] == [
        (Role.NONE, ""),
        (Role.MEMORY, ""),
        (Role.MASKED, "a-2"),
    ]
    assert [[b.label for b in arm.playbook.bullets] for arm in arms] == [
        [],
        ["a-1", "a-2"],
        ["a-1"],
    ]


def test_it_measures_production_only_where_it_says_something_else() -> None:
    now = book("a-1")
    same = experiments.plan_arms(now, "draft", production=("v3", book("a-1")))
    other = experiments.plan_arms(now, "draft", production=("v3", book("a-2")))
    assert [arm.role for arm in same] == [Role.NONE, Role.MEMORY]
    assert [arm.role for arm in other] == [Role.NONE, Role.MEMORY, Role.PRODUCTION]


def test_it_leaves_out_a_task_only_where_no_arm_found_it_feasible() -> None:
    tried = [*trials(NONE, [OFF, OFF, WON, None]), *trials(MEMORY, [OFF, LOST, WON, OFF])]
    assert experiments.infeasible_tasks(tried) == {1, 4}


def test_it_counts_a_task_as_solved_when_most_attempts_succeed() -> None:
    tried = [Trial(1, 7, WON), Trial(1, 7, LOST), Trial(1, 8, WON), Trial(1, 8, WON)]
    tried += [Trial(1, 8, LOST), Trial(1, 9, None)]
    assert experiments.outcomes(tried, 1, "success") == {7: False, 8: True}


def test_it_pairs_the_same_tasks_under_both_arms() -> None:
    tried = [
        *trials(NONE, [WON, LOST, LOST, LOST, WON, WON]),
        *trials(MEMORY, [WON, WON, WON, LOST, LOST, None]),
    ]
    seen = experiments.compare(MEMORY, NONE, tried)
    assert (seen.both, seen.only_this, seen.only_other, seen.neither) == (1, 2, 1, 1)
    assert seen.difference == pytest.approx(0.2)
    # Three pairs differ, two of them one way: 2 · (1 + 3) / 2³ = 1.
    assert seen.p == 1.0


def test_it_counts_success_without_a_failed_call_apart() -> None:
    tried = [
        *trials(NONE, [WON, WON], errors=1),
        *trials(MEMORY, [WON, WON]),
    ]
    assert experiments.compare(MEMORY, NONE, tried).difference == 0
    assert experiments.compare(MEMORY, NONE, tried, "clean").difference == 1


def test_it_says_what_an_arm_took() -> None:
    tried = [
        Trial(2, 1, WON, calls=3, tokens=100, cost=Decimal("0.01"), seconds=2.0),
        Trial(2, 2, LOST, calls=5, errors=2, tokens=300, cost=Decimal("0.02"), seconds=4.0),
        Trial(2, 3, None, calls=9),
    ]
    seen = experiments.figures(MEMORY, tried)
    assert (seen["successes"], seen["n"], seen["clean"]) == (1, 2, 1)
    assert (seen["calls"], seen["errors"], seen["tokens"], seen["seconds"]) == (4, 1, 200, 3)
    assert seen["cost"] == "0.03"
    # Wilson for 1 of 2 at 95 %.
    assert (seen["low"], seen["high"]) == (0.0945, 0.9055)
    unpriced = experiments.figures(MEMORY, [replace(tried[0], cost=None), tried[1]])
    assert unpriced["cost"] is None


def test_it_says_what_a_masked_bullet_adds_and_costs() -> None:
    tried = [
        *trials(NONE, [LOST] * 4),
        *trials(MEMORY, [WON, WON, WON, LOST]),
        *trials(MASKED, [WON, LOST, LOST, LOST]),
    ]
    found = experiments.result(
        [NONE, MEMORY, MASKED], tried, bullets={"pitfalls-001": "Write dates YYYY-MM-DD."}
    )
    effect = found["bullets"]["pitfalls-001"]
    assert (effect["effect"], effect["won"], effect["lost"], effect["n"]) == (0.5, 2, 0, 4)
    assert effect["low"] < 0.5 < effect["high"]
    assert effect["tokens"] == 6
    assert found["gate"] is None


def test_it_says_apart_what_a_masked_bullet_saves_in_failed_calls() -> None:
    tried = [
        *trials(NONE, [WON] * 21),
        *trials(MEMORY, [WON] * 21),
        *stumbling(MASKED, failed=8, of=21),
    ]
    found = experiments.result([NONE, MEMORY, MASKED], tried, bullets={})
    effect = found["bullets"]["pitfalls-001"]
    assert (effect["effect"], effect["won"], effect["lost"], effect["p"]) == (0, 0, 0, 1)
    clean = effect["clean"]
    assert (clean["effect"], clean["won"], clean["lost"], clean["n"]) == (0.381, 8, 0, 21)
    # Eight pairs differ, all one way: 2 / 2⁸ = 0.0078.
    assert clean["p"] == 0.0078
    assert 0 < clean["low"] < 0.381 < clean["high"]


def test_it_puts_a_clear_difference_into_words() -> None:
    tried = [*trials(NONE, [WON] * 6 + [LOST] * 14), *trials(MEMORY, [WON] * 14 + [LOST] * 6)]
    found = experiments.result([NONE, MEMORY], tried, bullets={})
    # Eight pairs differ, all one way: 2 / 2⁸ = 0.0078.
    assert found["verdict"].startswith(
        "With v4 14 of 20 tasks succeed, without it 6; the difference is unlikely to be chance "
        "(p = 0.0078)."
    )


@pytest.mark.parametrize(
    ("without", "with_it", "said"),
    [
        ([WON, LOST], [WON, LOST], "With v4 1 of 2 tasks succeed, without it the same ones."),
        (
            [WON, LOST],
            [LOST, WON],
            "With v4 1 of 2 tasks succeed, without it as many, though not the same ones.",
        ),
        (
            [LOST, LOST],
            [WON, LOST],
            "With v4 1 of 2 tasks succeed, without it 0; a difference like this may be chance "
            "(p = 1).",
        ),
        ([None, None], [WON, WON], "No task was judged both with and without memory"),
    ],
)
def test_it_claims_no_more_than_it_saw(
    without: list[Label | None], with_it: list[Label | None], said: str
) -> None:
    tried = [*trials(NONE, without), *trials(MEMORY, with_it)]
    assert said in experiments.result([NONE, MEMORY], tried, bullets={})["verdict"]


def test_it_passes_what_is_not_worse_than_either() -> None:
    tried = [t for arm in (NONE, MEMORY, PRODUCTION) for t in trials(arm, [WON] * 20)]
    found = experiments.result([NONE, MEMORY, PRODUCTION], tried, bullets={}, is_gate=True)
    assert found["gate"]["passed"]
    # Twenty of twenty under both: the interval of the difference is ±0.161.
    assert found["gate"]["message"] == (
        "Not worse than no memory and v3 in production: at the unlucky end of the 95% interval "
        "tasks solved are 16 points fewer and tasks solved without a failed call are 16 points "
        "fewer, and 20 points fewer are allowed."
    )


def test_it_does_not_pass_what_loses_tasks_that_production_solves() -> None:
    tried = [
        *trials(NONE, [LOST] * 20),
        *trials(MEMORY, [WON] * 14 + [LOST] * 6),
        *trials(PRODUCTION, [WON] * 20),
    ]
    found = experiments.result([NONE, MEMORY, PRODUCTION], tried, bullets={}, is_gate=True)
    assert not found["gate"]["passed"]
    assert found["gate"]["message"].startswith(
        "Worse than v3 in production: tasks solved are 30 points fewer, 14 of 20 where v3 in "
        "production has 20 (6 lost, 0 won), so the difference could be "
    )


@pytest.mark.parametrize(("other", "named"), [(NONE, "no memory"), (PRODUCTION, PRODUCTION.name)])
def test_it_does_not_pass_what_solves_as_much_with_failed_calls(other: Arm, named: str) -> None:
    clean = trials(other, [WON] * 21)
    # No memory must be there; where it stumbles as well, only production tells.
    rest = stumbling(NONE, failed=8, of=21) if other is PRODUCTION else []
    tried = [*rest, *clean, *stumbling(MEMORY, failed=8, of=21)]
    arms = [NONE, MEMORY] if other is NONE else [NONE, MEMORY, PRODUCTION]
    found = experiments.result(arms, tried, bullets={}, is_gate=True)
    assert not found["gate"]["passed"]
    assert found["gate"]["message"].startswith(
        f"Worse than {named}: tasks solved without a failed call are 38 points fewer, 13 of 21 "
        f"where {named} has 21 (8 lost, 0 won), so the difference could be "
    )
    # Success alone held: it is not what the reason names.
    assert "tasks solved are" not in found["gate"]["message"]


def test_it_compares_with_production_by_both_measures() -> None:
    tried = [t for arm in (NONE, MEMORY, PRODUCTION) for t in trials(arm, [WON])]
    found = experiments.result([NONE, MEMORY, PRODUCTION], tried, bullets={})
    assert [(pair["against"], pair["measure"]) for pair in found["compared"]] == [
        ("No memory", "success"),
        ("No memory", "clean"),
        ("v3 in production", "success"),
        ("v3 in production", "clean"),
    ]


def test_it_does_not_call_worse_what_may_be_chance() -> None:
    tried = [*trials(NONE, [WON] * 20), *trials(MEMORY, [WON] * 19 + [LOST])]
    found = experiments.result([NONE, MEMORY], tried, bullets={}, is_gate=True)
    assert found["gate"]["message"].startswith(
        "Perhaps worse than no memory: tasks solved are 5 points fewer, 19 of 20 where no memory "
        "has 20"
    )


def test_it_does_not_pass_on_too_few_tasks() -> None:
    tried = [t for arm in (NONE, MEMORY) for t in trials(arm, [WON] * 5)]
    found = experiments.result([NONE, MEMORY], tried, bullets={}, is_gate=True)
    assert not found["gate"]["passed"]
    assert "5 tasks are too few to tell" in found["gate"]["message"]


@pytest.mark.parametrize(("solved", "passes"), [(0, False), (4, False), (5, True)])
def test_it_does_not_pass_where_hardly_any_task_is_solved(solved: int, passes: bool) -> None:
    """Memory that loses everything is within the margin of an agent that solves next to nothing."""
    labels = [WON] * solved + [LOST] * (20 - solved)
    tried = [t for arm in (NONE, MEMORY) for t in trials(arm, labels)]
    found = experiments.result([NONE, MEMORY], tried, bullets={}, is_gate=True)
    assert found["gate"]["passed"] is passes
    said = f"Hardly any task was solved, {solved} of 20 with it and {solved} with no memory"
    assert found["gate"]["message"].startswith(said) is not passes


def test_it_passes_memory_that_solves_what_nobody_did_without() -> None:
    tried = [*trials(NONE, [LOST] * 20), *trials(MEMORY, [WON] * 15 + [LOST] * 5)]
    assert experiments.result([NONE, MEMORY], tried, bullets={}, is_gate=True)["gate"]["passed"]
