"""Log lines in no trace: statements that fall behind those they kept step with."""

from __future__ import annotations

import random

import numpy as np
import pytest

from practice.domain.rootcause.drain import statements
from practice.domain.rootcause.tallies import fallen
from practice.domain.rootcause.telemetry import LogTable
from practice.domain.rootcause.types import EvidenceKind
from tests.domain.rootcause_world import BEGIN, logs


def lines(
    begin: float, end: float, *, finished: float = 1.0, browsing: float = 1.0, seed: int = 5
) -> list[tuple[float, str, str, str]]:
    """Orders that begin and, by ``finished``, end; and visitors, ``browsing`` as many as usual."""
    source, rows, at = random.Random(seed), [], begin
    while (at := at + source.expovariate(0.5)) < end:
        rows.append((at, "shop", "INFO", "order began"))
        if source.random() < finished:
            rows.append((at + 0.1, "shop", "INFO", "all is paid"))
    at = begin
    while (at := at + source.expovariate(0.5 * browsing)) < end:
        rows.append((at, "shop", "INFO", "somebody looks around here"))
    return rows


def found(after: list[tuple[float, str, str, str]]) -> list[str]:
    table = logs([*lines(BEGIN - 600, BEGIN), *after])
    every = np.ones(len(table), dtype=np.bool_)
    return [
        f"{one.service} {one.kind} {one.references[0]}"
        for one in fallen(table, statements(table), every, None, BEGIN, 15.0)
    ]


def test_a_statement_that_no_longer_follows_is_a_missing_step() -> None:
    after = lines(BEGIN, BEGIN + 180, finished=0.3, seed=6)
    assert found(after) == [f"shop {EvidenceKind.MISSING_STEP} INFO all is paid"]


@pytest.mark.parametrize("browsing", [0.2, 1.0, 5.0])
def test_another_load_is_no_missing_step(browsing: float) -> None:
    assert found(lines(BEGIN, BEGIN + 180, browsing=browsing, seed=7)) == []


def test_a_service_that_has_gone_silent_lacks_no_step_of_its_own() -> None:
    assert found([(BEGIN + 1, "other", "INFO", "still here")]) == []


def test_the_reference_says_what_is_usual_where_the_time_before_does_not() -> None:
    calm = logs(lines(0.0, 600.0))
    table = logs(lines(BEGIN, BEGIN + 180, finished=0.3, seed=6))

    def every(lines: LogTable) -> np.ndarray:
        return np.ones(len(lines), dtype=np.bool_)

    usual = (calm, statements(calm), every(calm))
    (one,) = fallen(table, statements(table), every(table), usual, BEGIN, 15.0)
    assert (one.service, one.by_rate, one.onset) == ("shop", True, BEGIN)
    assert fallen(table, statements(table), every(table), None, BEGIN, 15.0) == []


def test_a_time_that_is_none_or_far_away_costs_no_other_line_its_count() -> None:
    odd = [(at, "shop", "INFO", "order began") for at in (float("nan"), 1e300, -1e300)]
    after = [*odd, *lines(BEGIN, BEGIN + 180, finished=0.3, seed=6)]
    assert found(after) == [f"shop {EvidenceKind.MISSING_STEP} INFO all is paid"]
