"""``decide`` as a table: what a run needs next, given its rows and the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from practice.domain.plans import Plan
from practice.domain.rounds import (
    Decision,
    NewUnit,
    RunKind,
    RunState,
    RunStatus,
    Stage,
    UnitState,
    decide,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
PLAN = Plan(rounds=2, tasks=2, parallel=2)


def unit(id_: int, stage: Stage, status: str = "done", **more: Any) -> UnitState:
    return UnitState(id=id_, stage=stage, round=1, target=id_, status=status, **more)


def state(*units: UnitState, **more: Any) -> RunState:
    running = RunState(PLAN, RunStatus.RUNNING, units, lease=LEASE, judged=2)
    return replace(running, **more)


SOLVED = (unit(1, Stage.PROPOSE), unit(2, Stage.SOLVE), unit(3, Stage.VALIDATE))
LEARNED = (*SOLVED, unit(4, Stage.ADMIT), unit(5, Stage.LEARN))


def test_it_begins_with_a_proposal() -> None:
    assert decide(state(), NOW) == Decision(create=(NewUnit(Stage.PROPOSE, 1),))


@pytest.mark.parametrize("status", [RunStatus.PAUSED, RunStatus.CANCELLED, RunStatus.FINISHED])
def test_it_does_nothing_unless_the_run_is_running(status: RunStatus) -> None:
    assert decide(state(unit(1, Stage.PROPOSE, "waiting"), status=status), NOW) == Decision()


def test_it_rings_only_as_widely_as_the_plan_allows() -> None:
    waiting = [unit(n, Stage.SOLVE, "waiting") for n in range(1, 6)]
    assert decide(state(*waiting), NOW).dispatch == (1, 2)


def test_it_counts_what_was_rung_a_moment_ago_as_busy() -> None:
    rung = unit(1, Stage.SOLVE, "waiting", dispatched_at=NOW - timedelta(seconds=5))
    decision = decide(state(rung, *(unit(n, Stage.SOLVE, "waiting") for n in (2, 3))), NOW)
    assert decision.dispatch == (2,)


def test_it_rings_again_when_the_bell_was_lost() -> None:
    rung = unit(1, Stage.SOLVE, "waiting", dispatched_at=NOW - timedelta(seconds=61))
    assert decide(state(rung), NOW).dispatch == (1,)


def test_it_wakes_a_unit_whose_worker_fell_silent() -> None:
    silent = unit(1, Stage.SOLVE, "running", heartbeat_at=NOW - timedelta(seconds=61))
    assert decide(state(silent), NOW).dispatch == (1,)


def test_it_leaves_a_unit_with_a_beating_heart_alone() -> None:
    alive = unit(1, Stage.SOLVE, "running", heartbeat_at=NOW - timedelta(seconds=59))
    assert decide(state(alive), NOW) == Decision()


def test_it_waits_for_the_back_off_of_a_postponed_unit() -> None:
    later = unit(1, Stage.SOLVE, "waiting", not_before=NOW + timedelta(seconds=1))
    assert decide(state(later), NOW) == Decision()
    assert decide(state(later), NOW + timedelta(seconds=1)).dispatch == (1,)


def test_it_admits_when_every_attempt_of_the_round_is_judged() -> None:
    assert decide(state(*SOLVED), NOW).create == (NewUnit(Stage.ADMIT, 1),)


def test_it_waits_for_the_last_verdict() -> None:
    open_verdict = unit(9, Stage.VALIDATE, "running", heartbeat_at=NOW)
    assert decide(state(*SOLVED, open_verdict), NOW) == Decision()


def test_it_learns_one_lesson_at_a_time_and_in_order() -> None:
    lessons = [unit(n, Stage.LEARN, "waiting") for n in (5, 6, 7)]
    assert decide(state(*SOLVED, unit(4, Stage.ADMIT), *lessons), NOW).dispatch == (5,)
    lessons[0] = unit(5, Stage.LEARN, "running", heartbeat_at=NOW)
    assert decide(state(*SOLVED, unit(4, Stage.ADMIT), *lessons), NOW).dispatch == ()
    lessons[0] = unit(5, Stage.LEARN, "waiting", not_before=NOW + LEASE)
    assert decide(state(*SOLVED, unit(4, Stage.ADMIT), *lessons), NOW).dispatch == ()


def test_it_summarises_one_trajectory_per_task_before_the_next_round() -> None:
    decision = decide(state(*LEARNED, representatives=(11, 12)), NOW)
    assert decision.create == (
        NewUnit(Stage.SUMMARISE, 1, 11),
        NewUnit(Stage.SUMMARISE, 1, 12),
    )


def test_it_proposes_the_next_round_after_the_summaries() -> None:
    summed = unit(6, Stage.SUMMARISE)
    decision = decide(state(*LEARNED, summed, representatives=(11,)), NOW)
    assert decision.create == (NewUnit(Stage.PROPOSE, 2),)


def test_it_finishes_after_the_last_round_without_summaries() -> None:
    last = [replace(u, round=2) for u in LEARNED]
    assert decide(state(*last, representatives=(11,)), NOW).end is RunStatus.FINISHED


def test_it_fails_with_the_reason_when_no_task_could_be_proposed() -> None:
    broken = unit(1, Stage.PROPOSE, "failed")
    decision = decide(state(broken, last_error="The model answered 401."), NOW)
    assert decision.end is RunStatus.FAILED
    assert decision.message == "The model answered 401."


ALIKE = "All 9 ideas were left out. The first: Reads like an earlier task."


def test_it_tries_once_more_when_every_idea_was_an_old_one() -> None:
    decision = decide(state(unit(1, Stage.PROPOSE), dropped=ALIKE, empty=1), NOW)
    assert decision == Decision(create=(NewUnit(Stage.PROPOSE, 2),))


@pytest.mark.parametrize(("patience", "empty"), [(0, 2), (2, 2), (4, 4)])
def test_it_ends_well_when_practice_has_nothing_left_to_try(patience: int, empty: int) -> None:
    plan = replace(PLAN, rounds=20, patience=patience)
    alike = state(unit(1, Stage.PROPOSE), plan=plan, dropped=ALIKE, practised=True)
    assert decide(replace(alike, empty=empty - 1), NOW).end is None
    decision = decide(replace(alike, empty=empty), NOW)
    assert decision.end is RunStatus.FINISHED
    assert ALIKE in decision.message


def test_it_fails_when_there_never_was_a_task_and_says_what_would_help() -> None:
    decision = decide(state(unit(1, Stage.PROPOSE), dropped=ALIKE, empty=2), NOW)
    assert decision.end is RunStatus.FAILED
    assert ALIKE in decision.message
    assert "Turn more tools on" in decision.message


def test_it_tells_what_helps_the_tools_a_run_is_about_and_not_to_turn_on_others() -> None:
    missed = "add_item was not practised: no value is known for its parameter owner."
    asked = state(unit(1, Stage.PROPOSE), dropped=ALIKE, missed=missed, empty=2)
    assert decide(asked, NOW).message == f"There was no task to practise. {missed}"


def test_it_finishes_with_the_tools_it_was_to_practise_and_did_not() -> None:
    last = [replace(u, round=2) for u in LEARNED]
    decision = decide(state(*last, missed="add_item was not practised."), NOW)
    assert decision.end is RunStatus.FINISHED
    assert decision.message == "All its rounds are done. add_item was not practised."


def test_it_fails_when_no_attempt_of_a_round_could_be_judged() -> None:
    broken = (unit(1, Stage.PROPOSE), unit(2, Stage.SOLVE, "failed"))
    decision = decide(state(*broken, judged=0, last_error="The server did not start."), NOW)
    assert decision.end is RunStatus.FAILED
    assert "The server did not start." in decision.message


def test_it_goes_on_when_only_some_attempts_were_lost() -> None:
    lost = (*SOLVED, unit(8, Stage.SOLVE, "failed"))
    assert decide(state(*lost), NOW).create == (NewUnit(Stage.ADMIT, 1),)


def test_it_stops_at_the_budget_and_says_what_was_kept() -> None:
    decision = decide(state(*SOLVED, spent=Decimal("2.00"), budget=Decimal("2.00")), NOW)
    assert decision.end is RunStatus.FINISHED
    assert decision.message == (
        "The budget of $2.00 is spent. "
        "Everything judged so far is kept; start another run to go on."
    )


def test_it_says_so_where_the_budget_did_not_last_until_a_verdict() -> None:
    spent = state(
        *SOLVED, spent=Decimal("2.00"), budget=Decimal("2.00"), judged=0, has_verdicts=False
    )
    assert decide(spent, NOW).message == (
        "The budget of $2.00 is spent. "
        "It did not last until the first verdict; start another run with a larger one."
    )


def test_it_names_a_budget_below_a_cent_in_full() -> None:
    decision = decide(state(*SOLVED, spent=Decimal(1), budget=Decimal("0.0010")), NOW)
    assert "budget of $0.001 is spent" in decision.message


def test_it_asks_for_three_candidates_a_task_and_at_most_fifty() -> None:
    assert Plan(tasks=10).candidates == 30
    assert Plan(tasks=30).candidates == 50
    assert Plan(tasks=60).candidates == 60


def test_a_plan_survives_being_stored() -> None:
    plan = Plan(rounds=3, tools={"get_order": "ab12"})
    assert Plan.from_json(plan.to_json()) == plan


SETTLED = (*LEARNED, unit(0, Stage.SETTLE))
TRIED = RunState(PLAN, RunStatus.RUNNING, LEARNED, lease=LEASE, judged=2, testing=1)


def with_plan(**switches: Any) -> Plan:
    return replace(PLAN, **switches)


def created(decision: Decision) -> list[Stage]:
    return [new.stage for new in decision.create]


def test_it_settles_lessons_whose_trials_are_over_before_it_goes_on() -> None:
    assert decide(TRIED, NOW) == Decision(create=(NewUnit(Stage.SETTLE, 1, 0),))
    # A settlement that failed is not asked for again and holds nobody up.
    failed = (*LEARNED, unit(0, Stage.SETTLE, "failed"))
    assert created(decide(replace(TRIED, units=failed), NOW)) == [Stage.PROPOSE]


def test_it_consolidates_once_and_settles_its_trials_apart() -> None:
    plan = with_plan(consolidate=True)
    assert created(decide(state(*LEARNED, plan=plan), NOW)) == [Stage.CONSOLIDATE]
    tried = (*SETTLED, unit(9, Stage.CONSOLIDATE))
    decision = decide(replace(TRIED, plan=plan, units=tried), NOW)
    assert decision.create == (NewUnit(Stage.SETTLE, 1, 1),)
    after = (*tried, unit(1, Stage.SETTLE))
    assert created(decide(state(*after, plan=plan), NOW)) == [Stage.PROPOSE]


def test_it_measures_on_held_out_tasks_after_every_round() -> None:
    plan = with_plan(held_out=3, rounds=1)
    assert created(decide(state(*LEARNED, plan=plan), NOW)) == [Stage.MEASURE]
    done = (*LEARNED, unit(9, Stage.MEASURE))
    assert decide(state(*done, plan=plan), NOW).end is RunStatus.FINISHED


def test_it_ends_when_the_stop_rule_says_so() -> None:
    decision = decide(state(*LEARNED, stop="The last round brought nothing."), NOW)
    assert (decision.end, decision.message) == (
        RunStatus.FINISHED,
        "The last round brought nothing.",
    )


EXPERIMENT = (unit(1, Stage.PROPOSE), unit(2, Stage.SOLVE), unit(3, Stage.VALIDATE))


def experiment(*units: UnitState, **more: Any) -> RunState:
    return state(*units, kind=RunKind.EXPERIMENT, **more)


def test_an_experiment_reports_once_everything_is_judged_and_ends() -> None:
    assert created(decide(experiment(*EXPERIMENT), NOW)) == [Stage.REPORT]
    reported = (*EXPERIMENT, unit(4, Stage.REPORT))
    assert decide(experiment(*reported), NOW).end is RunStatus.FINISHED
    failed = (*EXPERIMENT, unit(4, Stage.REPORT, "failed"))
    decision = decide(experiment(*failed, last_error="It broke."), NOW)
    assert (decision.end, decision.message) == (RunStatus.FAILED, "It broke.")


def test_an_experiment_out_of_money_compares_what_it_has() -> None:
    spent = {"spent": Decimal(1), "budget": Decimal(1)}
    alive = unit(4, Stage.SOLVE, "running", heartbeat_at=NOW)
    waiting = unit(5, Stage.SOLVE, "waiting")
    assert decide(experiment(*EXPERIMENT, alive, waiting, **spent), NOW) == Decision()
    assert created(decide(experiment(*EXPERIMENT, waiting, **spent), NOW)) == [Stage.REPORT]
    report = unit(6, Stage.REPORT, "waiting")
    assert decide(experiment(*EXPERIMENT, waiting, report, **spent), NOW).dispatch == (6,)
    done = unit(6, Stage.REPORT)
    decision = decide(experiment(*EXPERIMENT, waiting, done, **spent), NOW)
    assert decision.end is RunStatus.FINISHED
    assert "budget of $1.00 is spent" in decision.message


@pytest.mark.parametrize("stage", [s for s in Stage if s is not Stage.REPORT])
def test_nothing_begins_once_the_budget_is_spent(stage: Stage) -> None:
    waiting = unit(7, stage, "waiting")
    decision = decide(state(waiting, spent=Decimal(2), budget=Decimal(1)), NOW)
    assert (decision.dispatch, decision.end) == ((), RunStatus.FINISHED)


def test_a_run_over_sent_trajectories_admits_learns_and_ends() -> None:
    online = {"kind": RunKind.ONLINE}
    judged = (unit(1, Stage.VALIDATE), unit(2, Stage.VALIDATE))
    assert created(decide(state(*judged, **online), NOW)) == [Stage.ADMIT]
    learned = (*judged, unit(3, Stage.ADMIT), unit(4, Stage.LEARN))
    assert decide(state(*learned, **online), NOW).end is RunStatus.FINISHED
    decision = decide(state(*judged, judged=0, last_error="No answer.", **online), NOW)
    assert decision.end is RunStatus.FAILED
    assert "No answer." in decision.message


def test_it_ends_a_budgeted_run_whose_spending_nobody_can_count() -> None:
    unknown = state(*SOLVED, spent=Decimal(1), budget=Decimal(40), uncounted="gpt-9")
    decision = decide(unknown, NOW)
    assert decision.end is RunStatus.FINISHED
    assert "A call of gpt-9 has no known cost" in decision.message
    assert "The budget of $40.00 cannot be kept" in decision.message
    assert "larger" not in decision.message, "no budget would do"
    assert decide(state(*SOLVED, uncounted=""), NOW).end is None


QUIET = {Stage.SOLVE: NOW + timedelta(seconds=1)}


def test_it_rings_for_nothing_that_would_ask_a_silent_model() -> None:
    waiting = (unit(1, Stage.SOLVE, "waiting"), unit(2, Stage.ADMIT, "waiting"))
    assert decide(state(*waiting, quiet=QUIET), NOW).dispatch == (2,)


def test_it_rings_for_the_unit_tried_least_when_a_silent_model_is_due() -> None:
    waiting = [unit(n, Stage.SOLVE, "waiting", tries=tries) for n, tries in ((1, 2), (2, 1))]
    later = NOW + timedelta(seconds=1)
    assert decide(state(*waiting, quiet=QUIET), later).dispatch == (2,)


def test_it_ends_with_the_line_of_a_model_that_was_given_up() -> None:
    ended = decide(state(unit(1, Stage.SOLVE, "waiting"), given_up="No answer."), NOW)
    assert ended == Decision(end=RunStatus.FAILED, message="No answer.")


def test_it_says_how_what_agents_sent_goes_on_where_the_money_is_gone() -> None:
    spent = {"kind": RunKind.ONLINE, "budget": Decimal(1), "spent": Decimal(2)}
    ended = decide(state(unit(1, Stage.VALIDATE, "waiting"), **spent), NOW)
    assert ended.message == (
        "The budget of $1.00 is spent. Everything judged so far is kept; have the others judged "
        "again under Practice → From agents."
    )


def test_it_speaks_of_earlier_rounds_only_where_there_are_some() -> None:
    said = []
    for number in (1, 2):
        left = replace(unit(1, Stage.SOLVE, "failed"), round=number)
        said.append(decide(state(left, last_error="It hung.", judged=0), NOW).message)
    assert said == [
        "No attempt of round 1 could be judged. It hung.",
        "No attempt of round 2 could be judged. It hung. Earlier rounds are kept.",
    ]
