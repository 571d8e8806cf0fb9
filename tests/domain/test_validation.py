from __future__ import annotations

import pytest

from practice.domain.types import Category, Label, Step, Trajectory, Verdict, Vote
from practice.domain.validation import (
    Judged,
    admissible,
    aggregate,
    categorize,
    label,
    representative,
    settled,
)

INFEASIBLE, SUCCESS, FAILURE = Label.INFEASIBLE, Label.SUCCESS, Label.FAILURE


def judged(feasibility: int, completion: int, steps: int) -> Judged:
    made = tuple(Step(n, "t", {}, "") for n in range(1, steps + 1))
    return Judged(Trajectory(made), Verdict(feasibility, "", completion, ""))


@pytest.mark.parametrize(
    ("feasibility", "completion", "expected"),
    [
        (4, 5, INFEASIBLE),
        (1, 1, INFEASIBLE),
        (5, 5, SUCCESS),
        (5, 4, SUCCESS),
        (5, 3, FAILURE),
        (5, 1, FAILURE),
    ],
)
def test_it_asks_for_feasibility_before_completion(
    feasibility: int, completion: int, expected: Label
) -> None:
    assert label(Verdict(feasibility, "", completion, "")) is expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([INFEASIBLE, INFEASIBLE], Category.INFEASIBLE),
        ([FAILURE, FAILURE], Category.UNSOLVED),
        ([SUCCESS, FAILURE], Category.BOUNDARY),
        ([SUCCESS], Category.TRIVIAL),
        ([INFEASIBLE, SUCCESS], Category.TRIVIAL),
        ([INFEASIBLE, FAILURE], Category.UNSOLVED),
    ],
)
def test_it_says_what_several_attempts_mean_together(
    labels: list[Label], expected: Category
) -> None:
    assert categorize(labels) is expected


def test_it_has_no_category_for_a_task_nobody_attempted() -> None:
    with pytest.raises(ValueError, match="at least one validated attempt"):
        categorize([])


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("feasible_only", {SUCCESS, FAILURE}), ("success_only", {SUCCESS})],
)
def test_it_admits_by_policy(policy: str, expected: set[Label]) -> None:
    assert {each for each in Label if admissible(each, policy)} == expected


def test_it_refuses_an_unknown_policy() -> None:
    with pytest.raises(ValueError, match="everything"):
        admissible(SUCCESS, "everything")


def test_it_lets_the_best_then_the_shortest_attempt_stand_for_the_task() -> None:
    long, short, poor = judged(5, 5, 4), judged(5, 5, 2), judged(5, 2, 1)
    assert representative([poor, long, short]) is short


def test_it_lets_only_admissible_attempts_stand_under_a_policy() -> None:
    impossible = judged(3, 5, 1)
    assert representative([impossible], "feasible_only") is None
    assert representative([impossible]) is impossible


def votes(*scores: tuple[int, int]) -> list[Vote]:
    return [
        Vote(feasibility, completion, f"{n}") for n, (feasibility, completion) in enumerate(scores)
    ]


def test_it_takes_the_median_of_each_score() -> None:
    tally = aggregate(votes((5, 5), (5, 2), (4, 4)))
    assert (tally.feasibility, tally.completion) == (5, 4)
    # One vote of three gives the label of the medians: (1 + 1) / (3 + 2).
    assert tally.agreement == pytest.approx(0.4)
    assert tally.typical.reason == "0"


def test_it_admits_nothing_on_a_tie() -> None:
    tally = aggregate(votes((5, 5), (5, 2)))
    assert (tally.feasibility, tally.completion) == (5, 2)


def test_it_never_calls_one_vote_certain() -> None:
    assert aggregate(votes((5, 5))).agreement == pytest.approx(2 / 3)
    assert aggregate(votes(*[(5, 5)] * 7)).agreement == pytest.approx(8 / 9)


def test_it_needs_a_vote_to_tally() -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        aggregate([])


@pytest.mark.parametrize(
    ("cast", "of", "expected"),
    [
        ([], 1, False),
        ([(5, 5)], 1, True),
        ([(5, 5)], 3, False),
        ([(5, 5), (5, 4)], 3, True),
        ([(5, 5), (5, 2)], 3, False),
        ([(2, 5), (3, 1)], 3, True),
        ([(5, 5), (2, 5)], 3, False),
        ([(5, 1), (5, 2), (5, 3)], 5, True),
        ([(5, 5), (5, 5), (4, 5)], 5, False),
    ],
)
def test_it_knows_when_votes_to_come_change_nothing(
    cast: list[tuple[int, int]], of: int, expected: bool
) -> None:
    assert settled(votes(*cast), of) is expected
