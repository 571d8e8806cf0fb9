"""Metrics alone: what of a deviation is a service's own doing, and what it only went through."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.types import Analysis, EvidenceKind, Outcome
from tests.domain.rootcause_world import ALERT, metrics

STEADY = [1.0, 1.04, 0.98, 1.02, 0.97] * 4
Values = dict[tuple[str, str], Sequence[float]]


def series(usual: float, now: float) -> list[float]:
    """Twenty usual samples, and two of the window."""
    return [*(usual * each for each in STEADY), now, now * 1.02]


def ranked(values: Values, calls: Sequence[tuple[str, str]] = ()) -> Analysis:
    return analyse(Telemetry(metrics=metrics(values), topology=tuple(calls)), ALERT)


def first(values: Values, calls: Sequence[tuple[str, str]] = ()) -> str:
    return ranked(values, calls).causes[0].service


def strength(found: Analysis, service: str) -> float:
    return next(cause.strength for cause in found.causes if cause.service == service)


def test_of_those_who_lose_the_same_time_the_innermost_is_first() -> None:
    """Nobody knows who calls whom: each of them waits a tenth of a second longer."""
    values: Values = {
        ("web", "latency_p50"): series(0.080, 0.180),
        ("shop", "latency_p50"): series(0.030, 0.130),
        ("stock", "latency_p50"): series(0.005, 0.105),
    }
    assert [cause.service for cause in ranked(values).causes] == ["stock", "shop", "web"]


def test_what_follows_the_load_is_not_a_cause() -> None:
    values: Values = {
        ("web", "workload"): series(10.0, 20.0), ("web", "cpu"): series(20.0, 40.0),
        ("shop", "workload"): series(10.0, 10.0), ("shop", "cpu"): series(20.0, 40.0),
    }  # fmt: skip
    found = ranked(values)
    assert found.causes[0].service == "shop"
    assert strength(found, "web") < 0.3


def test_an_answer_in_a_fraction_of_the_time_is_work_left_undone() -> None:
    def shop(now: float) -> Analysis:
        return ranked(
            {
                ("web", "latency_p50"): series(0.08, 0.08), ("web", "workload"): series(9.0, 9.0),
                ("shop", "latency_p50"): series(0.05, now), ("shop", "workload"): series(9.0, 9.0),
            }
        )  # fmt: skip

    assert shop(0.004).causes[0].service == "shop"
    assert strength(shop(0.004), "shop") > 2 * strength(shop(0.03), "shop") > 0


def test_a_shorter_time_with_fewer_requests_says_less() -> None:
    """The slow ones among its requests may be those that no longer come."""
    kept: Values = {
        ("shop", "latency_p50"): series(0.05, 0.01), ("shop", "workload"): series(9.0, 9.0),
    }  # fmt: skip
    fewer = {**kept, ("shop", "workload"): series(9.0, 2.0)}
    assert strength(ranked(fewer), "shop") < strength(ranked(kept), "shop") / 2


@pytest.mark.parametrize("idle", [[0.0, 0.0], []])
def test_a_time_of_nothing_is_nobody_asking(idle: list[float]) -> None:
    found = ranked(
        {
            ("shop", "latency_p50"): [*series(0.05, 0.05)[:-2], *idle],
            ("web", "cpu"): series(5.0, 5.0),
        }
    )
    assert found.outcome is Outcome.NONE


def test_what_most_services_show_at_once_is_no_sign_of_one_of_them() -> None:
    """Everybody writes to disk; one uses more of its processor, by less."""
    names = ["web", "shop", "stock", "mail", "cart"]
    values: Values = {
        (name, "disk_writes"): series(10.0, 300.0 + n) for n, name in enumerate(names)
    }
    values |= {(name, "cpu"): series(20.0, 90.0 if name == "mail" else 20.0) for name in names}
    assert first(values) == "mail"


def test_connections_held_for_as_long_as_a_wait_are_no_cause() -> None:
    calls = [("web", "shop")]
    values: Values = {
        ("web", "latency_p50"): series(0.10, 0.90), ("web", "sockets"): series(20.0, 180.0),
        ("shop", "latency_p50"): series(0.05, 0.85), ("shop", "sockets"): series(20.0, 20.0),
    }  # fmt: skip
    assert first(values, calls) == "shop"
    more = {**values, ("shop", "sockets"): series(20.0, 2000.0)}
    assert strength(ranked(more, calls), "shop") > strength(ranked(values, calls), "shop")
    unslowed = {**values, ("web", "latency_p50"): series(0.1, 0.1), ("shop", "latency_p50"): STEADY}
    assert ranked(unslowed, calls).causes[0].kind is EvidenceKind.RESOURCE


def test_who_waits_too_long_gives_up_and_the_slow_callee_is_the_cause() -> None:
    values: Values = {
        ("web", "errors"): [0.0] * 20 + [9.0, 9.0],
        ("shop", "errors"): [0.0] * 22,
        ("shop", "latency_p95"): series(0.04, 2.0),
    }
    assert first(values, [("web", "shop")]) == "shop"
    assert (
        first({**values, ("shop", "latency_p95"): series(0.04, 0.04)}, [("web", "shop")]) == "web"
    )


def test_a_callee_that_answers_sooner_makes_nobody_wait() -> None:
    values: Values = {
        ("web", "latency_p50"): series(0.05, 0.90),
        ("shop", "latency_p50"): series(0.03, 0.004),
    }
    assert first(values, [("web", "shop")]) == "web"


SLOW, WELL = series(0.03, 0.4), series(0.03, 0.03)
CALLS = [("web", "shop"), ("web", "mail"), ("shop", "stock"), ("mail", "stock"), ("mail", "smtp")]


def test_a_service_that_only_its_callers_find_slow_is_the_cause() -> None:
    """What the network adds is not in the time that the service itself measures."""
    values: Values = {
        (name, "latency_p90"): SLOW if name in ("web", "shop", "mail") else WELL
        for name in ("web", "shop", "mail", "stock", "smtp")
    }
    found = ranked(values, CALLS)
    assert (found.causes[0].service, found.causes[0].kind) == ("stock", EvidenceKind.NETWORK_GAP)
    assert "mail, shop" in found.causes[0].statement


@pytest.mark.parametrize(
    ("slow", "cause"), [({"web", "shop"}, "shop"), ({"web", "shop", "mail", "stock"}, "stock")]
)
def test_one_caller_alone_or_a_callee_that_is_slow_itself_is_as_before(
    slow: set[str], cause: str
) -> None:
    values: Values = {
        (name, "latency_p90"): SLOW if name in slow else WELL
        for name in ("web", "shop", "mail", "stock", "smtp")
    }
    found = ranked(values, CALLS)
    assert (found.causes[0].service, found.causes[0].kind) == (cause, EvidenceKind.LATENCY)
