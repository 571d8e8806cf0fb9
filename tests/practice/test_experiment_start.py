"""Starting an experiment: what is frozen, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToStart
from memoryapp.domain.playbook import fingerprint
from memoryapp.services.releases import release_publish
from practice.models import Experiment, Run
from practice.services.experiments import experiment_start
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory, ToolFactory

pytestmark = pytest.mark.django_db
RULE = {"kind": "format", "tool": "create_refund"}


@pytest.fixture
def asked(workspace: Any, rita: Any) -> dict[str, Any]:
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=desk)
    book = PlaybookFactory(workspace=workspace, slug="book", name="Help desk")
    BulletFactory(playbook=book, label="strategies-001", content="Verify first.", rule=RULE)
    BulletFactory(playbook=book, label="pitfalls-001", section="pitfalls", content="Write dates.")
    return {"environment": desk, "playbook": book, "engine": "rules", "by": rita}


def kinds(experiment: Experiment) -> list[tuple[str, str]]:
    return list(experiment.run.arms.values_list("kind", "masked"))


def test_it_freezes_what_is_approved_now(asked: Any, rung: Any, on_commit: Any) -> None:
    experiment = experiment_start(**asked, tasks=4)
    asked["playbook"].bullets.update(content="Changed since.")

    run = experiment.run
    assert (run.kind, run.frozen.rounds, run.frozen.tasks) == (Run.Kind.EXPERIMENT, 1, 4)
    assert kinds(experiment) == [("none", ""), ("draft", "")]
    texts = [bullet["content"] for bullet in run.arms.get(kind="draft").playbook]
    assert texts == ["Verify first.", "Write dates."]
    assert experiment.digest != fingerprint(asked["playbook"].as_value())


def test_it_rings_for_the_workers(
    asked: Any, rung: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        experiment = experiment_start(**asked)
    assert ("drive_run", str(experiment.run.pk)) in rung


def test_it_measures_a_release_with_the_rules_it_was_published_with(asked: Any, ada: Any) -> None:
    book = asked["playbook"]
    release = release_publish(playbook=book, by=ada)
    reworded = book.bullets.get(label="strategies-001")
    reworded.revise(
        content="Verify twice.",
        section="strategies",
        status="approved",
        rule=None,
        author=ada,
        reason="",
    )

    arm = experiment_start(**asked, release=release).run.arms.get(kind="release")

    by_label = {bullet["label"]: bullet for bullet in arm.playbook}
    assert by_label["strategies-001"]["content"] == "Verify first."
    assert arm.name == "v1"


def test_it_keeps_the_rule_of_a_text_nobody_changed(asked: Any, ada: Any) -> None:
    bullet = asked["playbook"].bullets.get(label="strategies-001")
    bullet.revisions.all().delete()
    bullet.revisions.create(number=1, content=bullet.content, section="strategies", rule=RULE)
    release = release_publish(playbook=asked["playbook"], by=ada)
    rules = {bullet.label: bullet.rule for bullet in release.as_value().bullets}
    assert rules == {"strategies-001": RULE, "pitfalls-001": None}


def test_it_masks_bullets_one_at_a_time(asked: Any) -> None:
    every = experiment_start(**asked, masked="all")
    one = experiment_start(**asked, masked=["pitfalls-001"])
    assert kinds(every)[2:] == [("masked", "strategies-001"), ("masked", "pitfalls-001")]
    assert kinds(one)[2:] == [("masked", "pitfalls-001")]
    assert [b["label"] for b in one.run.arms.get(kind="masked").playbook] == ["strategies-001"]


def test_it_measures_production_too_where_it_is_a_gate(asked: Any, ada: Any) -> None:
    release_publish(playbook=asked["playbook"], by=ada, label="production")
    unchanged = experiment_start(**asked, is_gate=True)
    BulletFactory(playbook=asked["playbook"])
    changed = experiment_start(**asked, is_gate=True)
    assert [kind for kind, _ in kinds(unchanged)] == ["none", "draft"]
    assert [kind for kind, _ in kinds(changed)] == ["none", "draft", "before"]
    assert changed.run.arms.get(kind="before").name == "v1 in production"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"masked": ["gone-001"]}, "gone-001: no live bullet has this label"),
        ({"tasks": 51}, "tasks must be between 1 and 50"),
        ({"engine": "model"}, "No model is configured"),
    ],
)
def test_it_refuses_with_a_reason(asked: Any, changed: Any, said: str) -> None:
    with pytest.raises(UnableToStart, match=said):
        experiment_start(**asked | changed)
    assert not Run.objects.exists()


def test_it_refuses_more_attempts_than_anybody_waits_for(asked: Any) -> None:
    BulletFactory.create_batch(11, playbook=asked["playbook"])
    with pytest.raises(UnableToStart, match="15 arms of 50 tasks would make 6,000 attempts"):
        experiment_start(**asked, tasks=50, attempts=8, masked="all")


def test_it_measures_nothing_where_nothing_is_approved(asked: Any) -> None:
    asked["playbook"].bullets.update(status="retired")
    with pytest.raises(UnableToStart, match="no bullet is approved"):
        experiment_start(**asked)


def test_it_refuses_a_release_of_another_playbook(asked: Any, ada: Any) -> None:
    other = PlaybookFactory(workspace=asked["playbook"].workspace)
    BulletFactory(playbook=other)
    release = release_publish(playbook=other, by=ada)
    with pytest.raises(UnableToStart, match="another playbook"):
        experiment_start(**asked, release=release)
