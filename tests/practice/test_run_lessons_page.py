"""What the page of a run, and the API, say of its lessons, proposals and held-out score."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from practice.domain.plans import Plan
from practice.models import Arm, Attempt, Lesson, Run
from practice.queries.lessons import HeldOut
from practice.queries.progress import fingerprint
from practice.views.run_lessons import held_out_line
from tests.factories import (
    AttemptFactory,
    BulletFactory,
    CandidateFactory,
    EnvironmentFactory,
    RoundFactory,
    RunFactory,
    TaskFactory,
)
from tests.practice.pages import queries_of

URL = "/practice/runs/5/"


@pytest.fixture
def run(workspace: Any) -> Run:
    desk = EnvironmentFactory(workspace=workspace)
    plan = Plan(rounds=3, tasks=3, tools={"get_thing": "0"}, verify="lite", consolidate=True)
    run = RunFactory(workspace=workspace, number=5, environment=desk, plan=plan.to_json())
    RoundFactory(run=run, number=1, ended_at=timezone.now())
    return run


def lesson_of(run: Run, status: str, labels: tuple[str, ...] = (), **columns: Any) -> Lesson:
    """A lesson with one judged trial per label."""
    lesson = Lesson.objects.create(
        run=run,
        round=1,
        number=run.lessons.count() + 1,
        status=status,
        **{"kind": "learned", "op": "ADD", "content": f"It is {status}.", "wins_needed": 2}
        | columns,
    )
    trials(run, lesson, Arm.Kind.LESSON, labels)
    return lesson


def trials(run: Run, lesson: Lesson | None, kind: str, labels: Any, name: str = "") -> None:
    arm = Arm.objects.create(run=run, lesson=lesson, kind=kind, name=name or f"{kind} {lesson}")
    for label in labels:
        task = TaskFactory(round=run.rounds.get(number=1))
        AttemptFactory(task=task, arm=arm, label=label, step_count=2, status="validated")


def test_it_shows_what_became_of_each_lesson(vera_client: Any, run: Run) -> None:
    kept = lesson_of(
        run,
        "kept",
        ("success", "success"),
        result={"wins": 2, "trials": 2},
        message="2 trials in a row succeeded with it.",
        candidate=CandidateFactory(playbook=run.playbook),
    )
    lost = lesson_of(run, "refuted", ("failure",), result={"wins": 0, "trials": 1}, message="No.")
    lesson_of(run, "untested", message="They were lost.")
    lesson_of(run, "testing", result={"wins": 1, "trials": 1})

    answer = vera_client.get(URL)

    page = answer.content.decode()
    shown = [row.lesson.status for row in answer.context["lessons"]]
    assert shown == ["testing", "refuted", "untested", "kept"]
    assert "2 trials in a row succeeded with it." in page
    assert kept.candidate is not None
    assert kept.candidate.get_absolute_url() in page
    trial = Attempt.objects.get(arm__lesson=lost)
    assert f"{trial.get_absolute_url()}?run=5" in page
    assert "1 of 2 wins" in page
    tried = vera_client.get(trial.get_absolute_url()).content.decode()
    assert f'/practice/runs/5/#lesson-{lost.pk}">It is refuted.</a>' in tried
    assert "A trial teaches nothing: it shows what a memory is worth." in tried


def test_it_filters_lessons_by_what_became_of_them(vera_client: Any, run: Run) -> None:
    lesson_of(run, "kept")
    lesson_of(run, "refuted")

    context = vera_client.get(f"{URL}?lesson=refuted").context

    assert [row.lesson.content for row in context["lessons"]] == ["It is refuted."]
    assert [(c.label, c.count, c.url) for c in context["lesson_chips"]] == [
        ("All", 2, URL),
        ("Kept", 1, f"{URL}?lesson=kept"),
        ("Refuted", 1, URL),  # pressed again, it filters no more
    ]


def test_it_shows_the_first_lessons_until_asked_for_all(vera_client: Any, run: Run) -> None:
    for _ in range(12):
        lesson_of(run, "kept")

    context = vera_client.get(URL).context

    assert len(context["lessons"]) == 10
    assert len(vera_client.get(context["every_lesson_url"]).context["lessons"]) == 12


def test_it_shows_a_proposal_with_its_before_and_after(vera_client: Any, run: Run) -> None:
    bullet = BulletFactory(playbook=run.playbook, label="apis-1", content="Refund at once.")
    change = lesson_of(
        run,
        "kept",
        kind="consolidation",
        op="UPDATE",
        content="Refund within a day.",
        targets=["apis-1"],
        reason="Newer practice says it otherwise.",
        wins_needed=0,
    )
    trials(run, change, Arm.Kind.BEFORE, ("failure", "success"))
    trials(run, change, Arm.Kind.AFTER, ("success", "success"))

    answer = vera_client.get(URL)

    (row,) = answer.context["changes"]
    assert [(s.name, s.wins, s.trials, s.calls) for s in row.sides] == [
        ("Before", 1, 2, 4),
        ("After", 2, 2, 4),
    ]
    page = answer.content.decode()
    assert "<del>at once</del>" in page
    assert bullet.get_absolute_url() in page
    assert answer.context["lesson_count"] == 0


def test_it_draws_the_held_out_score_of_each_round(vera_client: Any, run: Run) -> None:
    for number, labels in ((1, ("success", "failure", "")), (2, ("success", "success"))):
        name = f"Held-out tasks after round {number}"
        trials(run, None, Arm.Kind.HELD_OUT, labels, name=name)

    answer = vera_client.get(URL)

    assert answer.context["held_out"] == [HeldOut(1, 1, 2), HeldOut(2, 2, 2)]
    assert answer.context["held_out_shares"] == [50, 100]
    assert "Percent of held-out tasks that succeeded: 50, 100" in answer.content.decode()
    assert answer.context["totals"].judged == 0


def test_it_draws_no_line_across_a_round_without_a_score() -> None:
    assert held_out_line([HeldOut(1, 1, 2), HeldOut(3, 2, 2)]) == []
    assert held_out_line([]) == []


def test_a_refresh_notices_a_lesson(run: Run) -> None:
    before = fingerprint(run)
    lesson = lesson_of(run, "testing")
    testing = fingerprint(run)
    lesson.status, lesson.settled_at = "kept", timezone.now()
    lesson.save()

    assert len({before, testing, fingerprint(run)}) == 3


def test_it_asks_the_database_as_often_for_more_lessons(vera_client: Any, run: Run) -> None:
    BulletFactory(playbook=run.playbook, label="apis-1")
    lesson_of(run, "kept", ("success",), targets=["apis-1"])
    first = queries_of(vera_client, URL)
    for _ in range(5):
        lesson_of(run, "kept", ("success", "success"), targets=["apis-1"])

    assert queries_of(vera_client, URL) == first <= 38


def test_it_says_why_rounds_ended_early_and_what_was_on(vera_client: Any, run: Run) -> None:
    run.status, run.message = "finished", "The last 2 rounds brought no new tool."
    run.save()

    page = vera_client.get(URL).content.decode()

    assert "<b>Why it ended.</b> The last 2 rounds brought no new tool." in page
    assert "With verified lessons (lite), consolidation." in page


def test_run_again_asks_for_the_same_switches(rita_client: Any, run: Run) -> None:
    plan = Plan(rounds=3, tasks=3, verify="strict", band=(0.3, 0.7), held_out=2, focus=("a", "b"))
    run.plan, run.status = plan.to_json(), "finished"
    run.save()

    url = rita_client.get(URL).context["again_url"]
    form = rita_client.get(url).context["form"]

    assert form["verify"].value() == "strict"
    assert (form["band_low"].value(), form["band_high"].value()) == ("30", "70")
    assert (form["held_out"].value(), form["focus"].value()) == ("2", "a, b")
    assert not form["drift_watch"].value()


def test_an_online_run_speaks_of_what_agents_sent(rita_client: Any, run: Run) -> None:
    run.kind, run.status = "online", "finished"
    run.plan = Plan(rounds=1, tasks=4, tools={"get_thing": "0"}).to_json()
    run.save()
    AttemptFactory(task__round=run.rounds.get(), run=run, label="success")

    page = rita_client.get(URL).content.decode()

    assert "What deployed agents sent" in page
    assert "4 trajectories" in page
    for nonsense in ("tasks a round", "of 1 round", "Dropped task ideas", "Run again", "By round"):
        assert nonsense not in page
    assert "sent by agents" in rita_client.get("/practice/").content.decode()


def test_the_api_lists_lessons_with_their_trials(vera_client: Any, run: Run) -> None:
    lesson = lesson_of(run, "kept", ("success", "failure"), message="Won.", result={"wins": 1})
    lesson_of(run, "refuted")

    found = vera_client.get("/api/v1/runs/5/lessons?status=kept").json()

    (told,) = found
    assert (told["status"], told["op"], told["content"]) == ("kept", "ADD", "It is kept.")
    assert (told["result"], told["message"], told["candidate"]) == ({"wins": 1}, "Won.", None)
    assert [(t["label"], t["arm"]) for t in told["trials"]] == [
        ("success", "lesson"),
        ("failure", "lesson"),
    ]
    assert told["trials"][0]["url"].startswith("/trajectories/")
    assert told["id"] == lesson.pk


def test_the_api_shows_another_workspace_no_lesson(olga_client: Any, run: Run) -> None:
    assert olga_client.get("/api/v1/runs/5/lessons").status_code == 404
