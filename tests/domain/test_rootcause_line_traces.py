"""Requests whose spans nobody kept, seen by their log lines; other spans say who calls."""

from __future__ import annotations

import pytest

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import Invocations, invocations, parent_rows
from practice.domain.rootcause.line_traces import fell_silent
from practice.domain.rootcause.telemetry import Labels, LogTable, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind
from tests.domain.rootcause_world import Spans

GONE = Finding(
    "shop", EvidenceKind.MISSING_CALL, Modality.TRACES, 5.0, 5.0,
    "after “INFO buy” no longer comes with “stock after “INFO look””", Direction.GONE,
    toward="stock", onset=100.0,
)  # fmt: skip


def calls(begin: float, *, every: int, count: int = 20) -> Invocations:
    """Requests to the shop from ``begin`` on, of which every so many calls stock."""
    spans = Spans()
    for number in range(count):
        trace, at = f"t{begin:g}-{number}", begin + number
        spans.add(trace, "s", "", "shop", "POST /buy", at, 0.5)
        if every and number % every == 0:
            spans.add(trace, "t", "s", "stock", "GET /stock", at + 0.1, 0.1)
    table = spans.table()
    return invocations(table, LogTable(), Labels.of(()), parent_rows(table))


@pytest.mark.parametrize(
    ("now", "usual", "blamed"),
    [(1, 1, "stock"), (4, 4, "stock"), (4, 1, "shop"), (0, 1, "shop"), (0, 0, "shop")],
)
def test_a_callee_that_is_still_called_is_who_fell_silent(
    now: int, usual: int, blamed: str
) -> None:
    (found,) = fell_silent([GONE], calls(100.0, every=now), calls(0.0, every=usual))
    assert found.service == blamed
    assert (found.own, found.onset) == (GONE.own, GONE.onset)


def test_the_time_before_tells_what_is_usual_where_there_is_no_reference() -> None:
    assert fell_silent([GONE], calls(90.0, every=1, count=40), None)[0].service == "stock"
    none = calls(90.0, every=0, count=40)
    assert fell_silent([GONE], none, None) == [GONE]


def test_another_finding_stays_with_its_service() -> None:
    error = Finding(
        "shop", EvidenceKind.OWN_ERROR, Modality.LOGS, 5.0, 5.0, "fails", Direction.NEW,
        toward="stock", onset=100.0,
    )  # fmt: skip
    assert fell_silent([error], calls(100.0, every=1), calls(0.0, every=1)) == [error]
