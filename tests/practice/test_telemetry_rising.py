"""Cumulative histograms, one export at a time as exporters send them: nothing is lost or twice."""

from __future__ import annotations

import gzip
import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from practice.clients import telemetry as neutral
from practice.domain.rootcause.cumulative import differenced, kept_as
from practice.domain.rootcause.telemetry import Labels, MetricTable, floats
from practice.models import TelemetryFile
from practice.orchestrator.telemetry import gathered
from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, source_create
from tests.practice.outages import BEGAN, alert, read_in

Point = tuple[float, int, float]


def export(at: float, count: int, total: float, *, start: float = BEGAN - 600) -> bytes:
    """What a program sends once a minute: all it has counted since it began."""
    point = {
        "startTimeUnixNano": f"{start * 1e9:.0f}",
        "timeUnixNano": f"{at * 1e9:.0f}",
        "count": str(count),
        "sum": total,
    }
    told = {"aggregationTemporality": 2, "dataPoints": [point]}
    home = {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]}
    scope = {"metrics": [{"name": "request.duration", "histogram": told}]}
    shape = {"resourceMetrics": [{"resource": home, "scopeMetrics": [scope]}]}
    return json.dumps(shape).encode()


def minute(number: int) -> float:
    return BEGAN + 60 * number


def sent(workspace: Any, exports: list[bytes]) -> Any:
    source = source_create(workspace=workspace, name="Shop", by=None)
    for data in exports:
        file_send(source=source, kind="metrics", name="otlp-metrics.json", data=data, by=None)
    return source


def found_in(workspace: Any, source: Any) -> dict[str, list[tuple[float, float]]]:
    incident = incident_create(workspace=workspace, alert=alert(), source=source, by=None)
    window = (datetime.fromtimestamp(BEGAN + by, UTC) for by in (-1_800, 1_800))
    known, notes = gathered(incident, *window)
    assert notes == ()
    found: dict[str, list[tuple[float, float]]] = {}
    table = known.metrics
    for row in range(len(table)):
        found.setdefault(table.metric[row], []).append((table.ts[row], table.value[row]))
    return {name: sorted(samples) for name, samples in found.items()}


MEANS = {
    "request.duration_calls": [(minute(1), 5.0), (minute(2), 0.0), (minute(3), 10.0)],
    "request.duration_mean": [(minute(1), 0.4), (minute(3), 2.0)],
}
EXPORTS = [
    export(minute(0), 10, 1.0),
    export(minute(1), 15, 3.0),
    export(minute(2), 15, 3.0),
    export(minute(3), 25, 23.0),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_difference_is_taken_across_requests_in_whatever_order_they_are_read(
    workspace: Any, seed: int
) -> None:
    order = random.Random(seed)
    source = sent(workspace, order.sample(EXPORTS, len(EXPORTS)))
    files = list(TelemetryFile.objects.all())
    assert [read_in(row).status for row in order.sample(files, len(files))] == ["done"] * 4
    assert found_in(workspace, source) == MEANS


def test_an_export_that_is_sent_again_is_stored_once(workspace: Any) -> None:
    packed = [gzip.compress(data, mtime=number) for number, data in enumerate(EXPORTS)]
    again = [gzip.compress(data, mtime=99) for data in EXPORTS]  # as exporters pack it anew
    source = sent(workspace, [*packed, *again, *EXPORTS])
    assert TelemetryFile.objects.count() == len(EXPORTS)
    for row in TelemetryFile.objects.all():
        read_in(row)
    assert found_in(workspace, source) == MEANS


def test_a_point_that_comes_in_two_exports_counts_once(workspace: Any) -> None:
    both = json.loads(EXPORTS[0])
    both["resourceMetrics"] += json.loads(EXPORTS[1])["resourceMetrics"]
    source = sent(workspace, [json.dumps(both).encode(), *EXPORTS[1:]])
    for row in TelemetryFile.objects.all():
        read_in(row)
    assert found_in(workspace, source) == MEANS


def rises(*points: tuple[float, int, float, float]) -> list[tuple[str, float, float]]:
    """What becomes of points (at, count, sum, start) of one series."""
    rows = [
        (at, kept_as("d", "{}", part, start), value)
        for at, count, total, start in points
        for part, value in (("count", float(count)), ("sum", total))
    ]
    size = len(rows)
    table = differenced(
        MetricTable(
            floats(at for at, *_ in rows),
            Labels.of(["web"] * size),
            Labels.of([""] * size),
            Labels.of([name for _, name, _ in rows]),
            floats(value for *_, value in rows),
        )
    )
    return sorted((table.metric[n], table.ts[n], table.value[n]) for n in range(len(table)))


NOT_SAID = float("nan")


def test_a_program_that_began_anew_counts_from_nothing() -> None:
    """Even where it has counted more since than the one before it had."""
    anew = rises((60, 10, 10.0, 0), (120, 30, 60.0, 90))
    assert anew == [("d_calls{}", 120.0, 30.0), ("d_mean{}", 120.0, 2.0)]
    unsaid = rises((60, 10, 10.0, NOT_SAID), (120, 4, 8.0, NOT_SAID))
    assert unsaid == [("d_calls{}", 120.0, 4.0), ("d_mean{}", 120.0, 2.0)]


def test_two_programs_of_one_name_are_not_taken_for_one_that_begins_anew() -> None:
    both = rises((60, 10, 10.0, 0), (70, 900, 90.0, 5), (120, 12, 14.0, 0), (130, 901, 93.0, 5))
    assert both == [
        ("d_calls{}", 120.0, 2.0),
        ("d_calls{}", 130.0, 1.0),
        ("d_mean{}", 120.0, 2.0),
        ("d_mean{}", 130.0, 3.0),
    ]


def test_the_first_point_only_begins_an_interval() -> None:
    assert rises((60, 10, 10.0, 0)) == []


def test_a_name_that_only_looks_like_one_is_left_as_it_is() -> None:
    names = ["a\x1fb", "a\x1fb\x1fcount\x1fsoon", "a\x1fb\x1fmean\x1f1", "cpu"]
    table = MetricTable(
        floats([1, 1, 1, 1]), Labels.of([""] * 4), Labels.of([""] * 4), Labels.of(names),
        floats([1, 2, 3, 4]),
    )  # fmt: skip
    assert differenced(table) is table


def test_exports_in_the_folder_of_a_case_are_read_the_same(tmp_path: Path) -> None:
    for number, data in enumerate(EXPORTS):
        (tmp_path / f"metrics-{number}.json").write_bytes(data)
    found, notes = neutral.telemetry(tmp_path)
    assert notes == ()
    assert sorted(zip(found.metrics.ts.tolist(), found.metrics.value.tolist(), strict=True)) == (
        sorted(pair for pairs in MEANS.values() for pair in pairs)
    )
