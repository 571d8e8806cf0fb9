"""The ``greenroom`` command: what it prints, and one line when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memoryapp.project.cli import main


def small_set(folder: Path, *, labelled: bool = True) -> Path:
    home = folder / "small"
    case = home / "cases" / "small-1"
    case.mkdir(parents=True)
    (home / "topology.csv").write_text("source,target\nweb,shop\n")
    (case / "alert.json").write_text(
        json.dumps({"case_id": "small-1", "alert_ts": 1200, "entry_service": "web"})
    )
    rows = [
        f"{60 * minute},{service},{service}-1,cpu_pct,{value}"
        for service, late in (("web", 6.0), ("shop", 95.0))
        for minute, value in enumerate([5.0, 6.0] * 9 + [late, late])
    ]
    (case / "metrics.csv").write_text("\n".join(["ts,service,pod,metric,value", *rows]) + "\n")
    if labelled:
        truth = {"case_id": "small-1", "root_cause_service": "shop", "fault_type": "cpu"}
        (home / "ground_truth.json").write_text(json.dumps({"cases": [truth]}))
    return home


def test_it_scores_a_labelled_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rca", "evaluate", str(small_set(tmp_path)), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["set"] == "small"
    assert (found["cases"], found["r_at_1"], found["mrr"]) == (1, 1.0, 1.0)
    assert found["by_fault_type"]["cpu"]["r_at_1"] == 1.0
    (case,) = found["per_case"]
    assert case["case_id"] == "small-1"
    assert case["ranked"][0] == "shop"
    assert case["seconds"] > 0
    assert case["visits"] > 0
    assert found["seconds_median"] == found["seconds_max"]


@pytest.mark.parametrize("command", ["backup", "restore"])
@pytest.mark.parametrize("jobs", ["0", "-1", "two", "65"])
def test_a_number_of_jobs_that_cannot_be_is_asked_wrongly(
    command: str, jobs: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "folder", f"--jobs={jobs}"])
    assert ended.value.code == 2
    assert "it is a whole number from 1 to 64" in capsys.readouterr().err


def test_it_ranks_without_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_set(tmp_path, labelled=False)
    assert main(["rca", "evaluate", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "r_at_1" not in found
    assert found["per_case"][0]["ranked"][0] == "shop"


def test_labels_that_cannot_be_read_cost_the_score_and_no_other_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = small_set(tmp_path)
    (broken / "ground_truth.json").write_text("{")
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "trajectories.jsonl").write_text("no object\n")
    small_set(tmp_path / "whole")
    assert main(["rca", "evaluate", str(tmp_path), "--json"]) == 1
    said = capsys.readouterr()
    unscored, scored = (json.loads(line) for line in said.out.splitlines())
    assert ("r_at_1" in unscored, unscored["per_case"][0]["ranked"][0]) == (False, "shop")
    assert scored["r_at_1"] == 1.0
    assert "small is ranked and not scored" in said.err
    assert "trajectories.jsonl line 1 must be an object" in said.err


def test_labels_of_no_case_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = small_set(tmp_path)
    labels = json.loads((home / "ground_truth.json").read_text())
    labels["cases"].append({"case_id": "gone-1", "root_cause_service": "shop"})
    (home / "ground_truth.json").write_text(json.dumps(labels))
    assert main(["rca", "evaluate", str(home), "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["r_at_1"] == 1.0
    assert said.err == "greenroom: labels of small without a case are not scored: gone-1\n"
    del labels["cases"][0]
    (home / "ground_truth.json").write_text(json.dumps(labels))
    assert main(["rca", "evaluate", str(home), "--json"]) == 1
    said = capsys.readouterr()
    assert "r_at_1" not in json.loads(said.out)
    assert "no label of small is of a case in it" in said.err


def test_it_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rca", "evaluate", str(tmp_path), "--json"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "cases/<case>/alert.json" in said.err
