"""The engine finds who is at fault, says why, and says so when it cannot."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.types import (
    Alert,
    Budget,
    Closing,
    EvidenceKind,
    NotAsked,
    Opinion,
    Outcome,
    Question,
    Verdict,
)
from tests.domain.rootcause_world import ALERT, BEGIN, Spans, logs, metrics, request, world

CALM = [5.0, 6.0, 5.5, 6.2, 5.1] * 4


def test_a_missing_step_is_charged_to_the_service_that_left_it_out() -> None:
    window, reference = world(request(steps=()))
    found = analyse(window, ALERT, reference=reference)
    assert found.outcome is Outcome.FOUND
    top = found.causes[0]
    assert (top.service, top.kind) == ("stock", EvidenceKind.MISSING_STEP)
    assert [(hop.source, hop.target) for hop in top.path] == [
        ("service:web", "service:shop"),
        ("service:shop", "service:stock"),
    ]


@pytest.mark.parametrize(
    ("every", "said"),
    [(0, "no longer shows “SELECT”: in 0 of"), (5, "shows “SELECT” less often: in 10 of")],
)
def test_a_step_that_some_requests_still_take_is_not_said_to_be_gone(every: int, said: str) -> None:
    def bad(spans: Spans, trace: str, at: float) -> None:
        stays = every and int(trace.rpartition("-")[2]) % every == 0
        (request() if stays else request(steps=()))(spans, trace, at)

    window, reference = world(bad)
    top = analyse(window, ALERT, reference=reference).causes[0]
    assert f"GET /stock {said} 50 requests" in top.statement


@pytest.mark.parametrize(("every", "kind"), [(100, "own_error"), (2, "missing_step")])
def test_of_two_changes_that_are_as_sure_the_one_that_tells_of_the_failure_is_said(
    every: int, kind: str
) -> None:
    """All requests lack a step; an error is seen in all but every so many."""

    def bad(spans: Spans, trace: str, at: float) -> None:
        is_quiet = int(trace.rpartition("-")[2]) % every == 0
        request(steps=() if is_quiet else ("SELECT failed",))(spans, trace, at)

    window, reference = world(bad)
    top = analyse(window, ALERT, reference=reference).causes[0]
    assert (top.service, top.kind) == ("stock", kind)


def test_own_time_is_charged_to_the_service_and_not_to_its_callers() -> None:
    window, reference = world(request(own=0.400))
    found = analyse(window, ALERT, reference=reference)
    assert (found.causes[0].service, found.causes[0].kind) == ("shop", EvidenceKind.SELF_TIME)
    assert found.causes[0].score > 0.9


def test_a_gap_of_every_caller_is_charged_to_the_callee() -> None:
    window, reference = world(request(gap=0.300))
    found = analyse(window, ALERT, reference=reference)
    assert (found.causes[0].service, found.causes[0].kind) == ("stock", EvidenceKind.NETWORK_GAP)


def test_a_busy_processor_is_found_from_metrics_alone() -> None:
    table = metrics({("shop", "cpu_pct"): [*CALM, 97.0, 99.0], ("web", "cpu_pct"): [*CALM, 6.0, 5]})
    found = analyse(Telemetry(metrics=table, topology=(("web", "shop"),)), ALERT)
    assert found.outcome is Outcome.FOUND
    assert found.causes[0].service == "shop"
    assert "traces" in found.missing
    assert any("no fault-free reference" in note for note in found.notes)


def test_the_latency_of_a_caller_is_inherited_from_a_callee_as_slow() -> None:
    calm = [0.05, 0.06, 0.055, 0.062, 0.051] * 4
    table = metrics(
        {
            ("web", "latency_p90"): [*calm, 0.95, 0.99],
            ("shop", "latency_p90"): [*calm, 0.90, 0.94],
            ("stock", "latency_p90"): [*calm, 0.05, 0.06],
        }
    )
    found = analyse(Telemetry(metrics=table, topology=(("web", "shop"), ("shop", "stock"))), ALERT)
    assert found.causes[0].service == "shop"
    web = next(visit for visit in found.visits if visit.node == "service:web")
    assert web.verdict is Verdict.INHERITED
    assert web.inherited_from == ("service:shop",)


def test_errors_in_plain_log_lines_count_without_any_trace() -> None:
    lines = [(BEGIN - 900 + 10 * n, "shop", "INFO", f"order {n} taken") for n in range(110)]
    lines += [(BEGIN + 30 + n, "shop", "ERROR", f"cannot reach ledger {n}") for n in range(40)]
    table = metrics({("shop", "cpu_pct"): [*CALM, 5.0, 5.0], ("web", "cpu_pct"): [*CALM, 6.0, 5]})
    found = analyse(Telemetry(metrics=table, logs=logs(lines)), replace(ALERT, entry="shop"))
    assert (found.causes[0].service, found.causes[0].kind) == ("shop", EvidenceKind.OWN_ERROR)


def test_nothing_unusual_is_no_cause_found() -> None:
    window, reference = world(request())
    found = analyse(window, ALERT, reference=reference)
    assert found.outcome is Outcome.NONE
    assert {visit.verdict for visit in found.visits} == {Verdict.NORMAL}


def test_an_unknown_component_is_outside_what_can_be_seen() -> None:
    window, reference = world(request())
    found = analyse(window, replace(ALERT, entry="nobody"), reference=reference)
    assert any("nobody" in note for note in found.notes)
    alone = analyse(Telemetry(), replace(ALERT, entry="nobody"))
    assert alone.outcome is Outcome.OUTSIDE


def test_the_same_input_gives_the_same_analysis() -> None:
    window, reference = world(request(own=0.2))
    ticks = count()
    first = analyse(window, ALERT, reference=reference, clock=lambda: 0.0)
    again = analyse(window, ALERT, reference=reference, clock=lambda: 0.0 * next(ticks))
    assert first == again


def test_every_claim_rests_on_evidence_that_exists() -> None:
    window, reference = world(request(steps=(), own=0.1))
    found = analyse(window, ALERT, reference=reference)
    known = {one.evidence_id for one in found.evidence}
    cited = {e for v in found.visits for e in v.evidence} | {
        e for cause in found.causes for e in cause.evidence
    }
    assert cited
    assert cited <= known


def test_what_the_budget_cuts_off_is_open_and_never_normal() -> None:
    window, reference = world(request(steps=()))
    found = analyse(window, ALERT, reference=reference, budget=Budget(visits=1))
    cut = [visit for visit in found.visits if visit.closing is Closing.BUDGET]
    assert cut
    assert all(visit.verdict is Verdict.OPEN for visit in cut)
    assert found.open_visits == tuple(cut)


def test_cancelling_leaves_the_rest_open() -> None:
    window, reference = world(request(steps=()))
    found = analyse(window, ALERT, reference=reference, should_stop=lambda: True)
    assert {visit.closing for visit in found.visits} == {Closing.CANCELLED}


def test_a_model_is_asked_only_of_open_verdicts_and_within_the_budget() -> None:
    window, reference = world(request())
    asked: list[Question] = []

    def ask(question: Question) -> Opinion | None:
        asked.append(question)
        return Opinion(Verdict.NORMAL, "it is only known by name")

    hidden = replace(window, topology=(("stock", "ledger"), ("stock", "archive")))
    alert = replace(ALERT, entry="stock")
    found = analyse(hidden, alert, reference=reference, asked=ask, budget=Budget(model_calls=1))
    assert [question.node for question in asked] == ["service:archive"]
    assert found.spent.model_calls == 1
    open_nodes = {visit.node for visit in found.open_visits}
    assert open_nodes == {"service:ledger"}


def test_a_question_that_was_not_sent_costs_no_call() -> None:
    window, reference = world(request())

    def left_alone(question: Question) -> Opinion | None:
        raise NotAsked

    hidden = replace(window, topology=(("stock", "ledger"), ("stock", "archive")))
    alert = replace(ALERT, entry="stock")
    found = analyse(hidden, alert, reference=reference, asked=left_alone)
    assert found.spent.model_calls == 0
    assert {visit.node for visit in found.open_visits} == {"service:ledger", "service:archive"}


def test_names_play_no_part() -> None:
    window, reference = world(request(own=0.300))
    words = {"web": "zu", "shop": "aaa", "stock": "mmm"}

    def renamed(telemetry: Telemetry) -> Telemetry:
        spans = telemetry.spans
        names = tuple(words[name] for name in spans.service.names)
        return replace(telemetry, spans=replace(spans, service=replace(spans.service, names=names)))

    plain = analyse(window, ALERT, reference=reference)
    other = analyse(renamed(window), replace(ALERT, entry="zu"), reference=renamed(reference))
    assert [words[cause.service] for cause in plain.causes] == [c.service for c in other.causes]
    assert [cause.score for cause in plain.causes] == [cause.score for cause in other.causes]


@pytest.mark.parametrize("at", [BEGIN + 120, BEGIN + 125])
def test_a_later_alert_of_the_same_window_reuses_what_was_learned(at: float) -> None:
    window, reference = world(request(own=0.300))
    first = analyse(window, ALERT, reference=reference)
    later = replace(ALERT, alert_id="a2", at=at)
    again = analyse(window, later, reference=reference, memory=first.learned)
    assert again.spent.visits < first.spent.visits
    assert again.causes[0].service == first.causes[0].service == "shop"
    assert {visit.closing for visit in again.visits if visit.hit} == {Closing.REMEMBERED}


def test_a_forced_wrong_verdict_is_contradicted_and_forgotten() -> None:
    window, reference = world(request(own=0.300))
    first = analyse(window, ALERT, reference=reference)
    poisoned = [
        replace(entry, verdict=Verdict.NORMAL) if entry.key.component == "shop" else entry
        for entry in first.learned
    ]
    later = Alert("a2", ALERT.at + 1, "web", onset=ALERT.onset)
    again = analyse(window, later, reference=reference, memory=poisoned)
    assert len(again.forgotten) == 1
    assert [hit.upheld for hit in again.hits if hit.node == "shop"] == [False]
    assert next(v for v in again.visits if v.node == "service:shop").verdict is Verdict.OWN
    assert again.causes[0].service == "shop"


def test_memory_is_not_used_beyond_its_window() -> None:
    window, reference = world(request(own=0.300))
    first = analyse(window, ALERT, reference=reference)
    old = [replace(entry, until=ALERT.at - 1) for entry in first.learned]
    again = analyse(window, ALERT, reference=reference, memory=old)
    assert again.hits == ()
    assert again.spent.visits == first.spent.visits
