"""Sets of telemetry in a folder: read, replayed, scored; broken files give one clear line."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from practice.clients import telemetry_sets
from practice.clients.telemetry import UnreadableTelemetry, case, telemetry
from practice.clients.telemetry_columns import Holds, columns
from practice.clients.telemetry_sets import replay, sets_in
from practice.domain.rootcause.evaluation import report

DATA = Path(__file__).parents[1] / "data" / "rca"


@pytest.mark.parametrize("name", ["trainticket-0129", "onlineboutique-0822"])
def test_it_finds_the_fault_of_a_real_case(name: str) -> None:
    (case_set,) = [one for one in sets_in(DATA) if one.name == name]
    found = report(name, list(replay(case_set)), case_set.truths())
    assert (found["cases"], found["r_at_1"], found["mrr"]) == (1, 1.0, 1.0)
    assert found["per_case"][0]["outcome"] == "found"


def test_labels_are_never_read_to_rank(tmp_path: Path) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    (home / "ground_truth.json").unlink()
    (case_set,) = sets_in(home)
    (found,) = replay(case_set)
    assert found.ranked[0] == "paymentservice"
    assert case_set.truths() is None


@pytest.mark.parametrize("kept", ["metrics", "edges"])
def test_any_modality_may_be_missing(tmp_path: Path, kept: str) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    for path in (home / "cases" / "onlineboutique-0822-016").glob("*.gz"):
        if not path.name.startswith(kept):
            path.unlink()
    (found,) = replay(sets_in(home)[0])
    assert len(found.ranked) > 1


def test_a_file_that_is_cut_off_gives_what_came_before_and_a_note(tmp_path: Path) -> None:
    whole = gzip.compress(
        ("ts,service,pod,metric,value\n" + "1,shop,shop-1,cpu,5\n" * 200_000).encode()
    )
    (tmp_path / "metrics.csv.gz").write_bytes(whole[: len(whole) // 2])
    found, notes = telemetry(tmp_path)
    assert 0 < len(found.metrics) < 200_000
    assert "damaged" in notes[0]


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv.gz"
    path.write_bytes(gzip.compress(b"ts,metric,value\n" + b"1,cpu,5\n" * 100_000))
    with pytest.raises(UnreadableTelemetry, match="unpacks to more than the cap"):
        columns(path, {"ts": Holds.NUMBERS}, cap=10_000)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("when,metric,value\n1,cpu,5\n")
    (tmp_path / "edges.csv").write_text("ts,source,target,side,p50_s\n1,web,shop,caller,0.2\n")
    found, notes = telemetry(tmp_path)
    assert (len(found.metrics), len(found.edges)) == (0, 1)
    assert "metrics.csv has no column ts" in notes[0]


def test_rows_that_are_not_whole_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("ts,metric,value\n1,cpu,5\n2,cpu\nx,cpu,y\n")
    found, notes = telemetry(tmp_path)
    assert len(found.metrics) == 2
    assert notes == ("metrics.csv: 1 row not whole, left out",)


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"alert_ts": "noon"}', "{", f'{{"alert_ts": {10**400}}}', "[" * 100_000],
    ids=range(6),
)
def test_an_alert_that_cannot_be_read_says_what_it_must_be(tmp_path: Path, text: str) -> None:
    (tmp_path / "alert.json").write_text(text)
    with pytest.raises(UnreadableTelemetry, match="alert_ts in epoch seconds"):
        case(tmp_path)


def test_one_broken_case_does_not_cost_the_others_their_answer(tmp_path: Path) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    broken = home / "cases" / "a-broken-one"
    broken.mkdir()
    (broken / "alert.json").write_text("{")
    first, second = replay(sets_in(home)[0])
    assert (first.ranked, first.outcome) == ((), "unreadable")
    assert "alert_ts" in first.notes[0]
    assert second.ranked[0] == "paymentservice"


def test_a_file_that_cannot_be_opened_costs_its_case_no_answer(tmp_path: Path) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    (case_home,) = (home / "cases").iterdir()
    (case_home / "logs.csv").mkdir()
    (case_home / "edges.csv.gz").unlink()
    (case_home / "edges.json").mkdir()
    (home / "cases" / "empty").mkdir()
    empty, found = sorted(replay(sets_in(home)[0]), key=lambda one: len(one.ranked))
    assert found.ranked[0] == "paymentservice"
    assert "logs.csv cannot be opened (Is a directory). The other files were used" in found.notes
    assert "edges.json cannot be opened (Is a directory). The other files were used" in found.notes
    assert "a case is a folder with alert.json" in empty.notes[0]


def test_a_topology_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    (home / "topology.csv").write_text("nothing\n")
    (found,) = replay(sets_in(home)[0])
    assert any(note.endswith("Who calls whom was read off the spans") for note in found.notes)


def test_a_case_the_engine_stumbles_over_is_said_and_the_set_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")

    def stumble(*_: object, **__: object) -> None:
        raise IndexError("no row 7")

    monkeypatch.setattr(telemetry_sets, "analyse", stumble)
    (found,) = replay(sets_in(home)[0])
    assert (found.outcome, found.ranked) == ("failed", ())
    assert found.notes == ("it could not be analysed (IndexError: no row 7)",)


def test_trajectories_are_replayed_and_scored_by_step_and_agent(tmp_path: Path) -> None:
    steps = [
        {"i": 0, "agent": "planner", "content": "Please find how many moons the planet Mars has."},
        {"i": 1, "agent": "coder", "content": "```python\nmoons = 7\nprint(moons)\n```" + " " * 60},
        {"i": 2, "agent": "terminal", "content": "exitcode: 0 (execution succeeded)\n7"},
    ]
    (tmp_path / "trajectories.jsonl").write_text(
        json.dumps({"case_id": "t1", "question": "How many moons?", "steps": steps}) + "\n"
    )
    truth = {"case_id": "t1", "mistake_step": 1, "mistake_agent": "coder"}
    (tmp_path / "ground_truth.json").write_text(json.dumps({"cases": [truth]}))
    (case_set,) = sets_in(tmp_path)
    found = report("small", list(replay(case_set)), case_set.truths())
    assert (found["r_at_1"], found["agent_at_1"]) == (1.0, 1.0)


def test_a_line_that_is_no_trajectory_costs_the_others_nothing(tmp_path: Path) -> None:
    step = {"i": 0, "agent": "planner", "content": "Please find how many moons Mars has."}
    good = json.dumps({"case_id": "t1", "steps": [step]})
    rows = f"{good}\nno\n\n[1]\n" + f"{good}\n" * 2_000
    packed = gzip.compress(rows.encode())
    (tmp_path / "trajectories.jsonl.gz").write_bytes(packed[:-40])
    first, second, third, *_, last = replay(sets_in(tmp_path)[0])
    assert (first.case_id, first.outcome != "unreadable") == ("t1", True)
    assert [one.case_id for one in (second, third)] == ["line 2", "line 4"]
    assert "must be an object with case_id and steps" in third.notes[0]
    assert (last.outcome, "is damaged" in last.notes[0]) == ("unreadable", True)


@pytest.mark.parametrize("unit", [1, 1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("form", ["number", "float"])
def test_times_are_read_in_whatever_unit_they_come(tmp_path: Path, unit: int, form: str) -> None:
    at = 1_700_000_000
    told = f"{at * unit}.0" if form == "float" else str(at * unit)
    (tmp_path / "alert.json").write_text(json.dumps({"alert_ts": at * unit}))
    (tmp_path / "metrics.csv").write_text(f"value,metric,ts\n5,cpu,{told}\n")
    (tmp_path / "logs.csv").write_text(f"message,service,ts_us\nhello,shop,{told}\n")
    (tmp_path / "traces.csv").write_text(
        "duration_us,start_us,service,parent_id,span_id,trace_id,more\n"
        f"{unit // 4},{told},shop,,1,1,x\n"
    )
    found = case(tmp_path)
    assert found.alert.at == at
    for times in (found.telemetry.metrics.ts, found.telemetry.logs.ts, found.telemetry.spans.start):
        assert times.tolist() == pytest.approx([at], abs=1)
    assert found.telemetry.spans.duration.tolist() == pytest.approx([0.25 if unit > 1 else 0.0])


def test_columns_are_known_by_the_names_other_collectors_give_them(tmp_path: Path) -> None:
    (tmp_path / "traces.csv").write_text(
        "traceID;spanID;parentSpanId;serviceName;operationName;startTime_ms;duration_ms;statusCode\n"
        "a;b;;shop;GET /;1700000000250;12.5;500\n"
    )
    spans = telemetry(tmp_path)[0].spans
    assert (spans.service[0], spans.operation[0], spans.status[0]) == ("shop", "GET /", "500")
    assert spans.start.tolist() == [pytest.approx(1_700_000_000.25)]
    assert spans.duration.tolist() == [pytest.approx(0.0125)]


def test_times_as_text_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("\ufeffts,metric,value\n2023-01-29T08:43:04Z,cpu,5\n")
    (tmp_path / "alert.json").write_text('\ufeff{"alert_ts": "2023-01-29T08:45:00Z"}')
    found = case(tmp_path)
    assert found.telemetry.metrics.ts.tolist() == [1674981784.0]
    assert found.alert.at == 1674981900.0


@pytest.mark.parametrize("between", [[None, None], [1], "soon", {"from": 1}])
def test_an_onset_that_cannot_be_read_is_refused(tmp_path: Path, between: object) -> None:
    (tmp_path / "alert.json").write_text(json.dumps({"alert_ts": 5, "onset_between": between}))
    with pytest.raises(UnreadableTelemetry, match="must be a JSON object"):
        case(tmp_path)


def test_sets_are_found_in_folders_of_folders(tmp_path: Path) -> None:
    for day in ("one/monday", "one/tuesday", "two"):
        home = tmp_path / day / "cases" / "c1"
        home.mkdir(parents=True)
        (home / "alert.json").write_text('{"alert_ts": 5}')
    assert [one.name for one in sets_in(tmp_path)] == ["two", "monday", "tuesday"]


def test_a_reference_that_cannot_be_read_is_said_and_done_without(tmp_path: Path) -> None:
    home = shutil.copytree(DATA / "onlineboutique-0822", tmp_path / "other")
    for path in (home / "normal").iterdir():
        path.write_bytes(b"")
    (home / "topology.csv").write_text("nothing\n")
    (found,) = replay(sets_in(home)[0])
    assert found.ranked
    assert any(note.startswith("normal/") for note in found.notes)


def test_a_message_beyond_measure_does_not_end_the_file(tmp_path: Path) -> None:
    rows = f"1,shop,{'x' * 300_000}\n2,shop,short\n"
    (tmp_path / "logs.csv").write_text(f"ts_us,service,message\n{rows}")
    found, notes = telemetry(tmp_path)
    assert (len(found.logs), notes) == (2, ())
    assert len(found.logs.message[0]) == 2_000


def test_hosts_are_read_where_a_column_names_them(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text(
        "ts,service,pod,metric,value,host\n1,shop,shop-1,cpu,5,node-7\n2,web,,cpu,5,node-8\n"
        "3,web,,cpu,5,\n4,,,cpu,90,node-7\n"
    )
    found, _ = telemetry(tmp_path)
    assert found.hosts == (("shop-1", "node-7"), ("web", "node-8"))
    assert [found.metrics.pod[row] for row in range(4)] == ["shop-1", "", "", "node-7"]
