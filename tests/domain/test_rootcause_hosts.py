"""A host is named as the cause where what runs on it degrades together and its metrics say why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import ranking
from practice.domain.rootcause.telemetry import Labels, MetricTable
from practice.domain.rootcause.types import (
    Analysis,
    EdgeKind,
    EvidenceKind,
    NodeKind,
    Outcome,
    Verdict,
)
from tests.domain.rootcause_world import ALERT, Request, Spans, metrics, request, world

CALM = [22.0, 25.0, 21.5, 24.2, 23.1] * 4
BUSY, STILL = [97.0, 98.0], [23.0, 24.0]
SHARED = (("web-1", "node-1"), ("shop-1", "node-7"), ("stock-1", "node-7"))


def both_slow(*, stock: bool = True) -> Request:
    """The shop and the stock each need longer by themselves."""
    return request(own=0.3, stock=0.2 if stock else 0.005)


def of_hosts(values: dict[tuple[str, str], Sequence[float]]) -> MetricTable:
    """(host, metric) → samples that name a host and nothing else."""
    table = metrics(values)
    return replace(table, service=Labels.of("" for _ in range(len(table))), pod=table.service)


def joined(*tables: MetricTable) -> MetricTable:
    def names(column: str) -> Labels:
        return Labels.of(
            getattr(table, column)[row] for table in tables for row in range(len(table))
        )

    return MetricTable(
        ts=np.concatenate([table.ts for table in tables]),
        service=names("service"),
        pod=names("pod"),
        metric=names("metric"),
        value=np.concatenate([table.value for table in tables]),
    )


def found(
    table: MetricTable,
    *,
    each: Request | None = None,
    hosts: tuple[tuple[str, str], ...] = SHARED,
) -> Analysis:
    window, reference = world(each or both_slow())
    return analyse(replace(window, metrics=table, hosts=hosts), ALERT, reference=reference)


def starved(samples: Sequence[float] = BUSY) -> MetricTable:
    return of_hosts({("node-7", "cpu_pct"): [*CALM, *samples], ("node-1", "cpu_pct"): CALM})


def test_it_names_the_host_and_how_it_came_there() -> None:
    answer = found(starved())
    top = answer.causes[0]
    assert (top.node, top.service, answer.outcome) == ("host:node-7", "", Outcome.FOUND)
    assert top.kind in {EvidenceKind.RESOURCE, EvidenceKind.SELF_TIME}
    assert "host node-7" in top.statement
    assert ranking(answer)[0] == "node-7"
    said = [one.statement for one in answer.evidence if one.node == "host:node-7"]
    assert any(text.startswith("cpu_pct of host node-7 went to 98") for text in said)
    assert any("services on host node-7 lose time together" in text for text in said)
    (visit,) = [one for one in answer.visits if one.node == "host:node-7"]
    assert visit.verdict is Verdict.OWN
    assert top.path[-1].target == "host:node-7"
    assert top.path[-1].structure
    (node,) = [one for one in answer.nodes if one.node_id == "host:node-7"]
    assert (node.kind, node.anomaly > 0, node.metrics[0].metric) == (NodeKind.HOST, True, "cpu_pct")
    calls = {edge.target for edge in answer.edges if edge.kind is EdgeKind.CALLS}
    assert "host:node-7" not in calls


def test_a_host_may_be_measured_through_the_pods_on_it() -> None:
    told = metrics(
        {("shop", "node_cpu_pct"): [*CALM, *BUSY], ("stock", "node_cpu_pct"): [*CALM, *BUSY]}
    )
    assert found(told).causes[0].node == "host:node-7"


def test_a_host_may_be_called_like_a_service() -> None:
    hosts = (("shop-1", "shop"), ("stock-1", "shop"), ("web-1", "node-1"))
    table = of_hosts({("shop", "cpu_pct"): [*CALM, *BUSY]})
    assert found(table, hosts=hosts).causes[0].node == "host:shop"


def test_a_noisy_neighbor_is_the_cause_and_not_the_host_it_fills() -> None:
    hog = metrics({("stock", "cpu_pct"): [*CALM, *BUSY]})
    assert found(joined(hog, starved())).causes[0].service == "stock"


def test_one_slow_service_on_a_busy_host_is_its_own_cause() -> None:
    answer = found(starved(), each=both_slow(stock=False))
    assert answer.causes[0].service == "shop"
    assert not any(cause.node.startswith("host:") for cause in answer.causes)


def test_a_host_whose_metrics_are_as_usual_is_no_cause() -> None:
    answer = found(starved(STILL))
    assert answer.causes[0].service in {"shop", "stock"}
    assert not any(cause.node.startswith("host:") for cause in answer.causes)


def test_services_that_run_elsewhere_do_not_blame_the_host() -> None:
    apart = (("shop-1", "node-1"), ("stock-1", "node-7"), ("web-1", "node-1"))
    assert not any(c.node.startswith("host:") for c in found(starved(), hosts=apart).causes)


def test_a_busy_host_alone_is_no_incident() -> None:
    answer = found(starved(), each=request())
    assert answer.outcome is Outcome.NONE


def test_a_host_that_is_busy_only_after_its_services_are_slow_is_their_victim() -> None:
    slow = [0.05] * 17 + [3.0] * 5  # begins three samples before the window's last two
    latency = metrics({(name, "server_p95_s"): slow for name in ("shop", "stock")})
    window, reference = world(request())
    table = joined(latency, starved())
    early = replace(ALERT, onset=(ALERT.at - 400.0, ALERT.at - 300.0))
    answer = analyse(
        replace(window, metrics=table, spans=Spans().table(), hosts=SHARED), early,
        reference=replace(reference, spans=Spans().table()),
    )  # fmt: skip
    assert not any(cause.node.startswith("host:") for cause in answer.causes)
