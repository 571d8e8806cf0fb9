"""How long a workspace keeps steps and model calls, and that nothing else goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from memoryapp.domain.errors import UnableToStart
from memoryapp.models import Event
from practice.models import (
    Analysis,
    Attempt,
    Incident,
    ModelCall,
    Retention,
    Run,
    SentTrajectory,
    Step,
    TelemetryFile,
    TelemetrySource,
)
from practice.orchestrator import retention
from practice.orchestrator.prompt_trials import not_tried
from practice.services.analysis_asked import check_test
from practice.services.incidents import analysis_start, attempt_analyse
from practice.services.retention import FIELDS, retention_set
from tests.factories import (
    AttemptFactory,
    CallFactory,
    RunFactory,
    StepFactory,
    WorkspaceFactory,
)

pytestmark = pytest.mark.django_db
URL = "/settings/retention/"
NOW = timezone.now


def run_that_ended(days: int, **columns: Any) -> Run:
    run: Run = RunFactory(**columns)
    Run.objects.filter(pk=run.pk).update(ended_at=NOW() - timedelta(days=days), status="finished")
    return run


def attempt_of(run: Run, steps: int = 2) -> Attempt:
    attempt: Attempt = AttemptFactory(
        run=run, task__round__run=run, step_count=steps, status="curated"
    )
    for number in range(1, steps + 1):
        StepFactory(attempt=attempt, number=number)
    return attempt


def keep(workspace: Any, **days: int | None) -> None:
    asked: dict[str, Any] = {**dict.fromkeys(FIELDS), **days}
    retention_set(workspace=workspace, by=None, **asked)


def test_it_keeps_everything_until_somebody_says_otherwise(workspace: Any) -> None:
    attempt_of(run_that_ended(4_000))
    assert retention.drop() is False
    assert Step.objects.count() == 2


def test_it_drops_steps_of_runs_that_ended_long_ago(workspace: Any) -> None:
    old = attempt_of(run_that_ended(31))
    fresh = attempt_of(run_that_ended(29))
    open_run = attempt_of(RunFactory(status="running"))
    keep(workspace, steps_days=30)
    assert retention.drop() is False
    assert set(Step.objects.values_list("attempt", flat=True)) == {fresh.pk, open_run.pk}
    old.refresh_from_db()
    assert old.step_count == 2
    assert old.run.steps_dropped_at is not None


def test_it_drops_what_models_were_asked_and_keeps_what_it_cost(workspace: Any) -> None:
    run = run_that_ended(10)
    call = CallFactory(run=run, workspace=workspace)
    before = ModelCall.objects.get(pk=call.pk)
    keep(workspace, calls_days=5)
    retention.drop()
    after = ModelCall.objects.get(pk=call.pk)
    assert (after.request, after.reply) == ([], [])
    assert (after.cost, after.input_tokens) == (before.cost, before.input_tokens)


def test_steps_that_agents_sent_go_with_those_of_the_run_that_judged_them(workspace: Any) -> None:
    old = attempt_of(run_that_ended(31, kind=Run.Kind.ONLINE))
    fresh = attempt_of(run_that_ended(29, kind=Run.Kind.ONLINE))
    steps = [{"tool": "look", "observation": "a customer's own words"}]
    for name, attempt, status in (
        ("old", old, "taken"),
        ("fresh", fresh, "taken"),
        ("unjudged", None, "unjudged"),
    ):
        SentTrajectory.objects.create(
            environment=old.run.environment,
            playbook=old.run.playbook,
            external_id=name,
            instruction="Look.",
            steps=steps,
            status=status,
            attempt=attempt,
        )
    keep(workspace, steps_days=30)
    retention.drop()
    kept = dict(SentTrajectory.objects.values_list("external_id", "steps"))
    assert kept == {"old": [], "fresh": steps, "unjudged": steps}


def test_calls_of_no_run_go_by_when_they_were_made(
    workspace: Any, vera_client: Any, ada_client: Any
) -> None:
    old, fresh = (CallFactory(run=None, workspace=workspace) for _ in range(2))
    CallFactory(run=None, workspace=WorkspaceFactory())
    ModelCall.objects.exclude(pk=fresh.pk).update(created_at=NOW() - timedelta(days=6))
    assert ada_client.get(URL, {"steps_days": "", "calls_days": "5"}).context["due"].calls == 1
    keep(workspace, calls_days=5)
    retention.drop()
    assert list(ModelCall.objects.filter(request=[], reply=[])) == [old]
    page = vera_client.get(reverse("call-detail", args=[old.pk])).content.decode()
    assert "What was sent and answered was dropped, as" in page


def test_telemetry_goes_after_it_was_sent_and_not_what_is_of_no_time(
    workspace: Any, ada_client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = TelemetrySource.objects.create(workspace=workspace, name="Shop", slug="shop")
    other = TelemetrySource.objects.create(workspace=WorkspaceFactory(), name="Shop", slug="shop")
    sent: list[tuple[str, str, dict[str, Any]]] = [
        ("metrics", "done", {}),
        ("logs", "failed", {}),
        ("traces", "waiting", {}),
        ("topology", "done", {}),
        ("metrics", "done", {"is_reference": True}),
        ("metrics", "done", {"source": other}),
    ]
    for number, (kind, status, columns) in enumerate(sent):
        row = {"source": source, "name": f"{number}", "digest": f"{number}", "original": b"x"}
        TelemetryFile.objects.create(kind=kind, status=status, size=1, **{**row, **columns})
    TelemetryFile.objects.update(created_at=NOW() - timedelta(days=31))
    TelemetryFile.objects.create(
        source=source, kind="logs", status="done", name="new", digest="n", original=b"x", size=1
    )
    assert ada_client.get(URL, {"telemetry_days": "30"}).context["due"].files == 2
    keep(workspace, telemetry_days=30)
    monkeypatch.setattr(retention, "FILES", 1)
    assert retention.drop() is True
    assert TelemetryFile.objects.count() == 6
    monkeypatch.undo()
    assert retention.drop() is False
    assert set(TelemetryFile.objects.values_list("name", flat=True)) == {"2", "3", "4", "5", "new"}


def test_workspaces_with_nothing_to_drop_do_not_keep_it_going(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "STATEMENTS", 1)
    for one in (workspace, WorkspaceFactory()):
        keep(one, steps_days=1, calls_days=1)
    assert retention.drop() is False


def test_it_leaves_other_workspaces_alone(workspace: Any, olga: Any) -> None:
    attempt_of(run_that_ended(31))
    keep(olga.memberships.get().workspace, steps_days=1)
    retention.drop()
    assert Step.objects.count() == 2


def test_it_stops_after_a_bounded_amount_and_goes_on(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "STATEMENTS", 2)
    for _ in range(2):
        attempt_of(run_that_ended(31), steps=3)
    keep(workspace, steps_days=30)
    tries = 1
    while retention.drop():
        tries += 1
    assert Step.objects.count() == 0
    assert tries > 1
    assert not Run.objects.filter(steps_dropped_at=None).exists()


def test_a_second_sweep_has_nothing_to_do(workspace: Any, django_assert_num_queries: Any) -> None:
    attempt_of(run_that_ended(31))
    keep(workspace, steps_days=30, calls_days=30)
    retention.drop()
    with django_assert_num_queries(4):
        assert retention.drop() is False


def test_an_admin_sets_it_and_it_is_written_down(ada_client: Any, workspace: Any) -> None:
    seen = ada_client.get(URL).context["form"]["seen"].value()
    asked = {"steps_days": "90", "seen": seen}
    answer = ada_client.post(URL + "save/", asked, follow=True)
    policy = Retention.objects.get(workspace=workspace)
    assert (policy.steps_days, policy.calls_days) == (90, None)
    assert "dropped within the hour" in answer.content.decode()
    assert Event.objects.get(kind="retention.set").data["after"]["steps_days"] == 90


def test_nobody_shortens_what_another_has_just_set(
    ada_client: Any, workspace: Any, edda: Any
) -> None:
    """What is older is dropped for good."""
    keep(workspace, steps_days=30)
    seen = ada_client.get(URL).context["form"]["seen"].value()
    retention_set(
        workspace=workspace, steps_days=None, calls_days=365, telemetry_days=None, by=edda
    )
    typed = {"steps_days": "30", "calls_days": "7", "seen": seen}
    # What was tried without saving still holds what its reader saw.
    tried = ada_client.get(URL, typed).context["form"]["seen"].value()
    answer = ada_client.post(URL + "save/", typed | {"seen": tried})
    assert answer.status_code == 409
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    form = answer.context["form"]
    assert (form["steps_days"].value(), form["calls_days"].value()) == (None, "7")
    assert Retention.objects.get().calls_days == 365
    again = {"steps_days": "", "calls_days": "7", "seen": form["seen"].value()}
    for _ in range(2):  # a second click is not taken for somebody else
        assert ada_client.post(URL + "save/", again).status_code == 302
    policy = Retention.objects.get()
    assert (policy.steps_days, policy.calls_days) == (None, 7)


def test_trying_it_counts_and_saves_nothing(ada_client: Any, workspace: Any) -> None:
    attempt_of(run_that_ended(31))
    page = ada_client.get(URL, {"steps_days": "30", "calls_days": ""})
    assert page.context["due"].steps == 2
    assert "What this would drop" in page.content.decode()
    assert not Retention.objects.exists()
    assert Step.objects.count() == 2


@pytest.mark.parametrize("days", ["0", "-1", "36501", "1.5", "ever", "9" * 40])
def test_it_refuses_days_that_cannot_be(ada_client: Any, days: str) -> None:
    assert ada_client.post(URL + "save/", {"steps_days": days}).status_code == 422
    assert ada_client.get(URL, {"steps_days": days}).status_code == 422
    assert not Retention.objects.exists()


def test_others_see_it_and_cannot_change_it(vera_client: Any, rita_client: Any) -> None:
    assert "Admins set how long things are kept." in vera_client.get(URL).content.decode()
    for client in (vera_client, rita_client):
        assert client.post(URL + "save/", {"steps_days": "1"}).status_code == 403


def test_a_trajectory_says_that_its_steps_were_dropped(vera_client: Any, workspace: Any) -> None:
    attempt = attempt_of(run_that_ended(31))
    keep(workspace, steps_days=30)
    retention.drop()
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert "The steps were dropped" in page
    assert "called no tool" not in page


def dropped(workspace: Any, **columns: Any) -> Attempt:
    attempt = attempt_of(run_that_ended(31))
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=NOW(), **columns)
    keep(workspace, steps_days=30)
    retention.drop()
    attempt.refresh_from_db()
    return attempt


def test_no_tool_is_said_to_be_uncalled_whose_calls_are_gone(
    vera_client: Any, workspace: Any
) -> None:
    run = dropped(workspace).run
    other = RunFactory(workspace=workspace, number=run.number + 1, status="finished")
    page = vera_client.get(run.get_absolute_url()).content.decode()
    assert "The calls of this run were dropped" in page
    assert "Never called in this run" not in page
    assert '<table class="hm"' not in page
    for one, two in ((run, other), (other, run)):
        address = f"{one.get_absolute_url()}compare/"
        said = vera_client.get(address, {"with": two.number}).content.decode()
        assert f"The calls of {run} were dropped, as" in said
        assert "Neither called a tool" not in said


def test_what_is_gone_is_not_taken_for_what_never_was(vera_client: Any, workspace: Any) -> None:
    attempt = dropped(workspace, outcome="step_limit")
    Run.objects.filter(pk=attempt.run_id).update(plan={**attempt.run.plan, "step_limit": 2})
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert "2 steps, 2 dropped" in page
    assert "no longer known" in page
    assert "reached the limit of 2 steps" in page
    other = attempt_of(RunFactory(status="running"))
    for left, right in ((attempt, other), (other, attempt)):
        address = reverse("trajectory-compare", args=[left.pk, right.pk])
        said = vera_client.get(address).content.decode()
        gone = f"The steps of trajectory {attempt.pk} were dropped, as Settings, Retention says."
        assert gone in said
    both = vera_client.get(reverse("trajectory-compare", args=[attempt.pk, attempt.pk]))
    assert "Neither called a tool" not in both.content.decode()


def test_nothing_leads_to_steps_that_are_gone(rita_client: Any, workspace: Any) -> None:
    check = {
        "name": "no_loops",
        "passed": False,
        "detail": "Calls were repeated: step 1.",
        "steps": [1],
    }
    attempt = dropped(workspace, label="failure", checks=[check])
    page = rita_client.get(attempt.get_absolute_url()).content.decode()
    assert "can no longer be found out" in page
    assert "Find the root cause" not in page
    assert 'href="#step-' not in page


def test_a_link_to_a_step_that_is_gone_leads_to_where_it_is_said(
    vera_client: Any, workspace: Any
) -> None:
    attempt = attempt_of(run_that_ended(31))
    step = attempt.steps.first()
    assert step is not None
    keep(workspace, steps_days=30)
    retention.drop()
    link = reverse("trajectory-step", args=[attempt.pk, step.pk])
    said = vera_client.get(link, follow=True)
    assert said.redirect_chain == [(attempt.get_absolute_url(), 302)]
    assert "The steps were dropped" in said.content.decode()


def test_a_drop_that_was_killed_half_way_says_how_many_are_left(
    vera_client: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = attempt_of(run_that_ended(31), steps=3)
    Attempt.objects.filter(pk=attempt.pk).update(ended_at=NOW())
    keep(workspace, steps_days=30)

    def killed(*_: Any) -> int:
        Step.objects.filter(number__lt=3).delete()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retention, "_until_none", killed)
        with pytest.raises(KeyboardInterrupt):
            retention.drop()
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert "2 steps of 3 were dropped" in page
    assert retention.drop() is False
    assert not Step.objects.exists()
    assert "The steps were dropped" in vera_client.get(attempt.get_absolute_url()).content.decode()


def test_programs_are_told_that_steps_are_gone(vera_client: Any, workspace: Any) -> None:
    attempt = dropped(workspace)
    address = f"/api/v1/attempts/{attempt.pk}"
    said = vera_client.get(address).json()
    assert (said["steps"], said["step_count"]) == ([], 2)
    assert said["steps_dropped_at"] is not None
    step = vera_client.get(f"{address}/steps/1/text")
    assert step.status_code == 404
    assert "were dropped, as Settings, Retention says" in step.json()["detail"]
    kept = attempt_of(RunFactory(status="running"))
    assert vera_client.get(f"/api/v1/attempts/{kept.pk}").json()["steps_dropped_at"] is None


def test_no_cause_is_looked_for_where_nothing_is_left(workspace: Any, rita: Any) -> None:
    attempt = dropped(workspace, label="failure")
    with pytest.raises(UnableToStart, match=r"were dropped.*Nothing is left to analyse"):
        attempt_analyse(attempt=attempt, by=rita)
    assert not Incident.objects.exists()


def test_what_was_found_before_the_steps_went_stays(workspace: Any, rita: Any) -> None:
    attempt = attempt_of(run_that_ended(31))
    Attempt.objects.filter(pk=attempt.pk).update(label="failure")
    attempt.refresh_from_db()
    incident = attempt_analyse(attempt=attempt, by=rita)
    incident.analyses.update(status=Analysis.Status.DONE, ended_at=NOW())
    keep(workspace, steps_days=30)
    retention.drop()
    incident = Incident.objects.get()
    with pytest.raises(UnableToStart, match=r"were dropped.*What was found before stays"):
        analysis_start(incident=incident, by=rita)
    with pytest.raises(UnableToStart, match="None can be run again"):
        check_test(incident, {"step": 1, "arguments": {}})
    assert incident.analyses.count() == 1


@pytest.mark.parametrize("role", ["validator", "reflector", "condenser", "summariser"])
def test_no_prompt_is_tried_on_steps_that_are_gone(workspace: Any, role: str) -> None:
    attempt = dropped(workspace, outcome="finished", label="success")
    assert "were dropped" in not_tried(role, attempt)
    assert not_tried("solver", attempt) == ""


def test_programs_are_told_that_texts_of_calls_are_gone(vera_client: Any, workspace: Any) -> None:
    run = run_that_ended(10)
    call = CallFactory(run=run, workspace=workspace)
    address = f"/api/v1/model-calls/{call.pk}"
    assert vera_client.get(address).json()["texts_dropped"] is False
    keep(workspace, calls_days=5)
    retention.drop()
    assert vera_client.get(address).json()["texts_dropped"] is True


def test_a_call_says_that_its_texts_were_dropped(vera_client: Any, workspace: Any) -> None:
    call = CallFactory(run=run_that_ended(10), workspace=workspace)
    keep(workspace, calls_days=5)
    retention.drop()
    page = vera_client.get(reverse("call-detail", args=[call.pk])).content.decode()
    assert "What was sent and answered was dropped" in page
