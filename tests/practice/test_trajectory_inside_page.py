"""Inside a trajectory: finding words, the tree, links both ways, another attempt beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from memoryapp.services.candidates import candidate_approve
from tests.factories import (
    AttemptFactory,
    CallFactory,
    CandidateFactory,
    EvidenceFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def task(workspace: Any) -> Any:
    return TaskFactory(round=RoundFactory(run=RunFactory(workspace=workspace)))


def _attempt(task: Any, *tools: str, number: int = 1, **values: Any) -> Any:
    attempt = AttemptFactory(task=task, number=number, **values)
    for place, tool in enumerate(tools, start=1):
        StepFactory(attempt=attempt, number=place, tool=tool, observation=f"Parcel {place} <i>")
    return attempt


def test_it_finds_words_in_steps_and_marks_them(vera_client: Any, task: Any) -> None:
    attempt = _attempt(task, "get_order", "find_parcel")
    page = vera_client.get(f"{attempt.get_absolute_url()}?find=PARCEL+2")
    said = page.content.decode()
    assert [shown.step.number for shown in page.context["found"]] == [2]
    assert "<mark>Parcel 2</mark> &lt;i&gt;" in said
    assert "1 of 2 steps" in said


@pytest.mark.parametrize("words", ["(", "[a", "\\", "<script>", "%00"])
def test_it_finds_any_characters_as_they_are(vera_client: Any, task: Any, words: str) -> None:
    attempt = _attempt(task, "get_order")
    page = vera_client.get(attempt.get_absolute_url(), {"find": words})
    assert page.status_code == 200
    assert page.context["found"] == []


def test_it_shows_phases_with_steps_and_calls(vera_client: Any, task: Any) -> None:
    attempt = _attempt(task, "get_order")
    CallFactory(
        workspace=attempt.run.workspace,
        run=attempt.run,
        attempt=attempt,
        role="validator",
        input_tokens=7,
        output_tokens=0,
        latency_ms=30,
    )
    page = vera_client.get(f"{attempt.get_absolute_url()}?view=tree")
    solve, judge = page.context["phases"]
    assert [leaf.name for leaf in solve.leaves] == ["get_order"]
    assert (judge.name, judge.tokens, judge.duration_ms) == ("Judge", 7, 30)
    said = page.content.decode()
    assert "1 step</span>" in said
    assert "1 model call</span>" in said
    assert "7 tokens</span>" in said
    assert ">0<" not in said.partition('class="tree')[2].partition('<ol class="steps')[0]
    assert vera_client.get(attempt.get_absolute_url()).context["phases"] is None


def test_a_step_s_tokens_are_those_of_its_call_and_count_once(vera_client: Any, task: Any) -> None:
    took = {"input_tokens": 40, "output_tokens": 2, "cost": Decimal("0.0042")}
    attempt = AttemptFactory(task=task)
    StepFactory(attempt=attempt, number=1, **took)
    CallFactory(
        workspace=attempt.run.workspace, run=attempt.run, attempt=attempt, role="solver", **took
    )
    page = vera_client.get(f"{attempt.get_absolute_url()}?view=tree")
    (solve,) = page.context["phases"]
    assert (solve.tokens, solve.cost) == (42, Decimal("0.0042"))
    assert page.content.decode().count("$0.0042") == 4, "the phase, its step, its call, the step"


def test_another_look_at_it_keeps_the_filter_and_the_words(vera_client: Any, task: Any) -> None:
    attempt = _attempt(task, "get_order")
    run = attempt.run.number
    page = vera_client.get(f"{attempt.get_absolute_url()}?run={run}&raw=1&find=parcel")
    assert [(chip.label, chip.url.partition("?")[2]) for chip in page.context["looks"]] == [
        ("Tree", f"run={run}&raw=1&find=parcel&view=tree"),
        ("Raw", f"run={run}&find=parcel"),
    ]
    said = page.content.decode()
    assert f'<input type="hidden" name="run" value="{run}">' in said
    assert '<input type="hidden" name="raw" value="1">' in said


def test_it_links_a_step_to_what_cites_it_and_to_the_bullet(
    vera_client: Any, rita: Any, task: Any
) -> None:
    attempt = _attempt(
        task,
        "get_order",
        "find_parcel",
        checks=[
            {"name": "tools_exist", "passed": False, "steps": [1]},
            {"name": "call_succeeded", "passed": True, "steps": [1, 2]},
        ],
    )
    candidate = CandidateFactory(playbook__workspace=attempt.run.workspace)
    EvidenceFactory(candidate=candidate, number=2, link=f"{attempt.get_absolute_url()}#step-2")
    candidate_approve(candidate=candidate, by=rita)
    page = vera_client.get(attempt.get_absolute_url())
    first, second = page.context["steps"]
    assert (list(first.checks), first.is_cited) == (["Tools exist"], False)
    ((_, numbers, (bullet,)),) = page.context["candidates"]
    assert list(second.checks) == [], "a check that passed says nothing against a step"
    assert list(second.cited_by) == [(candidate, bullet.label)]
    assert f"cited by {bullet.label}, approved" in page.content.decode()
    assert numbers == [2]
    assert bullet.get_absolute_url() in page.content.decode()


def test_it_puts_two_attempts_beside_each_other(
    vera_client: Any, olga_client: Any, task: Any
) -> None:
    left = _attempt(task, "get_order", "find_parcel")
    right = _attempt(task, "get_order", number=2)
    url = f"{left.get_absolute_url()}compare/{right.pk}/"
    assert url in vera_client.get(left.get_absolute_url()).content.decode()
    page = vera_client.get(url)
    assert [pair.likeness for pair in page.context["pairs"]] == ["same", "left"]
    assert page.context["different"] == 1
    assert olga_client.get(url).status_code == 404
    assert vera_client.get(f"{left.get_absolute_url()}compare/0/").status_code == 404


def test_of_two_answers_it_says_which_attempt_gave_none(vera_client: Any, task: Any) -> None:
    left = _attempt(task, answer="")
    right = _attempt(task, number=2, answer="It was refunded.")
    page = vera_client.get(f"{left.get_absolute_url()}compare/{right.pk}/").content.decode()
    assert f"Trajectory {left.pk} gave none." in page
    assert "<ins" not in page
