"""Values of root-cause analysis survive the way to JSON and back."""

from __future__ import annotations

import json

import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.serial import from_json, to_json
from practice.domain.rootcause.telemetry import Labels, MetricTable, Telemetry, floats
from practice.domain.rootcause.types import Alert, Analysis, Budget, Fingerprint


def test_an_analysis_comes_back_from_json_as_it_was() -> None:
    minutes = [60.0 * minute for minute in range(20)]
    table = MetricTable(
        floats(minutes),
        Labels.of(["shop"] * 20),
        Labels.of(["shop-1"] * 20),
        Labels.of(["cpu_pct"] * 20),
        floats([5.0, 6.0] * 8 + [90.0] * 4),
    )
    found = analyse(
        Telemetry(metrics=table, topology=(("web", "shop"),)), Alert("a1", 1200.0, "web")
    )
    assert found.evidence
    assert found.causes[0].service == "shop"
    again = from_json(Analysis, json.loads(json.dumps(to_json(found))))
    assert again == found


def test_nested_tuples_and_missing_times_are_read() -> None:
    assert from_json(Fingerprint, {"facts": [["cpu", "up", 7]], "callees": "x"}) == Fingerprint(
        (("cpu", "up", 7),), "x"
    )
    assert from_json(Alert, {"alert_id": "a", "at": 1, "onset": None}) == Alert("a", 1.0)


@pytest.mark.parametrize("data", [{"depth": "ten"}, {"width": 1}, [1], {"visits": None}])
def test_what_does_not_fit_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match=r"Budget|int"):
        from_json(Budget, data)
