"""Systems that speak otherwise: statuses of any vocabulary, counters, services that are gone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from practice.domain.incident_panels import panels
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.invocations import is_ill
from practice.domain.rootcause.metrics import Role, role, series
from practice.domain.rootcause.robust import excess
from practice.domain.rootcause.telemetry import Labels, LogTable, Telemetry, floats
from practice.domain.rootcause.types import EdgeKind, EvidenceKind, NodeKind
from tests.domain.rootcause_world import ALERT, AT, BEGIN, Spans, metrics, request, traces, world

CALM = [5.0, 6.0, 5.5, 6.2, 5.1] * 4


@pytest.mark.parametrize(
    "status",
    ["", "ok", "OK", "UNSET", "STATUS_CODE_OK", "0", "200", "302.0", "null", "success", "false"],
)
def test_a_status_may_say_in_many_ways_that_all_is_well(status: str) -> None:
    assert not is_ill(status)


@pytest.mark.parametrize(
    "status",
    ["error", "ERROR", "STATUS_CODE_ERROR", "2", "500", "503.0", "404", "UNAVAILABLE", "true"],
)
def test_a_status_may_say_in_many_ways_that_something_went_wrong(status: str) -> None:
    assert is_ill(status)


@pytest.mark.parametrize(("well", "ill"), [("", "error"), ("0", "2"), ("200", "500")])
def test_spans_that_fail_point_at_the_service_where_failing_begins(well: str, ill: str) -> None:
    def failing(spans: Spans, trace: str, at: float) -> None:
        request()(spans, trace, at)
        kept = {"w", "wc", "s", "sc"}  # web and the shop fail, the stock does not
        for place in range(len(spans.rows)):
            row = spans.rows[place]
            if row[0] == trace:
                spans.rows[place] = (*row[:7], ill if row[1] in kept else well)

    def good(spans: Spans, trace: str, at: float) -> None:
        request()(spans, trace, at)
        spans.rows[-6:] = [(*row[:7], well) for row in spans.rows[-6:]]

    window, reference = world(failing, good)
    top = analyse(window, ALERT, reference=reference).causes[0]
    assert (top.service, top.kind) == ("shop", EvidenceKind.OWN_ERROR)
    assert f"status {ill}" in top.statement


def test_a_counter_is_read_as_its_rate() -> None:
    rising = [float(n) for n in range(0, 2_000, 100)]
    table = metrics(
        {
            ("web", "requests_total"): [*rising, 2_000.0, 2_100.0],
            ("shop", "cpu_seconds_total"): [*rising, 2_900.0, 3_900.0],
        }
    )
    rates = {one.service: one.value for one in series(table)}
    assert set(rates["web"].tolist()) == {100.0 / 60.0}
    found = analyse(Telemetry(metrics=table), ALERT)
    assert found.causes[0].service == "shop"
    assert found.causes[1].strength == 0.0


def test_a_counter_is_drawn_as_the_rate_it_is_read_as() -> None:
    rising = [float(n) for n in range(0, 2_000, 100)]
    table = metrics(
        {("web", "requests_total"): [*rising, 2_900.0, 3_900.0], ("web", "cpu_pct"): [*CALM, 5, 6]}
    )
    telemetry = Telemetry(metrics=table)
    drawn = {one["metric"]: one for one in panels(telemetry, analyse(telemetry, ALERT))["metrics"]}
    rate, gauge = drawn["requests_total"], drawn["cpu_pct"]
    assert (rate["is_rate"], gauge["is_rate"]) == (True, False)
    assert rate["was"] == pytest.approx(100.0 / 60.0)
    assert rate["now"] == pytest.approx(1_000.0 / 60.0)


def test_what_lasts_began_with_its_first_sample_and_not_with_its_worst() -> None:
    usual = np.sort(np.array(CALM))
    values = np.array([5.0, 50.0, 60.0, 97.0, 99.0, 98.0, 99.0])
    found = excess(values, np.array(CALM), np.zeros(0), usual)
    assert (found.start, found.began) == (3, 1)
    quiet = excess(np.array([5.0, 5.5]), np.array(CALM), np.zeros(0), usual)
    assert (quiet.weight, quiet.began) == (0.0, 0)


def test_a_counter_that_starts_anew_does_not_fall() -> None:
    table = metrics({("web", "requests_total"): [100.0, 200.0, 300.0, 50.0, 150.0]})
    (one,) = series(table)
    assert (one.value >= 0).all()


def test_a_gauge_with_a_counters_name_stays_as_it_is() -> None:
    table = metrics({("web", "thread_count"): [100.0, 90.0, 110.0, 95.0]})
    (one,) = series(table)
    assert one.value.tolist() == [100.0, 90.0, 110.0, 95.0]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("http_client_request_duration_seconds_p95", Role.CALL_LATENCY),
        ("rpc.client.duration.p50", Role.CALL_LATENCY),
        ("upstream_rt_ms_50", Role.CALL_LATENCY),
        ("http_server_request_duration_seconds_p95", Role.LATENCY),
        ("NodeCpuUsageRate(%)", Role.HOST),
        ("kube_pod_container_status_restarts_total", Role.RESTARTS),
        ("container_cpu_cfs_throttled_periods_total", Role.RESOURCE),
        ("jvm_process_cpu_load", Role.RESOURCE),
        ("workload", Role.WORKLOAD),
        ("load", Role.WORKLOAD),
        ("system_load1", Role.RESOURCE),
        ("MemoryUsage(Mi)", Role.RESOURCE),
        ("FsWriteRate(B/s)", Role.RESOURCE),
        ("container-sockets", Role.RESOURCE),
        ("system.network.io.receive", Role.NETWORK),
        ("container_network_receive_packets_dropped_total", Role.ERRORS),
    ],
)
def test_a_metrics_role_is_told_from_its_name_in_any_dialect(name: str, what: Role) -> None:
    assert role(name) is what


def _without_the_stock(spans: Spans, trace: str, at: float) -> None:
    """The shop's call is made and nobody answers, so the shop and web fail."""
    request()(spans, trace, at)
    spans.rows[-6:] = [
        (*row[:7], "error") for row in spans.rows[-6:] if row[3] != "stock"
    ]  # fmt: skip


def test_calls_that_nobody_answers_point_at_the_service_that_is_gone() -> None:
    window, reference = world(_without_the_stock)
    top = analyse(window, ALERT, reference=reference).causes[0]
    assert (top.service, top.kind) == ("stock", EvidenceKind.SILENCE)
    assert "went unanswered" in top.statement


def test_a_callee_that_is_gone_is_told_where_all_calls_have_one_name() -> None:
    """Web calls shop and bank by the same client, and who does not answer is not named."""

    def good(spans: Spans, trace: str, at: float) -> None:
        spans.add(trace, "w", "", "web", "GET /", at, 0.09)
        for number, callee in enumerate(("shop", "bank")):
            begin = at + 0.04 * number
            spans.add(trace, f"c{callee}", "w", "web", "HTTP POST", begin, 0.03)
            spans.add(trace, callee, f"c{callee}", callee, "POST", begin + 0.001, 0.02)

    def bad(spans: Spans, trace: str, at: float) -> None:
        good(spans, trace, at)
        spans.rows[-5:] = [
            (*row[:7], "error" if row[1] in ("w", "cbank") else row[7])
            for row in spans.rows[-5:] if row[3] != "bank"
        ]  # fmt: skip

    window, reference = world(bad, good)
    top = analyse(window, ALERT, reference=reference).causes[0]
    assert (top.service, top.kind) == ("bank", EvidenceKind.SILENCE)


def test_resource_samples_that_stop_while_others_go_on_say_that_a_pod_is_gone() -> None:
    table = metrics(
        {("stock", "cpu_pct"): [*CALM, 5, 6, 5, 6], ("web", "cpu_pct"): [*CALM, 5, 6, 5, 6]},
        every=15.0,
    )
    gone = table.service.is_name("stock") & (table.ts > BEGIN - 50)
    kept = replace(
        table, ts=table.ts[~gone], value=table.value[~gone], service=table.service.taken(~gone),
        pod=table.pod.taken(~gone), metric=table.metric.taken(~gone),
    )  # fmt: skip
    late = replace(ALERT, onset=(BEGIN - 50, BEGIN))
    found = analyse(Telemetry(metrics=kept), late)
    assert (found.causes[0].service, found.causes[0].kind) == ("stock", EvidenceKind.SILENCE)
    assert np.isfinite(found.causes[0].strength)


@pytest.mark.parametrize(("usual", "service"), [(5.0, "stock"), (0.0, "web")])
def test_a_pod_that_uses_nothing_any_more_is_gone_unless_it_often_did(
    usual: float, service: str
) -> None:
    table = metrics(
        {
            ("stock", "cpu_pct"): [*[usual, 5.0, 6.0, 5.5] * 5, 0.0, 0.0, 0.0, 0.0],
            ("web", "cpu_pct"): [*CALM, 9.0, 9.0, 9.0, 9.0],
        },
        every=15.0,
    )
    found = analyse(Telemetry(metrics=table), replace(ALERT, onset=(BEGIN - 35, BEGIN)))
    assert found.causes[0].service == service
    assert (found.causes[0].kind is EvidenceKind.SILENCE) == (service == "stock")


def test_failures_that_are_only_counted_are_charged_to_the_callee_that_fails_as_well() -> None:
    table = metrics(
        {
            ("web", "errors"): [0.0] * 20 + [9.0, 9.0],
            ("shop", "errors"): [0.0] * 20 + [9.0, 9.0],
        }
    )
    telemetry = Telemetry(metrics=table, topology=(("web", "shop"),))
    found = analyse(telemetry, ALERT)
    assert [cause.service for cause in found.causes] == ["shop", "web"]


def test_hosts_are_in_the_graph_where_telemetry_names_them() -> None:
    window, reference = world(request(own=0.3))
    placed = replace(window, hosts=(("shop-1", "node-7"), ("stock-1", "node-7"), ("x", "node-8")))
    found = analyse(placed, ALERT, reference=reference)
    assert [node.name for node in found.nodes if node.kind is NodeKind.HOST] == ["node-7"]
    runs = {(edge.source, edge.target) for edge in found.edges if edge.kind is EdgeKind.RUNS_ON}
    assert runs == {("pod:shop-1", "host:node-7"), ("pod:stock-1", "host:node-7")}


def test_time_in_a_store_that_nobody_traces_is_not_the_callers_own() -> None:
    window, reference = world(request(own=0.3))
    slow = metrics(
        {
            ("store", "query_latency_p95"): [*CALM, 250.0, 260.0],
            ("web", "cpu_pct"): [*CALM, 5.0, 6.0],
        }
    )
    mapped = replace(window, metrics=slow, topology=(("shop", "store"), ("shop", "stock")))
    assert analyse(mapped, ALERT, reference=reference).causes[0].service == "store"
    alone = replace(window, metrics=slow, topology=(("stock", "store"),))
    assert analyse(alone, ALERT, reference=reference).causes[0].service == "shop"


def _lines(spans: Spans, *, ill_since: float) -> LogTable:
    """The stock keeps no spans: its lines name the shop's span, and tell of errors at last."""
    rows = [
        (at + 0.006, service, level, trace, span, text)
        for trace, span, _, service, _, at, _, _ in spans.rows
        if span in {"w", "s"}
        for service, level, text in (
            [("web", "info", "page sent")]
            if span == "w"
            else [
                ("shop", "info", "order taken"),
                ("stock", "error", "shelf lost")
                if at >= ill_since
                else ("stock", "info", "shelf read"),
            ]
        )
    ]
    columns = list(zip(*rows, strict=True))
    blank = Labels.of("" for _ in rows)
    return LogTable(
        floats(columns[0]), Labels.of(columns[1]), blank, Labels.of(columns[2]), blank,
        Labels.of(columns[3]), Labels.of(columns[4]), list(columns[5]),
    )  # fmt: skip


def _untraced_stock(spans: Spans, trace: str, at: float) -> None:
    request()(spans, trace, at)
    spans.rows[-6:] = [row for row in spans.rows[-6:] if row[3] != "stock"]


def test_lines_of_a_service_without_spans_are_not_those_of_the_span_that_called_it() -> None:
    usual = traces(0.0, 200.0, _untraced_stock)
    early = traces(BEGIN - 60, BEGIN, _untraced_stock)
    late = Spans(early.rows + traces(BEGIN + 20, AT, _untraced_stock).rows)
    window = Telemetry(spans=late.table(), logs=_lines(late, ill_since=BEGIN))
    calm = Telemetry(spans=usual.table(), logs=_lines(usual, ill_since=AT))
    assert analyse(window, ALERT, reference=calm).causes[0].service == "stock"


def test_names_of_services_may_hold_spaces() -> None:
    window, reference = world(request(own=0.400))
    plain = analyse(window, ALERT, reference=reference)

    def spaced(telemetry: Telemetry) -> Telemetry:
        names = tuple(f"{name} of ours" for name in telemetry.spans.service.names)
        service = Labels(telemetry.spans.service.codes, names)
        return replace(telemetry, spans=replace(telemetry.spans, service=service))

    alert = replace(ALERT, entry=f"{ALERT.entry} of ours")
    found = analyse(spaced(window), alert, reference=spaced(reference))
    assert [cause.service for cause in found.causes] == [
        f"{cause.service} of ours" for cause in plain.causes
    ]
    assert found.outcome is plain.outcome
