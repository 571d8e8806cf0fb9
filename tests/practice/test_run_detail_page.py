"""The page of one run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from practice.domain.plans import Plan
from practice.models import LedgerEntry, PracticeRecord, Unit
from practice.orchestrator import stages
from practice.queries.progress import totals
from practice.views.run_page import heat_keys
from tests.factories import (
    AttemptFactory,
    CandidateFactory,
    EnvironmentFactory,
    EvidenceFactory,
    RoundFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    ToolFactory,
)
from tests.practice.pages import queries_of

URL = "/practice/runs/5/"
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def run(workspace: Any) -> Any:
    """Round 1 is over: one success, one failure, one server failure. Round 2 is to come."""
    desk = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=desk, name="get_order")
    ToolFactory(environment=desk, name="list_orders")
    ToolFactory(
        environment=desk,
        name="drop_order",
        annotations={"destructiveHint": True},
        is_enabled=False,
    )
    run = RunFactory(
        workspace=workspace,
        number=5,
        environment=desk,
        plan=Plan(rounds=2, tasks=3, tools={"get_order": "0", "list_orders": "0"}).to_json(),
    )
    round_ = RoundFactory(run=run, number=1, ended_at=timezone.now())
    for label, category in (("success", "trivial"), ("failure", "unsolved")):
        task = TaskFactory(round=round_, instruction=f"A {label}")
        attempt = AttemptFactory(task=task, label=label, status="curated", ended_at=timezone.now())
        StepFactory(attempt=attempt, tool="get_order", number=1)
        StepFactory(attempt=attempt, tool="list_orders", number=1, try_number=0)
        PracticeRecord.objects.create(
            environment=desk, task=task, run=run, category=category, calls=[["get_order", False]]
        )
    AttemptFactory(
        task=TaskFactory(round=round_, instruction="A failed server"),
        status="infrastructure_error",
        message="The server ended.",
        ended_at=timezone.now(),
    )
    return run


def test_it_counts_attempts_by_where_they_ended(vera_client: Any, run: Any) -> None:
    totals = vera_client.get(URL).context["totals"]

    assert (totals.planned, totals.judged) == (6, 2)
    assert (totals.success, totals.failure, totals.infeasible) == (1, 1, 0)
    assert (totals.unjudged_errors, totals.retrying) == (1, 0)


def test_it_shows_progress_of_every_round(vera_client: Any, run: Any) -> None:
    cells = vera_client.get(URL).context["cells"]

    assert [(c.number, c.done, c.total) for c in cells] == [(1, 3, 3), (2, 0, 3)]


def test_it_counts_only_calls_of_the_try_that_counts(vera_client: Any, run: Any) -> None:
    rows = {row.name: row for row in vera_client.get(URL).context["heat_rows"]}

    assert rows["get_order"].total == 2
    assert [count for count, _ in rows["get_order"].cells] == [2, None]
    assert rows["list_orders"].total == 0


def test_a_tool_that_a_model_made_up_was_not_practised(vera_client: Any, run: Any) -> None:
    attempt = run.attempts.get(label="success")
    StepFactory(attempt=attempt, tool="find_everything", number=2, is_error=True)

    context = vera_client.get(URL).context

    assert "find_everything" not in [row.name for row in context["heat_rows"]]
    assert context["tools_practised"] == 1


def test_an_attempt_without_a_verdict_does_not_look_as_if_one_came(
    vera_client: Any, run: Any
) -> None:
    task = TaskFactory(round=run.rounds.get(), instruction="A refused one")
    attempt = AttemptFactory(task=task, status="finished", outcome="finished")
    unit = Unit.objects.create(run=run, stage="validate", round=1, target=attempt.pk)

    stages.failed(unit, "The model refused.")

    attempt.refresh_from_db()
    assert (attempt.status, attempt.message) == ("infrastructure_error", "The model refused.")
    assert attempt.ended_at is not None
    assert totals(run).unjudged_errors == 2
    page = vera_client.get(attempt.get_absolute_url()).content.decode()
    assert "It ran to its end and could not be judged." in page


def test_it_says_why_a_tool_is_a_gap(vera_client: Any, run: Any) -> None:
    page = vera_client.get(URL)

    assert [row.name for row in page.context["gaps_off"]] == ["drop_order"]
    assert [row.name for row in page.context["gaps_open"]] == ["list_orders"]
    assert "Off: it may delete or overwrite data." in page.content.decode()


def test_it_lists_what_failed_first_and_filters_by_label(vera_client: Any, run: Any) -> None:
    every = vera_client.get(URL).context["attempts"]
    failures = vera_client.get(f"{URL}?label=failure").context

    assert [a.task.instruction for a, _ in every] == ["A failed server", "A failure", "A success"]
    assert [a.task.instruction for a, _ in failures["attempts"]] == ["A failure"]
    pressed = [chip for chip in failures["round_chips"] if chip.pressed]
    assert [(chip.label, chip.url) for chip in pressed] == [("Failure", URL)]


def test_it_shows_units_in_trouble_with_their_message(vera_client: Any, run: Any) -> None:
    Unit.objects.create(
        run=run, stage="solve", round=1, target=1, status="failed", message="It ended.", tries=4
    )
    Unit.objects.create(
        run=run, stage="solve", round=1, target=2, message="It is slow.", not_before=timezone.now()
    )
    Unit.objects.create(run=run, stage="solve", round=1, target=3)

    page = vera_client.get(URL)

    assert [unit.message for unit in page.context["trouble"]] == ["It is slow.", "It ended."]
    assert "4 tries" in page.content.decode()


def test_it_keeps_every_dropped_idea_with_its_reason(vera_client: Any, run: Any) -> None:
    TaskFactory(
        round=run.rounds.get(), instruction="The same again", drop_reason="Too close to task 1."
    )

    page = vera_client.get(URL).content.decode()

    assert "The same again" in page
    assert "Too close to task 1." in page


def test_it_draws_the_metrics_of_finished_rounds(vera_client: Any, run: Any) -> None:
    attempt = run.attempts.get(label="success")
    candidate = CandidateFactory(playbook=run.playbook, origin_link=URL)
    EvidenceFactory(candidate=candidate, link=f"{attempt.get_absolute_url()}#step-1")

    series = vera_client.get(URL).context["series"]

    assert series.practised == (2,)
    assert series.infeasible == (0,)
    assert series.tools == (1,)
    assert series.entropy == (0.0,)
    assert series.candidates == (1,)


def test_it_adds_up_the_ledger_by_role(vera_client: Any, run: Any) -> None:
    run.budget = Decimal(2)
    run.save()
    unit = Unit.objects.create(run=run, stage="solve", round=1)
    for role, cost in (("solver", "0.40"), ("solver", "0.10"), ("proposer", "0.05")):
        LedgerEntry.objects.create(
            run=run, unit=unit, role=role, model="m", cost=Decimal(cost), input_tokens=100
        )

    page = vera_client.get(URL)

    assert [(r.name, r.total.known) for r in page.context["roles"]] == [
        ("Proposing", Decimal("0.05")),
        ("Solving", Decimal("0.50")),
    ]
    assert page.context["expected"] == Decimal("1.65")
    assert "stops at $2.00" in page.content.decode()
    assert "$0.55" in page.content.decode()


def test_it_says_when_a_call_has_no_price(vera_client: Any, run: Any) -> None:
    unit = Unit.objects.create(run=run, stage="solve", round=1)
    LedgerEntry.objects.create(run=run, unit=unit, role="solver", model="m", cost=None)

    page = vera_client.get(URL).content.decode()

    assert '<b class="money">unknown</b>' in page
    LedgerEntry.objects.create(run=run, unit=unit, role="solver", model="p", cost=Decimal(1))
    assert "at least $1.00, 1 call of unknown cost" in vera_client.get(URL).content.decode()


def test_it_refreshes_itself_only_while_unfinished(vera_client: Any, run: Any) -> None:
    assert "every 2s" in vera_client.get(URL).content.decode()

    run.status = "finished"
    run.save()

    assert "every 2s" not in vera_client.get(URL).content.decode()


def test_it_answers_a_refresh_with_nothing_until_something_moves(
    vera_client: Any, run: Any
) -> None:
    seen = vera_client.get(URL).context["seen"]
    asked = f"{URL}?seen={seen}"
    assert vera_client.get(asked, **HTMX).status_code == 204

    StepFactory(attempt=run.attempts.get(label="success"), number=2)

    part = vera_client.get(asked, **HTMX)
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert f"seen={seen}" not in part.content.decode()


def test_it_keeps_the_filter_while_it_refreshes(vera_client: Any, run: Any) -> None:
    page = vera_client.get(f"{URL}?label=failure&round=1").content.decode()

    assert 'hx-get="/practice/runs/5/?label=failure&amp;round=1&amp;seen=' in page


def test_it_offers_steering_to_reviewers_only(rita_client: Any, vera_client: Any, run: Any) -> None:
    assert "/practice/runs/5/pause/" in rita_client.get(URL).content.decode()
    assert "/practice/runs/5/pause/" not in vera_client.get(URL).content.decode()


def test_it_does_not_exist_for_others(olga_client: Any, run: Any) -> None:
    assert olga_client.get(URL).status_code == 404


def test_it_asks_the_database_as_often_for_more_attempts(vera_client: Any, run: Any) -> None:
    first = queries_of(vera_client, URL)
    for _ in range(10):
        task = TaskFactory(round=run.rounds.get())
        attempt = AttemptFactory(task=task, label="failure", ended_at=timezone.now())
        StepFactory(attempt=attempt, tool="get_order")
        TaskFactory(round=run.rounds.get(), drop_reason="Too close.")

    assert queries_of(vera_client, URL) == first <= 34


def test_it_says_what_each_heat_level_stands_for() -> None:
    assert [key.text for key in heat_keys(2)] == ["1", "2"]
    assert heat_keys(0) == []
    assert sum(len(range(*_ends(key.text))) for key in heat_keys(23)) == 23


def _ends(text: str) -> tuple[int, int]:
    first, _, last = text.partition(" to ")
    return int(first), int(last or first) + 1


def test_it_says_what_became_of_each_seed_task(vera_client: Any, run: Any) -> None:
    told = {"unused": ["oldest"], "added": ["amount"], "reason": ""}
    later = {"task": "", "unused": [], "added": [], "reason": "What get_order needs was not seen."}
    first, second = run.rounds.get(), RoundFactory(run=run, number=2)
    first.seeds = [
        {"asked": "Refund the oldest order", "task": "Refund order ORD-1.", **told},
        {"asked": "Show an order", **later, "reason": "It was too early."},
    ]
    first.save()
    second.seeds = [{"asked": "Show an order", **later}]
    second.save()

    page = vera_client.get(URL).content.decode()

    assert "Practised as: Refund order ORD-1." in page
    assert "<q>oldest</q>" in page
    assert "<code>amount</code>" in page
    assert "What get_order needs was not seen." in page
    assert "It was too early." not in page
