"""Telemetry as it comes: broken, partial, absurd. Nothing crashes, and what was wrong is said."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from practice.domain.incident_panels import panels
from practice.domain.rootcause import drain
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.clipping import timely, trimmed
from practice.domain.rootcause.drain import mined, statements
from practice.domain.rootcause.invocations import home_rows, invocations, parent_rows
from practice.domain.rootcause.telemetry import LogTable, Telemetry, floats
from tests.domain.rootcause_world import (
    ALERT,
    AT,
    BEGIN,
    Spans,
    logs,
    metrics,
    request,
    traces,
    world,
)

CALM = [5.0, 6.0, 5.5, 6.2, 5.1] * 4


def test_spans_that_are_their_own_ancestors_are_cut_loose() -> None:
    spans = Spans()
    spans.add("t", "a", "c", "web", "x", BEGIN, 0.1)
    spans.add("t", "b", "a", "shop", "x", BEGIN, 0.1)
    spans.add("t", "c", "b", "stock", "x", BEGIN, 0.1)
    spans.add("t", "d", "d", "stock", "x", BEGIN, 0.1)
    spans.add("t", "e", "d", "web", "x", BEGIN, 0.1)
    assert parent_rows(spans.table()).tolist() == [-1, -1, -1, -1, 3]


def test_services_that_call_each_other_in_a_circle_end() -> None:
    window, reference = world(request(own=0.3))
    circle = replace(window, topology=(("stock", "web"), ("shop", "web"), ("web", "web")))
    found = analyse(circle, ALERT, reference=reference)
    assert found.causes[0].service == "shop"
    assert len(found.visits) == 3


def test_orphans_begin_requests_of_their_own() -> None:
    window, reference = world(request(steps=()))
    spans = window.spans
    lost = np.array([name == "w" for name in spans.parent_id.names])[spans.parent_id.codes]
    names = tuple("gone" if name == "w" else name for name in spans.parent_id.names)
    orphaned = replace(spans, parent_id=replace(spans.parent_id, names=names))
    assert lost.any()
    found = analyse(replace(window, spans=orphaned), ALERT, reference=reference)
    assert found.causes[0].service == "stock"


def test_spans_without_end_and_clocks_that_jump_are_said() -> None:
    window, reference = world(request(own=0.3))
    duration = window.spans.duration.copy()
    duration[::7], duration[1::11] = np.nan, -5.0
    broken = replace(window, spans=replace(window.spans, duration=duration))
    found = analyse(broken, ALERT, reference=reference)
    assert any("never ended" in note for note in found.notes)
    assert any("clock jumped" in note for note in found.notes)
    assert found.causes[0].service == "shop"


def test_metrics_that_are_no_number_are_left_out_and_said() -> None:
    table = metrics({("shop", "cpu_pct"): [*CALM, 97.0, 99.0], ("web", "cpu_pct"): [*CALM, 6.0, 5]})
    value = table.value.copy()
    value[3], value[5] = np.nan, np.inf
    found = analyse(Telemetry(metrics=replace(table, value=value)), ALERT)
    assert "2 metric samples are not numbers and were left out." in found.notes
    assert found.causes[0].service == "shop"


def test_a_change_of_unit_is_a_deviation_but_cannot_be_infinite() -> None:
    table = metrics({("shop", "mem_mib"): [*CALM, 5.0e9, 5.0e9], ("web", "mem_mib"): [*CALM, 5, 6]})
    found = analyse(Telemetry(metrics=table), ALERT)
    assert found.causes[0].service == "shop"
    assert np.isfinite([e.weight for e in found.evidence]).all()


@pytest.mark.parametrize("absurd", [[0.0] * 20 + [1e300] * 2, [1e308, -1e308] * 10 + [1e308] * 2])
def test_values_a_float_can_just_hold_are_drawn_in_numbers_that_json_has(
    absurd: list[float],
) -> None:
    table = metrics({("shop", "cpu_pct"): absurd, ("web", "cpu_pct"): [*CALM, 6.0, 5]})
    telemetry = Telemetry(metrics=table)
    drawn = panels(telemetry, analyse(telemetry, ALERT))
    assert json.dumps(drawn, allow_nan=False)
    assert "web" in {series["node"] for series in drawn["metrics"]}


def test_an_empty_window_is_said() -> None:
    window, reference = world(request())
    late = replace(ALERT, at=AT + 9_000.0, onset=(AT + 8_900.0, AT + 8_960.0))
    found = analyse(window, late, reference=reference)
    assert any("fall into the window" in note for note in found.notes)
    assert (found.outcome, found.visits, found.learned) == ("outside", (), ())
    assert found.statement.startswith("No telemetry falls into the window")


@pytest.mark.parametrize("reference", [None, Telemetry()])
def test_nothing_at_all_has_an_answer(reference: Telemetry | None) -> None:
    found = analyse(Telemetry(), ALERT, reference=reference)
    assert found.causes == ()
    assert found.outcome == "outside"
    assert set(found.missing) == {"metrics", "traces", "logs", "edges"}


def test_a_service_of_one_modality_takes_part() -> None:
    window, reference = world(request())
    lines = [(BEGIN + 30 + n, "mailer", "ERROR", "relay refused") for n in range(60)]
    found = analyse(replace(window, logs=logs(lines)), ALERT, reference=reference)
    assert "mailer" in {cause.service for cause in found.causes}
    node = next(node for node in found.nodes if node.name == "mailer")
    assert list(node.modalities) == ["logs"]


def test_many_log_lines_become_few_templates() -> None:
    messages = [f"user {n} bought {n % 7} items for {n * 3}.50" for n in range(20_000)]
    numbers, texts = mined([*messages, "disk full on /dev/sda1"])
    assert len(texts) == 2
    assert texts[0] == "user <*> bought <*> items for <*>"
    assert set(numbers[:-1]) == {0}


def test_words_that_differ_join_one_template() -> None:
    _, texts = mined(["login of alice ok", "login of bob ok", "cache warm"])
    assert texts == ["login of <*> ok", "cache warm"]


def test_times_beyond_reason_do_no_harm() -> None:
    window, reference = world(request(own=0.3))
    start = window.spans.start.copy()
    start[0], start[1] = 9e18, -9e18
    found = analyse(
        replace(window, spans=replace(window.spans, start=floats(start))),
        ALERT,
        reference=reference,
    )
    assert found.causes[0].service == "shop"


@pytest.mark.parametrize("absurd", [np.nan, 9e18, -9e18])
def test_one_absurd_beginning_leaves_all_others_their_own_time(absurd: float) -> None:
    spans = traces(BEGIN, AT, request()).table()
    start = spans.start.copy()
    start[0] = absurd
    known, found = (
        invocations(
            table,
            LogTable(),
            statements(LogTable()),
            parent_rows(table),
            home_rows(table, LogTable()),
        )
        for table in (spans, replace(spans, start=start))
    )
    others = found.trace != spans.trace_id.codes[0]
    assert others.sum() > 100
    assert found.self_time[others] == pytest.approx(known.self_time[others], abs=1e-9)


def test_what_people_wrote_is_kept_as_one_where_it_is_like_no_statement() -> None:
    words = ["".join("abcdefghij"[int(digit)] for digit in str(n)) for n in range(4_000)]
    lines = [f"chat says {' '.join(words[n::1_000])}" for n in range(300)]
    numbers, texts = mined([*lines, f"{lines[0]}", f"{lines[7]} then"])
    assert len(texts) == 102
    assert texts[100:] == ["<*> <*> <*> <*> <*> <*>", f"{lines[7]} then"]
    assert numbers == [*range(100), *[100] * 200, 0, 101]


def test_lines_that_differ_in_digits_only_are_masked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million of them cost a look-up each and not a search for everything variable."""
    masked: list[str] = []

    class Counted:
        def sub(self, by: str, line: str) -> str:
            masked.append(line)
            return mask.sub(by, line)

    mask = drain._MASK
    monkeypatch.setattr(drain, "_MASK", Counted())
    lines = [f"stored order {n} of 10.0.{n % 9}.7 in {n % 9}.{n % 7} ms" for n in range(1000, 9999)]
    numbers, texts = mined(lines)
    assert len(masked) == 1
    assert (set(numbers), texts) == ({0}, ["stored order <*> of <*> in <*> ms"])
    mined(["id 0x12 gone", "id 9x12 gone"])  # which digit it is matters here
    assert masked[1:] == ["id 0x12 gone", "id 9x12 gone"]


def test_what_is_dated_long_after_the_alert_is_left_out_and_said() -> None:
    table = metrics({("shop", "cpu_pct"): [*CALM, 97.0, 99.0], ("web", "cpu_pct"): [*CALM, 6.0, 5]})
    whole = Telemetry(metrics=table, logs=logs([(AT, "shop", "INFO", "hello")]))
    assert timely(whole, AT) == (whole, ())
    ts = table.ts.copy()
    ts[::2] += 73 * 365.25 * 86_400
    found, notes = timely(replace(whole, metrics=replace(table, ts=ts)), AT)
    assert (len(found.metrics), len(found.logs)) == (len(table) // 2, 1)
    assert notes == (
        "22 of 44 rows of metrics are dated more than a day after the alert, up to 2043-01-01, "
        "and were left out.",
    )
    ts[:] = 1e18
    beyond, notes = timely(replace(whole, metrics=replace(table, ts=ts)), AT)
    assert (len(beyond.metrics), "up to 9999-12-31" in notes[0]) == (0, True)


def test_what_runs_where_outlives_the_cut_to_a_window() -> None:
    known = Telemetry(hosts=(("shop-1", "node-7"),), topology=(("web", "shop"),))
    cut = trimmed(known, BEGIN, AT)
    assert (cut.hosts, cut.topology) == (known.hosts, known.topology)


@pytest.mark.parametrize("parent", ["gone", "t"])
def test_spans_whose_caller_cannot_be_found_are_counted(parent: str) -> None:
    window, reference = world(request(own=0.3))
    names = tuple(parent if name == "sc" else name for name in window.spans.parent_id.names)
    lost = replace(window.spans, parent_id=replace(window.spans.parent_id, names=names))
    found = analyse(replace(window, spans=lost), ALERT, reference=reference)
    count = sum(name == "t" for name in lost.span_id.names) * len(set(lost.trace_id.names))
    assert count
    said = f"{count} of {len(lost)} spans name a caller that cannot be found"
    assert any(note.startswith(said) for note in found.notes)
    assert found.causes[0].service == "shop"


@pytest.mark.parametrize(
    ("shift", "says"),
    [
        (-2.0, "spans begin before their caller does, by 2.0 s as a rule: clocks differ."),
        (3600.0, "s after their caller ended, as a rule: clocks differ, or the calls waited."),
        (0.05, ""),
    ],
)
def test_clocks_that_differ_are_said(shift: float, says: str) -> None:
    window, reference = world(request(own=0.3))
    spans = window.spans
    moved = np.where(spans.service.is_name("stock"), spans.start + shift, spans.start)
    found = analyse(replace(window, spans=replace(spans, start=moved)), ALERT, reference=reference)
    assert [note.endswith(says) for note in found.notes if "clocks differ" in note] == (
        [True] if says else []
    )
    assert found.causes[0].service == "shop"


def test_secrets_in_log_lines_are_in_no_statement() -> None:
    lines = ("login failed password=hunter2secret", "calling with key AKIAIOSFODNN7EXAMPLE")
    table = logs([(AT, "web", "ERROR", line) for line in lines])
    names = " ".join(statements(table).names)
    assert "hunter2secret" not in names
    assert "AKIAIOSFODNN7EXAMPLE" not in names
    assert "login failed" in names
