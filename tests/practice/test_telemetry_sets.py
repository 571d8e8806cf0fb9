"""Sets of telemetry in a folder: read, replayed, scored; broken files give one clear line."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from practice.clients.telemetry import UnreadableTelemetry, case, columns, telemetry
from practice.clients.telemetry_sets import replay, sets_in
from practice.domain.rootcause.evaluation import calibration_error, report

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
        columns(path, ("ts", "metric", "value"), cap=10_000)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("time,metric,value\n1,cpu,5\n")
    with pytest.raises(UnreadableTelemetry, match="no column ts"):
        telemetry(tmp_path)


def test_rows_that_are_not_whole_are_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("ts,metric,value\n1,cpu,5\n2,cpu\nx,cpu,y\n")
    found, notes = telemetry(tmp_path)
    assert len(found.metrics) == 2
    assert notes == ("metrics.csv: 1 rows are not whole and were left out",)


@pytest.mark.parametrize("text", ["", "[1]", '{"alert_ts": "noon"}', "{"])
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


def test_a_calibration_error_is_the_distance_of_score_and_share() -> None:
    assert calibration_error([(1.0, True), (1.0, True)]) == 0.0
    assert calibration_error([(0.95, False), (0.95, True)]) == pytest.approx(0.45)
