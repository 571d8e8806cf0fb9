"""Whole experiments over the help desk, with the rules engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memoryapp.domain.playbook import Playbook as PlaybookValue
from memoryapp.domain.playbook import fingerprint
from memoryapp.models import Candidate, Evaluation
from practice.domain.rounds import Stage
from practice.models import (
    Environment,
    EnvironmentTool,
    Experiment,
    PracticeRecord,
    PracticeTask,
    Run,
    Unit,
)
from practice.orchestrator import briefings, experiments
from practice.orchestrator.worlds import tools_of
from practice.services.experiments import experiment_start
from tests.factories import (
    BulletFactory,
    EnvironmentFactory,
    PlaybookFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
)
from tests.practice.runs import connected, driven

pytestmark = pytest.mark.django_db


#: The tools of the help desk, listed by its server once for all tests here.
_TOOLS: list[dict[str, Any]] = []


@pytest.fixture
def desk(workspace: Any) -> Environment:
    environment = EnvironmentFactory(workspace=workspace)
    if not _TOOLS:
        connected(environment)
        _TOOLS.extend(environment.tools.values())
        return environment
    own = {"id", "environment_id"}
    EnvironmentTool.objects.bulk_create(
        EnvironmentTool(environment=environment, **{k: v for k, v in row.items() if k not in own})
        for row in _TOOLS
    )
    return environment


def start(desk: Environment, by: Any, **asked: Any) -> Experiment:
    book = PlaybookFactory(workspace=desk.workspace)
    BulletFactory(playbook=book, label="strategies-001")
    return experiment_start(environment=desk, playbook=book, engine="rules", by=by, **asked)


def prepared(experiment: Experiment) -> list[PracticeTask]:
    """The tasks an experiment chooses, without trying them."""
    unit = Unit.objects.create(run=experiment.run, stage=Stage.PROPOSE.value, round=1)
    experiments.prepare(unit, experiment.run).store()
    return list(PracticeTask.objects.filter(attempts__run=experiment.run).distinct())


def test_it_compares_and_learns_nothing(desk: Environment, ada: Any) -> None:
    experiment = start(desk, ada, tasks=2, is_gate=True)
    run = driven(experiment.run)
    experiment.refresh_from_db()
    assert (run.status, run.message) == ("finished", "")
    assert run.attempts.exclude(label="").count() == 4
    arms = {arm["role"]: arm for arm in experiment.result["arms"]}
    assert arms["none"]["n"] == arms["memory"]["n"] == experiment.result["tasks"]
    assert experiment.result["tasks"] + experiment.result["infeasible"] == 2
    # Two tasks never suffice to tell that something is not worse.
    assert experiment.passed is False
    evaluation = Evaluation.objects.get()
    assert (evaluation.digest, evaluation.passed) == (experiment.digest, False)
    assert evaluation.link == experiment.get_absolute_url()
    # By which the gate knows later what was compared with what.
    digests = {arm["role"]: arm["digest"] for arm in evaluation.figures["arms"]}
    assert digests == {"none": fingerprint(PlaybookValue()), "memory": experiment.digest}
    assert not PracticeRecord.objects.exists()
    assert not Candidate.objects.exists()


def test_it_writes_tasks_that_later_experiments_take_again(desk: Environment, ada: Any) -> None:
    first = prepared(start(desk, ada, tasks=3))
    assert len(first) == 3
    assert all(task.is_held_out for task in first)
    second = prepared(start(desk, ada, tasks=4))
    assert {task.pk for task in first} < {task.pk for task in second}
    assert PracticeTask.objects.count() == 4


def test_it_takes_no_task_whose_tool_is_off_now(desk: Environment, ada: Any) -> None:
    round_ = RoundFactory(run=RunFactory(workspace=desk.workspace, environment=desk))
    gone = TaskFactory(round=round_, is_held_out=True, intended_tools=["drop_everything"])
    practised = TaskFactory(round=round_, intended_tools=[])
    chosen = prepared(start(desk, ada, tasks=1))
    assert gone not in chosen
    assert practised not in chosen


def test_its_tasks_are_never_practised_and_never_shown(desk: Environment, ada: Any) -> None:
    kept = prepared(start(desk, ada, tasks=3))
    run = RunFactory(workspace=desk.workspace, environment=desk, number=99)
    ready = briefings.prepare(run, 1, tools_of(desk, Run.objects.first().frozen))  # type: ignore[union-attr]
    shown = json.dumps(ready.shown, default=str)
    assert not any(task.instruction in shown for task in kept)
    chosen = ready.select([task.as_spec() for task in kept])
    assert chosen.selected == ()
    assert all("held-out" in reason for _, reason in chosen.dropped)


def test_it_tries_every_arm_of_a_task_before_the_next_task(desk: Environment, ada: Any) -> None:
    experiment = start(desk, ada, tasks=2, masked="all")
    prepared(experiment)
    order = experiment.run.attempts.order_by("pk").values_list("task_id", "arm__kind")
    kinds = ["none", "draft", "masked"]
    assert [kind for _, kind in order] == kinds * 2
    units = experiment.run.units.filter(stage="solve").order_by("pk")
    attempts = experiment.run.attempts.order_by("pk")
    assert list(units.values_list("target", flat=True)) == [a.pk for a in attempts]
