"""A failed attempt, from the question what decided it to a tested lesson in review.

An attempt of the run is made again with one fault injected. The step is found, tested by running
again from it, confirmed by a person, and its lesson waits in review.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from benchmarks.product_api import in_shell
from tests.browser.conftest import get
from tests.product import Product

#: Each test of a step starts the sample server twice; a busy machine takes its time.
TEST_SECONDS = 150
pytestmark = pytest.mark.timeout(600)

_INJECT = """
import json
from django.db import transaction
from practice.agents.injecting import trials
from practice.agents.rules import build_engine
from practice.domain.injection import WRONG_VALUE
from practice.models import Attempt, PracticeTask, Round, Run, Step
from practice.orchestrator.worlds import tools_of, world_of

run = Run.objects.get(number=1)
world = world_of(run.environment, run.frozen, run.snapshot)
tools, judge = tools_of(run.environment, run.frozen), build_engine(run.seed).validator

def injected():
    for won in run.attempts.filter(label="success").order_by("pk"):
        task, past = won.task.as_spec(), won.as_trajectory()
        for trial in trials(task, past, world=world, validator=judge, tools=tools, seed=1):
            if trial.is_kept and trial.fault.kind == WRONG_VALUE and (trial.rank or 9) <= 3:
                return won, trial
    raise SystemExit("no fault of a success was kept and found")

won, trial = injected()
fault = trial.fault
with world.open() as session:
    seen = [session.call(step.tool, dict(step.arguments)) for step in fault.steps]

def copied(row, **changes):
    row.pk, row._state.adding = None, True
    for name, value in changes.items():
        setattr(row, name, value)
    row.save()
    return row

with transaction.atomic():
    # A run of its own: other tests count what the first one did.
    again = Run.objects.create_numbered(
        environment=run.environment, playbook=run.playbook, snapshot=run.snapshot,
        engine=run.engine, plan=run.plan, seed=run.seed, status="finished",
        started_by=run.started_by, ended_at=run.ended_at)
    task = PracticeTask.objects.get(pk=won.task_id)
    task = copied(task, round=copied(Round.objects.get(pk=task.round_id), run=again, number=1))
    steps = list(won.steps.filter(try_number=won.current_try))
    good = copied(Attempt.objects.get(pk=won.pk), task=task, run=again, number=1, current_try=1)
    for step in steps:
        copied(step, attempt=good, try_number=1)
    bad = copied(
        Attempt.objects.get(pk=good.pk), number=2, label=trial.label.value,
        answer=fault.answer, completion=2, completion_reason="A fault was injected.",
        status="not_admitted", is_representative=False, step_count=len(seen))
    Step.objects.bulk_create(
        Step(attempt=bad, try_number=1, number=step.number, tool=step.tool,
             arguments=dict(step.arguments), observation=told.text, is_error=told.is_error)
        for step, told in zip(fault.steps, seen, strict=True))
right = good.as_trajectory().steps[fault.number - 1]
print(json.dumps({"attempt": bad.pk, "step": fault.number, "tool": right.tool,
                  "right": dict(right.arguments)}))
"""


def test_a_tested_cause_becomes_a_candidate_in_review(
    published: str, product: Product, key: str, page: Page
) -> None:
    fault: dict[str, Any] = json.loads(in_shell(product.data, _INJECT).strip().splitlines()[-1])
    step, tool = fault["step"], fault["tool"]
    stood = page.get_by_text(f"Step {step} stood the test.")
    began = page.get_by_role("status").filter(has_text="Analysis 2")

    page.goto(f"/trajectories/{fault['attempt']}/")
    page.get_by_role("button", name="Find the root cause").click()
    page.wait_for_url(re.compile(r"/root-causes/\d+/"))
    expect(stood).to_be_visible(timeout=TEST_SECONDS * 1000)
    expect(page.get_by_text("as it was, the task failed").first).to_be_visible()

    # Once more with values a person gives, as where no attempt at the task succeeded.
    page.locator(f"#test-{step} summary").click()
    page.locator(f"#arguments-{step}").fill(json.dumps(fault["right"]))
    page.get_by_role("button", name=f"Run again from step {step}").click()
    expect(began.first).to_be_visible()
    expect(page.get_by_text("Analysis 2").last).to_be_visible()
    expect(page.locator("#incident-cancel")).to_have_count(0, timeout=TEST_SECONDS * 1000)
    expect(stood).to_be_visible()

    known = {one["id"] for one in pending(product, key)}
    page.get_by_role("button", name=f"Confirm {step} {tool}").click()
    expect(page.get_by_text("Send its lesson to review to remember it for good")).to_be_visible()
    page.locator("#incident-lesson").click()
    page.get_by_role("button", name="Send lesson to review").click()
    expect(page.get_by_text("The lesson waits in review")).to_be_visible()

    (lesson,) = [one for one in pending(product, key) if one["id"] not in known]
    assert f"call `{tool}` with" in lesson["content"]
    page.goto(f"/review/?candidate={lesson['id']}")
    expect(page.get_by_text("with the right one it succeeded").first).to_be_visible()

    # It tells of a fault that was made up, and other tests count what waits.
    page.keyboard.press("2")
    page.keyboard.press("r")
    expect(page.locator("#review-said")).to_contain_text("Rejected")
    assert lesson["id"] not in {one["id"] for one in pending(product, key)}


def pending(product: Product, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = get(
        product, "/api/v1/candidates?status=pending&page_size=200", key
    )["results"]
    return found
