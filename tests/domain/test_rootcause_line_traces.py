"""Requests whose spans nobody kept, seen by their log lines; other spans say who calls."""

from __future__ import annotations

import math

import numpy as np
import pytest

from practice.domain.rootcause.drain import statements
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.invocations import Invocations, home_rows, invocations, parent_rows
from practice.domain.rootcause.line_traces import (
    called_by_lines,
    fell_silent,
    lasted,
    line_invocations,
)
from practice.domain.rootcause.metrics import Series, asked
from practice.domain.rootcause.telemetry import Labels, LogTable, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind
from tests.domain.rootcause_world import Spans

GONE = Finding(
    "shop", EvidenceKind.MISSING_CALL, Modality.TRACES, 5.0, 5.0,
    "after “INFO buy” no longer calls “stock after “INFO look””", Direction.GONE,
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
    return invocations(
        table, LogTable(), Labels.of(()), parent_rows(table), home_rows(table, LogTable())
    )


def silent(one: Finding, spans: Invocations, usual: Invocations | None) -> list[Finding]:
    """By the spans of other requests alone."""
    return fell_silent([one], spans, usual, by_lines([]), None, {})


@pytest.mark.parametrize(
    ("now", "usual", "blamed"),
    [(1, 1, "stock"), (4, 4, "stock"), (4, 1, "shop"), (0, 1, "shop"), (0, 0, "shop")],
)
def test_a_callee_that_is_still_called_is_who_fell_silent(
    now: int, usual: int, blamed: str
) -> None:
    (found,) = silent(GONE, calls(100.0, every=now), calls(0.0, every=usual))
    assert found.service == blamed
    assert (found.own, found.onset) == (GONE.own, GONE.onset)


def test_the_time_before_tells_what_is_usual_where_there_is_no_reference() -> None:
    assert silent(GONE, calls(90.0, every=1, count=40), None)[0].service == "stock"
    none = calls(90.0, every=0, count=40)
    assert silent(GONE, none, None) == [GONE]


def test_another_finding_stays_with_its_service() -> None:
    error = Finding(
        "shop", EvidenceKind.OWN_ERROR, Modality.LOGS, 5.0, 5.0, "fails", Direction.NEW,
        toward="stock", onset=100.0,
    )  # fmt: skip
    assert silent(error, calls(100.0, every=1), calls(0.0, every=1)) == [error]


def shop_lines(
    begin: float, *, work: float = 0.1, stock: float = 0.2
) -> list[tuple[float, str, str]]:
    """(time, service, trace) of requests to the shop, which asks stock half way."""
    return [
        (at + late, service, f"t{at:g}")
        for at in (begin + 2.0 * n for n in range(40))
        for late, service in (
            (0.0, "shop"), (work / 2, "stock"), (work / 2 + stock, "stock"), (work + stock, "shop"),
        )
    ]  # fmt: skip


def by_lines(rows: list[tuple[float, str, str]]) -> Invocations:
    empty = Labels.of("" for _ in rows)
    table = LogTable(
        np.array([row[0] for row in rows]), Labels.of(row[1] for row in rows), empty, empty,
        Labels.of(f"line of {row[1]}" for row in rows), Labels.of(row[2] for row in rows), empty,
        ["" for _ in rows],
    )  # fmt: skip
    return line_invocations(table, statements(table), np.ones(len(rows), dtype=np.bool_))


@pytest.mark.parametrize(
    ("now", "slow"), [({"work": 0.9}, "shop"), ({"stock": 0.9}, "stock"), ({}, None)]
)
def test_lines_tell_in_whom_a_request_takes_longer(now: dict[str, float], slow: str | None) -> None:
    table = by_lines([*shop_lines(0.0), *shop_lines(100.0, **now)])
    found = lasted(table, None, np.array([100.0]))
    assert {one.service for one in found} == ({slow} if slow else set())
    assert {(one.kind, one.modality) for one in found} <= {(EvidenceKind.LATENCY, Modality.LOGS)}


def test_lines_tell_who_calls_whom() -> None:
    assert called_by_lines(by_lines(shop_lines(0.0))) == {("shop", "stock")}


def unanswered(others: int = 0) -> Invocations:
    """Requests to the shop, which asks stock until 100 s; ``others`` ask stock all the while."""
    whole = shop_lines(0.0)[: 4 * 25]
    cut = [row for row in shop_lines(100.0) if row[1] == "shop"]
    begun = [at for at, *_ in [*whole, *shop_lines(100.0)][::4]]
    apart = [(at + 0.3, "stock", f"o{n}-{at:g}") for n in range(others) for at in begun]
    return by_lines([*whole, *cut, *apart])


@pytest.mark.parametrize(
    ("counted", "others", "blamed"),
    [
        ({"stock": 0.0, "shop": 0.0}, 0, "stock"),
        ({"stock": math.log(0.5), "shop": math.log(0.5)}, 0, "stock"),
        ({"stock": math.log(0.6)}, 0, "stock"),
        ({"stock": math.log(0.02)}, 0, "shop"),
        ({"stock": math.log(0.02), "shop": 0.0}, 0, "shop"),
        ({"shop": 0.0}, 0, "shop"),
        ({}, 0, "shop"),
        # a third of what stock is asked comes from the shop: its going would hardly be counted
        ({"stock": 0.0, "shop": 0.0}, 2, "shop"),
        # as many requests again that no line tells of, health checks for one, go on
        ({"stock": math.log(0.5), "shop": 0.0}, 0, "shop"),
        # the shop is asked three times as often, for it fails; stock is asked by others alone
        ({"stock": math.log(1.5), "shop": math.log(3.0)}, 1, "shop"),
        # it calls stock as often as ever and again each time it fails
        ({"stock": math.log(3.0), "shop": 0.0}, 0, "stock"),
    ],
)
def test_a_callee_that_counts_as_many_requests_is_who_fell_silent(
    counted: dict[str, float], others: int, blamed: str
) -> None:
    spans = calls(0.0, every=0, count=0)
    (found,) = fell_silent([GONE], spans, None, unanswered(others), None, counted)
    assert found.service == blamed
    assert found.own == GONE.own


@pytest.mark.parametrize("calling", [5, 25])
def test_a_callee_whom_others_call_in_its_callers_place_is_not_silent(calling: int) -> None:
    """Who took the calls over writes lines: nothing that stock counts is untold."""
    asks_itself = shop_lines(0.0)[: 4 * 25]
    no_more = [row for row in shop_lines(100.0) if row[1] == "shop"]
    taken = [
        (at, "till" if service == "shop" else service, f"x-{trace}")
        for at, service, trace in shop_lines(100.0)[: 4 * calling]
    ]
    lines = by_lines([*asks_itself, *no_more, *taken])
    counted = {"stock": math.log(calling / 25), "shop": 0.0}
    spans = calls(0.0, every=0, count=0)
    assert fell_silent([GONE], spans, None, lines, None, counted) == [GONE]


def counts(
    service: str, pod: str, before: list[float], after: list[float], metric: str = "requests_per_s"
) -> Series:
    """Counts each second, from 0 s before the fault at 4 s and from 4 s since."""
    at = [*range(len(before)), *range(4, 4 + len(after))]
    return Series(service, pod, metric, np.array(at, dtype=float), np.array([*before, *after]))


def test_requests_are_counted_of_all_pods_and_told_from_none() -> None:
    known = [
        counts("shop", "shop-0", [1.0, 1.0, 1.0, 1.0], [2.0, 0.0]),
        counts("shop", "shop-1", [1.0, 1.0, 1.0, 1.0], [0.0, 0.0]),
        counts("stock", "stock-0", [0.0, 0.0, 0.0, 4.0], [1.0, 1.0]),
        counts("mail", "mail-0", [1.0, 1.0, 1.0, 1.0], [0.0, 0.0]),
        counts("idle", "idle-0", [0.0, 0.0, 0.0, 0.0], [0.0, 0.0]),
        counts("gone", "gone-0", [1.0, 1.0, 1.0, 1.0], []),
    ]
    found = asked(known, 4.0)
    assert found == {
        "shop": pytest.approx(math.log(0.5)),
        "stock": pytest.approx(0.0),
        "mail": pytest.approx(math.log(0.01)),
    }


def test_requests_to_the_pods_of_a_new_release_are_those_of_the_one_before() -> None:
    known = [
        counts("stock", "stock-old-0", [2.0, 2.0, 2.0, 2.0], []),
        counts("stock", "stock-old-1", [2.0, 2.0, 2.0, 2.0], []),
        counts("stock", "stock-new-0", [], [3.0, 3.0]),
        counts("stock", "stock-new-1", [], [1.0, 1.0]),
    ]
    assert asked(known, 4.0) == {"stock": pytest.approx(0.0)}


def test_requests_to_others_are_not_what_a_service_is_asked_for() -> None:
    known = [
        counts("stock", "", [4.0, 4.0, 4.0, 4.0], [0.0, 0.0], "http.server.requests"),
        counts("stock", "", [4.0, 4.0, 4.0, 4.0], [4.0, 4.0], "http.client.requests"),
    ]
    assert asked(known, 4.0) == {"stock": pytest.approx(math.log(0.01))}
