"""Callees that keep no spans: time and failures in them look like their callers' own."""

from __future__ import annotations

import pytest

from practice.domain.rootcause.dependants import unrecorded
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.ranking import inherited
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Direction, EvidenceKind

CALLS = {"cart": ["store"], "offer": ["store"], "mail": ["spool"]}


def by_spans(service: str, kind: EvidenceKind = EvidenceKind.SELF_TIME) -> Finding:
    """A service that spends 80 ms by itself, usually 20 ms; or whose requests fail."""
    return Finding(
        service, kind, Modality.TRACES, 20.0, 20.0, "it is slow or fails", Direction.UP,
        baseline=0.02, observed=0.08,
    )  # fmt: skip


def by_metrics(service: str, change: float) -> Finding:
    return Finding(
        service, EvidenceKind.LATENCY, Modality.METRICS, 15.0, 30.0, "it is slow", Direction.UP,
        change=change, by_rate=True,
    )  # fmt: skip


def left(findings: list[Finding]) -> dict[str, float]:
    return {one.service: round(one.own, 2) for one in findings}


@pytest.mark.parametrize("kind", [EvidenceKind.SELF_TIME, EvidenceKind.OWN_ERROR])
def test_what_most_callers_have_in_common_is_charged(kind: EvidenceKind) -> None:
    found = unrecorded([by_spans("cart", kind), by_spans("offer", kind)], CALLS, {"cart", "offer"})
    assert left(found) == {"cart": 1.0, "offer": 1.0, "store": 20.0}
    assert found[-1].statement.startswith("2 of its callers are slow or fail")


@pytest.mark.parametrize(
    ("troubled", "traced"),
    [
        (["cart"], {"cart", "offer", "mail"}),  # one caller alone may be ill itself
        (["cart", "mail"], {"cart", "offer", "mail"}),  # nothing in common
        (["cart", "offer"], {"cart", "offer", "store"}),  # its own spans speak for it
    ],
)
def test_what_callers_do_not_have_in_common_stays_with_them(
    troubled: list[str], traced: set[str]
) -> None:
    found = [by_spans(name) for name in troubled]
    assert unrecorded(found, CALLS, traced) == found


@pytest.mark.parametrize(
    ("change", "own"),
    [(2.0, 1.0), (1.0, 20.0)],
    ids=["relatively slower: within", "relatively less slow: above"],
)
def test_an_orphan_accounts_for_lost_time_that_lies_within_it(change: float, own: float) -> None:
    found = inherited([by_spans("cart"), by_metrics("db", change)], {}, {"cart"}, {"db"})
    assert left(found)["cart"] == own


def test_a_service_whose_callers_are_known_is_nobodys_orphan() -> None:
    found = inherited([by_spans("cart"), by_metrics("db", 2.0)], {}, {"cart"}, ())
    assert left(found)["cart"] == 20.0
