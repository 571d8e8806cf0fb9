"""Whose doing it is: gaps between two sides of a call, and failures that come up from below."""

from __future__ import annotations

from dataclasses import replace

import pytest

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.latency import Pair, Shift, blamed
from practice.domain.rootcause.ranking import inherited, standings
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Direction, EvidenceKind


def gap(added: float) -> Shift:
    return Shift(weight=20.0 if added else 0.0, usual=0.001, now=0.001 + added, split=0.0, count=50)


@pytest.mark.parametrize(
    ("gaps", "guilty"),
    [
        ({("web", "shop"): 0.1, ("web", "stock"): 0.0}, "shop"),
        ({("web", "shop"): 0.1, ("web", "stock"): 0.1}, "web"),
        (
            {("web", "shop"): 0.1, ("web", "x"): 0.0, ("api", "shop"): 0.1, ("api", "x"): 0.0},
            "shop",
        ),
        ({("web", "shop"): 0.1, ("web", "a"): 0.1, ("web", "b"): 0.0, ("api", "b"): 0.0}, "web"),
        ({("web", "shop"): 0.1}, "shop"),
    ],
)
def test_a_caller_is_blamed_for_gaps_that_most_of_its_calls_show(
    gaps: dict[Pair, float], guilty: str
) -> None:
    parts = blamed({pair: gap(added) for pair, added in gaps.items()})
    most = {name: max(weight for _, _, weight in found) for name, found in parts.items()}
    assert max(most, key=lambda name: most[name]) == guilty
    assert list(most.values()).count(max(most.values())) == 1


def failing(service: str, nats: float, kind: str = "own_error", *, by_rate: bool) -> Finding:
    return Finding(
        service=service, kind=EvidenceKind(kind), modality=Modality.LOGS, own=nats, total=nats,
        statement="it fails", direction=Direction.NEW, by_rate=by_rate,
    )  # fmt: skip


def first(findings: list[Finding], callees: dict[str, list[str]]) -> str:
    ranked = standings(inherited(findings, callees), traced=())
    return max(ranked, key=lambda name: ranked[name].strength)


def test_a_request_that_fails_is_charged_to_a_callee_whose_failures_are_only_counted() -> None:
    """The callee keeps no traces, so its caller's requests are all there is to see."""
    found = [
        failing("web", 300.0, "missing_call", by_rate=False),
        failing("web", 100.0, by_rate=False),
        failing("shop", 150.0, by_rate=True),
    ]
    assert first(found, {"web": ["shop"]}) == "shop"
    assert first(found, {"web": ["other"]}) == "web"


def test_a_callee_that_shows_its_own_requests_speaks_for_itself() -> None:
    found = [
        failing("web", 300.0, "missing_step", by_rate=False),
        failing("shop", 20.0, by_rate=False),
        failing("shop", 20.0, "error", by_rate=True),
    ]
    assert first(found, {"web": ["shop"]}) == "web"


def test_failures_come_up_the_whole_way_from_a_service_that_is_gone() -> None:
    found = [
        failing("web", 90.0, by_rate=True),
        failing("stock", 20.0, "silence", by_rate=False),
    ]
    assert first(found, {"web": ["shop"], "shop": ["stock"], "stock": ["web"]}) == "stock"
    assert first(found, {"web": ["shop"]}) == "web"


def test_what_is_left_of_a_thousand_failures_does_not_outdo_who_is_surely_gone() -> None:
    found = [
        failing("web", 1_200.0, by_rate=False),
        failing("stock", 40.0, "silence", by_rate=False),
    ]
    assert first(found, {"web": ["stock"]}) == "stock"


@pytest.mark.parametrize(("of_shop", "guilty"), [(0.6, "shop"), (0.3, "web")])
def test_failures_may_come_from_who_counts_more_of_them_and_has_no_known_caller(
    of_shop: float, guilty: str
) -> None:
    """Web's requests were recorded; nobody knows who calls the shop."""

    def counted(service: str, now: float) -> Finding:
        one = failing(service, 30.0, "error", by_rate=True)
        return replace(one, baseline=0.0, observed=now, references=("failed_requests",))

    found = inherited(
        [failing("web", 40.0, by_rate=False), counted("web", 0.5), counted("shop", of_shop)],
        {}, {"web"}, {"shop"},
    )  # fmt: skip
    ranked = standings(found, traced={"web"})
    assert max(ranked, key=lambda name: ranked[name].strength) == guilty
