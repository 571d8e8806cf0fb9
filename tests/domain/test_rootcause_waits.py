"""A service slow to be reached, where callers keep no span around their calls."""

from __future__ import annotations

import numpy as np
import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import ranking
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import home_rows, invocations, parent_rows
from practice.domain.rootcause.latency import Shift
from practice.domain.rootcause.telemetry import Labels, LogTable, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind
from practice.domain.rootcause.waits import charged, silences
from practice.domain.rootcause.window import learn
from tests.domain.rootcause_world import ALERT, Request, Spans, world


def request(*, wire: float = 0.001, own: float = 0.004, callers: int = 2) -> Request:
    """web → cart → stock and web → offer → stock; ``wire`` each way to stock, no client spans."""

    def add(spans: Spans, trace: str, at: float) -> None:
        took = own + 2 * wire + 0.005
        end = at + 0.001
        for number, service in enumerate(("cart", "offer")):
            slow = took if number < callers else 0.011
            lead = own / 2 + wire if number < callers else 0.003
            spans.add(trace, f"{service}", "w", service, f"GET /{service}", end, slow)
            spans.add(trace, f"{service}-t", service, "stock", "GET /stock", end + lead, 0.005)
            end += slow
        spans.add(trace, "w", "", "web", "GET /", at, end - at + 0.001)

    return add


def test_a_service_that_two_callers_wait_for_is_the_cause_not_its_callers() -> None:
    telemetry, reference = world(request(wire=0.06), request())
    found = analyse(telemetry, ALERT, reference=learn(reference))
    assert ranking(found)[0] == "stock"
    assert "2 callers are silent for longer around calls to it" in found.statement


@pytest.mark.parametrize("bad", [request(wire=0.06, callers=1), request(own=0.12, callers=1)])
def test_one_caller_alone_may_be_slow_by_its_own_doing(bad: Request) -> None:
    telemetry, reference = world(bad, request())
    assert ranking(analyse(telemetry, ALERT, reference=learn(reference)))[0] == "cart"


def test_silence_is_what_lies_between_a_call_and_its_callers_other_events() -> None:
    spans = Spans()
    for number in range(40):
        at, late = 10.0 * number, 0.05 * (number >= 20)
        spans.add(f"t{number}", "a", "", "web", "GET /", at, 1.0 + late)
        spans.add(f"t{number}", "b", "a", "cart", "GET /cart", at + 0.1, 0.2)
        spans.add(f"t{number}", "c", "a", "mail", "POST /mail", at + 0.6, 0.3)
    table = spans.table()
    cut = invocations(
        table, LogTable(), Labels.of(()), parent_rows(table), home_rows(table, LogTable())
    )
    found = silences(cut, None, np.array([200.0]))
    assert found["web", "cart"].usual == pytest.approx(0.4)  # 0.1 before, 0.3 until the next call
    assert found["web", "mail"].usual == pytest.approx(0.4)  # 0.3 since that one, 0.1 to the end
    assert found["web", "mail"].added == pytest.approx(0.05)
    assert found["web", "cart"].added == pytest.approx(0.0)


def shift(added: float, weight: float = 4.0) -> Shift:
    return Shift(weight, usual=0.01, now=0.01 + added, split=0.0, count=30)


def own(service: str, added: float) -> Finding:
    return Finding(
        service, EvidenceKind.SELF_TIME, Modality.TRACES, 4.0, 4.0, "slow", Direction.UP,
        baseline=0.01, observed=0.01 + added,
    )  # fmt: skip


def test_what_callers_show_around_their_other_calls_too_is_their_own() -> None:
    both = {("cart", "stock"): shift(0.1), ("offer", "stock"): shift(0.1)}
    findings = [own("cart", 0.1), own("offer", 0.2)]
    kept = {one.service: one.own for one in charged(findings, both)}
    assert kept["stock"] == 4.0
    assert kept["cart"] < 0.1 * 4.0
    assert kept["offer"] == pytest.approx(2.0)  # half of it is not explained
    others = {("cart", "mail"): shift(0.1), ("offer", "mail"): shift(0.1)}
    assert charged(findings, both | others) == findings


def test_most_callers_must_wait() -> None:
    grown = {("a", "x"): shift(0.1), ("b", "x"): shift(0.1), ("c", "x"): shift(0.0, 0.0),
             ("d", "x"): shift(0.0, 0.0)}  # fmt: skip
    assert charged([], grown) == []
