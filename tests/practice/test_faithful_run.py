"""A whole run that is faithful to the paper, and what steering does to the rules engine."""

from __future__ import annotations

from typing import Any

from memoryapp.domain.playbook import Delta, Op
from practice.domain.plans import Plan
from practice.models import Attempt, Run, Steering
from practice.orchestrator import admission
from practice.orchestrator.learning import admit
from tests.factories import AttemptFactory, BulletFactory, EnvironmentFactory, TaskFactory
from tests.practice.memories import desk, run_in
from tests.practice.runs import connected, driven, started


def judged(run: Any, *scores: tuple[int, int], **task: Any) -> Any:
    row = TaskFactory(round=run.rounds.first() or run.rounds.create(number=1), **task)
    for number, (feasibility, completion) in enumerate(scores, start=1):
        label = "infeasible" if feasibility < 5 else "success" if completion >= 4 else "failure"
        AttemptFactory(
            task=row,
            run=run,
            number=number,
            label=label,
            feasibility=feasibility,
            completion=completion,
            completion_reason=f"Reason {number}",
        )
    return row


def faithful_run(workspace: Any, **changes: Any) -> Any:
    plan = Plan(faithful=True, rounds=1, tools={"get_order": "0"}, **changes)
    return run_in(desk(workspace), plan=plan.to_json())


def test_it_calls_a_task_infeasible_when_one_attempt_does(workspace: Any) -> None:
    run = faithful_run(workspace, attempts=2)
    task = judged(run, (5, 5), (3, 1))

    admit(run.units.create(stage="admit", round=1), run).store()

    task.refresh_from_db()
    assert task.category == "infeasible"
    assert not run.units.filter(stage="learn").exists()


def test_it_says_that_a_task_all_attempts_solve_teaches_nothing(
    vera_client: Any, workspace: Any
) -> None:
    run = faithful_run(workspace, attempts=2)
    task = judged(run, (5, 5), (5, 5))

    admit(run.units.create(stage="admit", round=1), run).store()

    assert set(task.attempts.values_list("status", flat=True)) == {"not_admitted"}
    page = vera_client.get(task.attempts.first().get_absolute_url()).content.decode()
    assert "missing mixed outcomes). All of this one succeeded, so it is trivial." in page
    assert "Nothing in it was new" not in page


def test_it_learns_from_the_first_success_of_mixed_outcomes(workspace: Any) -> None:
    run = faithful_run(workspace, attempts=3)
    task = judged(run, (5, 2), (5, 4), (5, 5))

    admit(run.units.create(stage="admit", round=1), run).store()

    assert run.units.get(stage="learn").target == task.attempts.get(number=2).pk
    assert task.attempts.get(is_representative=True).number == 2
    assert Attempt.objects.get(pk=run.units.get(stage="learn").target).status == "admitted"


def test_it_proposes_new_bullets_only(workspace: Any) -> None:
    run = faithful_run(workspace)
    deltas = [_delta("ADD"), _delta("UPDATE"), _delta("MERGE")]

    assert admission.allowed(run.frozen, deltas) == deltas[:1]
    assert admission.allowed(Plan(), deltas) == deltas


def test_it_takes_the_same_words_again_for_a_helpful_vote(workspace: Any) -> None:
    run = faithful_run(workspace)
    BulletFactory(playbook=run.playbook, label="apis-001", section="apis", content="Log in first.")
    again = Delta(op=Op.ADD, section="apis", content="log in first.")

    found = admission.reinforced(run.frozen, run.playbook.as_value(), [again])

    assert found == {"apis-001": "helpful"}
    assert admission.reinforced(Plan(), run.playbook.as_value(), [again]) == {}


def _delta(op: str) -> Delta:
    return Delta(op=Op(op))


def test_it_runs_to_its_end_and_keeps_what_the_proposer_was_shown(
    workspace: Any, rita: Any
) -> None:
    run = started(connected(EnvironmentFactory(workspace=workspace)), rita, rounds=2, tasks=1)
    run.plan = {**run.plan, "faithful": True}
    run.save()

    run = driven(run)

    assert run.status == Run.Status.FINISHED
    first, second = run.rounds.all()
    assert first.briefing["faithful"] is True
    assert second.briefing["tokens"]["history"] > 0
    assert 0 < len(second.briefing["facts"]) <= 10


def test_it_practises_seed_tasks_and_leaves_tools_alone(workspace: Any, rita: Any) -> None:
    environment = connected(EnvironmentFactory(workspace=workspace))
    seed = Steering.objects.create(
        environment=environment, kind="seed_task", instruction="Search the orders that are open"
    )
    alone = environment.tools.usable().filter(name__contains="customer")[0].name
    Steering.objects.create(environment=environment, kind="avoid", tool=alone)

    run = driven(started(environment, rita, tasks=3))

    seed.refresh_from_db()
    assert run.status == Run.Status.FINISHED
    assert seed.ended_at is not None
    assert seed.task is not None
    assert seed.task.round.run == run
    tools = [tool for r in run.rounds.all() for t in r.tasks.all() for tool in t.intended_tools]
    assert tools
    assert alone not in tools
    assert seed.task.record.category
