"""Metrics as Prometheus and its clients write them: histograms in parts, counters by any name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.buckets import quantiled
from practice.domain.rootcause.cumulative import differenced
from practice.domain.rootcause.metrics import Role, role, series
from practice.domain.rootcause.telemetry import MetricTable, Telemetry, joined
from practice.domain.rootcause.types import Outcome, Verdict
from tests.domain.rootcause_world import ALERT, metrics

BOUNDS = (0.01, 0.1, 1.0)
TIME = "http_request_duration_seconds"
Values = dict[tuple[str, str], Sequence[float]]


def histogram(service: str, calls: Sequence[float], each: Sequence[float]) -> Values:
    """The counters of a service that is asked ``calls`` times a minute and takes ``each``."""
    counts, took = np.array(calls), np.array(each)
    found = {
        (service, f"{TIME}_bucket{{le={bound:g}}}"): 7 + (counts * (took <= bound)).cumsum()
        for bound in BOUNDS
    }
    found[service, f"{TIME}_bucket{{le=+Inf}}"] = 7 + counts.cumsum()
    found[service, f"{TIME}_count"] = 7 + counts.cumsum()
    found[service, f"{TIME}_sum"] = 0.1 + (counts * took).cumsum()
    return {key: values.tolist() for key, values in found.items()}


def read(values: Values) -> MetricTable:
    return differenced(quantiled(metrics(values)))


def by_name(table: MetricTable) -> dict[str, list[float]]:
    return {one.metric: one.value.tolist() for one in series(table)}


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("http_server_requests_seconds_max", Role.LATENCY),
        ("http_server_requests_seconds_count", Role.WORKLOAD),
        ("http_request_duration_seconds_count", Role.WORKLOAD),
        ("http.server.request.duration_calls{route=/}", Role.WORKLOAD),
        ("http.server.request.duration_mean{route=/}", Role.LATENCY),
        ("http_client_requests_seconds_mean", Role.CALL_LATENCY),
        ("http_client_requests_seconds_count", Role.WORKLOAD),
        ("process_cpu_seconds_total", Role.RESOURCE),
        ("jvm_gc_pause_seconds_sum", Role.RESOURCE),
        ("error_count", Role.ERRORS),
    ],
)
def test_a_time_is_told_from_how_often_it_was_taken(name: str, what: Role) -> None:
    assert role(name) is what


def test_a_histogram_in_parts_says_how_often_and_how_long() -> None:
    found = by_name(read(histogram("web", [10, 10, 20, 10], [0.05, 0.05, 0.05, 0.5])))
    assert found[f"{TIME}_calls"] == [10, 20, 10]
    assert found[f"{TIME}_mean"] == pytest.approx([0.05, 0.05, 0.5])
    assert found[f"{TIME}_p95"] == pytest.approx([0.0955, 0.0955, 0.955])
    assert set(found) == {f"{TIME}_{what}" for what in ("calls", "mean", "p95")}


def test_buckets_of_a_program_that_began_anew_count_from_nothing() -> None:
    values = histogram("web", [10, 10], [0.05, 0.05])
    for (_, name), samples in values.items():
        if "bucket" in name:
            values["web", name] = [*samples, 0.0 if "0.01" in name else 4.0]
    assert by_name(read(values))[f"{TIME}_p95"] == pytest.approx([0.0955, 0.0955])


def test_buckets_that_do_not_say_up_to_where_they_count_are_left_out() -> None:
    table = metrics({("web", f"{TIME}_bucket"): [1.0, 2.0, 3.0], ("web", "cpu"): [1.0, 2.0, 1.0]})
    assert set(by_name(quantiled(table))) == {"cpu"}


def test_a_count_that_falls_each_now_and_then_counts_its_own_interval() -> None:
    calls = [10.0, 12.0, 9.0, 11.0, 8.0, 12.0, 9.0, 11.0]
    table = metrics(
        {("web", f"{TIME}_count"): calls, ("web", f"{TIME}_sum"): [2 * n for n in calls]}
    )
    found = by_name(differenced(table))
    assert found[f"{TIME}_calls"] == calls
    assert found[f"{TIME}_mean"] == [2.0] * 8


def test_more_requests_are_no_longer_requests() -> None:
    calls = [*[100.0, 104.0, 97.0, 101.0] * 5, 250.0, 252.0]
    busy = histogram("web", calls, [0.05] * 22)
    found = analyse(Telemetry(metrics=read(busy)), ALERT)
    assert found.outcome is Outcome.NONE
    (visit,) = found.visits
    assert (visit.verdict, "as it is asked" in visit.reason) == (Verdict.NORMAL, True)


def test_longer_requests_are_found_by_their_histogram() -> None:
    steady, more = [100.0, 104.0, 97.0, 101.0] * 5, [100.0, 103.0]
    slow = histogram("shop", [*steady, *more], [*[0.05] * 20, 0.5, 0.5])
    found = analyse(
        Telemetry(metrics=read(slow | histogram("web", [*steady, 250.0, 252.0], [0.05] * 22))),
        ALERT,
    )
    assert found.causes[0].service == "shop"


@pytest.mark.parametrize("name", ["cpu_usage_usec", "network_rx_bytes", "commit_offset"])
def test_what_only_ever_rises_is_a_counter_by_any_name(name: str) -> None:
    rising = [1e6 + 100.0 * n for n in range(24)]
    (one,) = series(metrics({("web", name): rising}))
    assert set(one.value.tolist()) == {100.0 / 60.0}


def test_what_stood_still_before_it_rose_is_a_gauge() -> None:
    waiting = [*[0.0] * 20, 5.0, 40.0, 90.0, 300.0]
    (one,) = series(metrics({("web", "queue_length"): waiting}))
    assert one.value.tolist() == waiting


def test_memory_that_only_rises_is_a_gauge() -> None:
    """A program that has just begun takes more and more of it."""
    (one,) = series(metrics({("web", "mem_mib"): [20.0 + n for n in range(24)]}))
    assert one.value.tolist() == [20.0 + n for n in range(24)]


def test_a_few_usual_samples_that_rise_are_not_held_against_rates() -> None:
    """A short reference cannot tell a counter from a gauge; the window can."""
    window = metrics({("web", "network_rx_bytes"): [1e6 + 100.0 * n for n in range(24)]})
    usual = metrics({("web", "network_rx_bytes"): [1e3 + 100.0 * n for n in range(10)]})
    found = analyse(Telemetry(metrics=window), ALERT, reference=Telemetry(metrics=usual))
    assert found.causes[0].strength == 0.0


def test_counters_whose_labels_are_lost_add_up() -> None:
    one = metrics({("web", "requests_total"): [100.0, 200.0, 300.0]})
    other = metrics({("web", "requests_total"): [5.0, 10.0, 15.0]})
    (rate,) = series(joined([one, other]))
    assert rate.value.tolist() == pytest.approx([105.0 / 60.0] * 2)


def test_a_trail_to_nobody_seen_is_followed_only_where_nobody_seen_accounts_for_it() -> None:
    steady = [1.0, 1.04, 0.98, 1.02, 0.97] * 4
    table = metrics(
        {
            (name, "net_rx_bytes"): [*(by * each for each in steady), 4 * by, 4 * by]
            for name, by in (("web", 3.0), ("shop", 2.0))
        }
    )
    beside = Telemetry(metrics=table, topology=(("web", "shop"), ("web", "queue")))
    assert analyse(beside, ALERT).outcome is Outcome.NONE
    alone = Telemetry(metrics=table, topology=(("web", "queue"),))
    assert analyse(alone, ALERT).outcome is Outcome.OUTSIDE
