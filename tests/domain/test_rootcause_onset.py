"""Since when something is wrong is found where the alert does not say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.onset import dated
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.types import Alert
from tests.domain.rootcause_world import ALERT, AT, Spans, request, traces

BEGAN = 4_000.0
UNTOLD = replace(ALERT, onset=None)


def outage(*, minutes: float, began: float = BEGAN, own: float = 0.400) -> Telemetry:
    """Half an hour as usual, then a shop that has become slow, for so many minutes."""
    early = traces(began - 1_800, began, request())
    late = traces(began, began + 60 * minutes, request(own=own))
    return Telemetry(spans=Spans(early.rows + late.rows).table())


def since(alert: Alert, telemetry: Telemetry) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    told, said = dated(alert, telemetry)
    return told.onset, said


@pytest.mark.parametrize("minutes", [4, 10, 20])
def test_a_late_alert_is_dated_back_to_when_things_changed(minutes: float) -> None:
    alert = replace(UNTOLD, at=BEGAN + 60 * minutes)
    onset, said = since(alert, outage(minutes=minutes))
    assert onset is not None
    assert BEGAN - 60 <= onset[0] <= BEGAN + 15
    assert said[0].startswith("The alert does not say since when. By what has changed, it began")


@pytest.mark.parametrize("minutes", [3, 12])
def test_the_cause_is_found_however_long_the_alert_has_waited(minutes: float) -> None:
    found = analyse(outage(minutes=minutes), replace(UNTOLD, at=BEGAN + 60 * minutes))
    assert (found.outcome.value, found.causes[0].service) == ("found", "shop")


def test_what_was_sent_with_the_alert_stands() -> None:
    assert dated(ALERT, outage(minutes=10)) == (ALERT, ())


def test_where_nothing_has_changed_the_last_two_evaluations_are_looked_at() -> None:
    calm = outage(minutes=10, own=0.010)
    last = float(calm.spans.start.max())
    onset, said = since(replace(UNTOLD, at=last), calm)
    assert (onset, said) == ((last - 120, last - 120), ())


def test_an_alert_that_came_after_all_samples_is_of_the_last_of_them() -> None:
    known = outage(minutes=3, own=0.010)
    last = float(known.spans.start.max())
    onset, said = since(replace(UNTOLD, at=last + 600), known)
    assert (onset, said) == ((last - 120, last - 120), ())


def test_a_window_that_was_asked_for_bounds_it_and_hides_nothing_before() -> None:
    began = BEGAN + 600
    window = (began - 1_800, began + 600)
    alert = replace(UNTOLD, at=began + 300, window=window)
    onset, said = since(alert, outage(minutes=10, began=began))
    assert onset is not None
    assert began - 60 <= onset[0] <= began + 15
    assert said


def test_one_thing_that_changed_among_many_is_chance() -> None:
    rng = np.random.default_rng(1)
    spans = Spans()
    for number, at in enumerate(np.arange(BEGAN - 1_800, BEGAN, 2.0)):
        for service in ("web", "shop", "stock"):
            slow = 3.0 if service == "stock" and at > BEGAN - 900 else 1.0
            took = 0.01 * slow * float(rng.lognormal(0, 0.3))
            spans.add(f"t{number}", service, "", service, "GET /", float(at), took)
    onset, said = since(replace(UNTOLD, at=BEGAN), Telemetry(spans=spans.table()))
    assert onset is not None
    assert onset[0] > BEGAN - 200
    assert not said


def test_without_any_telemetry_the_alert_stays_as_it_is() -> None:
    assert since(replace(UNTOLD, at=AT), Telemetry()) == (None, ())
