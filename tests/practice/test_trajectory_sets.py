"""Labelled sets of failed trajectories: sent, replayed and held against a baseline."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.domain.errors import UnableToStart
from memoryapp.project.cli import main
from practice.clients import trajectory_sets
from practice.domain.rootcause.evaluation import of_trajectory
from practice.models import CaseSet, ReplayCase
from practice.orchestrator import case_sets, replays
from practice.services.replays import baseline_set, replay_cancel, replay_start
from tests.practice.case_sets import (
    TRAJECTORIES,
    finished,
    read_in,
    sent,
    set_files,
    trajectory_files,
    use_folder,
    zipped,
)
from tests.practice.pages import queries_of

LIST = "/root-causes/evaluation/"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path)


def with_lines(*lines: bytes, packed: bool = False) -> dict[str, bytes]:
    """The real set with lines added behind it."""
    files = trajectory_files()
    whole = files.pop("talks/trajectories.jsonl") + b"".join(line + b"\n" for line in lines)
    name = "talks/trajectories.jsonl" + (".gz" if packed else "")
    return files | {name: gzip.compress(whole) if packed else whole}


def known(workspace: Any, files: dict[str, bytes] | None = None) -> CaseSet:
    return read_in(sent(workspace, zipped(files or trajectory_files())))


def line(case_id: str = "mine", agent: str = "coder", **more: Any) -> bytes:
    step = {"i": 0, "agent": agent, "content": "```python\nprint(7)\n``` prints how many moons."}
    return json.dumps({"case_id": case_id, "steps": [step], **more}).encode()


def test_the_figures_are_those_of_the_command_line(
    workspace: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    case_set = known(workspace)
    assert (case_set.kind, case_set.name, len(case_set.cases)) == ("trajectories", "talks", 4)
    whole = finished(case_set).result["variants"]["whole"]
    assert main(["rca", "evaluate", str(TRAJECTORIES), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["r_at_1"], told["agent_at_1"]) == (0.25, 0.25)
    assert set(told["by_fault_type"]) == {"level 1", "level 2"}
    for figures in (whole, told):
        figures["set"] = ""
        figures["per_case"] = [
            {key: value for key, value in case.items() if key != "seconds"}
            for case in figures["per_case"]
        ]
    timed = {"seconds_median", "seconds_max"}
    assert {key: whole[key] for key in told if key not in timed} == {
        key: value for key, value in told.items() if key not in timed
    }
    assert (whole["abstention"], whole["model_calls"]) == (0.0, 0)
    assert whole["seconds_median"] > 0


def test_what_is_said_and_returned_can_be_taken_away(workspace: Any) -> None:
    case_set = known(workspace)
    replay = finished(case_set, "no-task", "no-reports", "no-code")
    ranked = {
        variant: [case["ranked"] for case in found["per_case"]]
        for variant, found in replay.result["variants"].items()
    }
    assert ranked["no-code"] != ranked["whole"]
    assert {len(places) for places in ranked["no-reports"]} == {
        len(places) for places in ranked["whole"]
    }
    with pytest.raises(UnableToStart, match="no-logs is not a variant of talks: whole, no-task"):
        replay_start(case_set=case_set, variants=["no-logs"], by=None)


def test_a_later_replay_is_held_against_the_baseline_by_step_and_agent(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, vera_client: Any
) -> None:
    case_set = known(workspace)
    baseline_set(replay=finished(case_set), by=None)
    assert finished(case_set).passed is True

    def other_agent(*given: Any) -> Any:
        return replace(of_trajectory(*given), agent="another")

    monkeypatch.setattr(replays, "of_trajectory", other_agent)
    worse = finished(case_set)
    assert worse.passed is False
    assert worse.result["gate"]["moved"] == []
    page = vera_client.get(worse.get_absolute_url()).content.decode()
    assert "Worse than the baseline." in page
    assert "exact step 0.25 to 0.25, agent 0.25 to 0.00" in page


def test_cases_that_fail_count_as_missed_and_never_pass(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_set = known(workspace)
    baseline_set(replay=finished(case_set), by=None)

    def broken(*given: Any, **named: Any) -> Any:
        raise LookupError("no such thing")

    monkeypatch.setattr(replays, "analyse_trajectory", broken)
    worse = finished(case_set)
    whole = worse.result["variants"]["whole"]
    assert (worse.passed, whole["r_at_1"], whole["agent_at_1"]) == (False, 0.0, 0.0)
    assert "4 of 4 cases failed and count as missed." in worse.result["gate"]["message"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_that_is_no_trajectory_fails_alone_and_is_said(
    workspace: Any, packed: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nested = b'{"case_id": "deep", "steps": ' + b"[" * 100_000
    again = b'{"case_id": "line 6", "steps": []}'
    lines = (again, b"no", b'{"case_id": "bad", "steps": [{"i": Infinity}]}', nested, line("a\0b"))
    files = with_lines(*lines, line("whowhen-generated-012"), packed=packed)
    truths = json.loads(files["talks/ground_truth.json"])
    truths["cases"].append({"case_id": "bad", "mistake_step": 0, "mistake_agent": "coder"})
    files["talks/ground_truth.json"] = json.dumps(truths).encode()
    case_set = known(workspace, files)
    assert case_set.cases[4:] == [
        "line 6", "line 6 again", "bad", "line 8", "line 9", "line 10"
    ]  # fmt: skip
    assert [note.partition(" ")[2][:7] for note in case_set.notes] == [
        "line 6 ", "line 7 ", "line 8 ", "line 9:", "line 10"
    ]  # fmt: skip
    replay = finished(case_set)
    whole = replay.result["variants"]["whole"]
    assert (replay.result["failed"], whole["r_at_1"], whole["agent_at_1"]) == (5, 0.2, 0.2)
    outcomes = {case["case_id"]: case["outcome"] for case in whole["per_case"]}
    assert (outcomes["line 6"], outcomes["bad"]) == ("none", "failed")
    baseline_set(replay=replay, by=None)  # what failed is left out of later comparisons
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert main(["rca", "evaluate", str(tmp_path / "talks"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["r_at_1"], told["agent_at_1"]) == (whole["r_at_1"], whole["agent_at_1"])


def test_what_came_before_a_cut_is_replayed(workspace: Any) -> None:
    files = with_lines(*(line(f"more-{n}", text="x" * 500) for n in range(200)), packed=True)
    name = "talks/trajectories.jsonl.gz"
    case_set = known(workspace, files | {name: files[name][:-40]})
    assert case_set.cases[:2] == ["whowhen-generated-012", "whowhen-generated-038"]
    assert "is damaged" in case_set.notes[-1]
    assert finished(case_set).result["failed"] == 1


def test_what_no_database_takes_is_left_out(workspace: Any) -> None:
    files = {"talks/trajectories.jsonl": line("odd", agent="co\0der \ud800", question="\0")}
    truth = {"case_id": "odd", "mistake_step": "0", "mistake_agent": "co\0der \ud800"}
    files["talks/ground_truth.json"] = json.dumps([truth]).encode()
    whole = finished(known(workspace, files)).result["variants"]["whole"]
    assert (whole["r_at_1"], whole["agent_at_1"]) == (1.0, 1.0)
    assert whole["per_case"][0]["agent"] == "coder ?"


def test_a_case_without_an_agent_in_its_label_is_not_scored_by_agent(workspace: Any) -> None:
    files = with_lines(line("mine"), b'{"case_id": "lost", "steps": 5}')
    truths = json.loads(files["talks/ground_truth.json"])
    truths["cases"] += [{"case_id": name, "mistake_step": 0} for name in ("mine", "lost")]
    files["talks/ground_truth.json"] = json.dumps(truths).encode()
    whole = finished(known(workspace, files)).result["variants"]["whole"]
    assert (whole["r_at_1"], whole["agent_at_1"]) == (0.3333, 0.25)


@pytest.mark.parametrize(("cap", "says"), [(3, "more than 3 trajectories"), (4, "")])
def test_a_set_has_an_end(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, cap: int, says: str
) -> None:
    row = sent(workspace, zipped(trajectory_files()))
    monkeypatch.setattr(case_sets, "MAX_FILES", cap)
    assert says in read_in(row).message
    assert row.status == ("failed" if says else "done")


def test_a_line_beyond_measure_fails_alone(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trajectory_sets, "LINE_CAP", 10_000)
    case_set = known(workspace, with_lines(b"x" * 35_000, line("last")))
    assert case_set.cases[4:] == ["line 5", "last"]
    assert "line 5 is longer than" in case_set.notes[0]
    assert finished(case_set).result["failed"] == 1


def test_cases_of_telemetry_beside_it_are_said_to_be_left_out(workspace: Any) -> None:
    outages = {name.replace("shop/", "talks/"): data for name, data in set_files(1).items()}
    case_set = known(workspace, outages | trajectory_files())
    assert (case_set.kind, len(case_set.cases)) == ("trajectories", 4)
    assert "cases of telemetry too" in " ".join(case_set.notes)


def test_it_goes_on_where_dead_workers_left_it_and_on_another_machine(workspace: Any) -> None:
    row = sent(workspace, zipped(trajectory_files()))
    long_ago = timezone.now() - timedelta(hours=1)
    CaseSet.objects.update(status="running", heartbeat_at=long_ago, dispatched_at=long_ago)
    assert case_sets.due() == [row.pk]
    case_set = read_in(row)
    replay = replay_start(case_set=case_set, variants=[], by=None)
    first = replays.due()
    ReplayCase.objects.filter(pk__in=first).update(
        status="running", heartbeat_at=long_ago, dispatched_at=long_ago
    )
    shutil.rmtree(case_sets.home_of(case_set.digest))
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    replay.refresh_from_db()
    assert (replay.state, replay.result["failed"]) == ("finished", 0)


def test_it_is_cancelled_and_nothing_is_scored(workspace: Any, vera_client: Any) -> None:
    replay = replay_start(case_set=known(workspace), variants=[], by=None)
    case = replay.cases.all()[0]
    url = f"{replay.get_absolute_url()}cases/{case.pk}/"
    assert "It is not answered yet." in vera_client.get(url).content.decode()
    replay_cancel(replay=replay, by=None)
    assert (replay.state, replays.due(), replay.result) == ("cancelled", [], {})
    assert "It was cancelled before" in vera_client.get(url).content.decode()


def test_the_pages_show_what_was_found_beside_what_is_true(
    workspace: Any, vera_client: Any, olga_client: Any
) -> None:
    files = with_lines(b'{"case_id": "bad", "steps": 5}', line("key sk-live", agent="free"))
    secret = "AKIA" + "QWERTYUIOPASDFGH"
    name = "talks/trajectories.jsonl"
    files[name] = files[name].replace(b"prints how", f"with {secret} prints how".encode())
    replay = finished(known(workspace, files), "no-code")
    page = vera_client.get(replay.get_absolute_url()).content.decode()
    assert "6 trajectories" in page
    assert "Exact step" in page
    assert "Path verified" not in page
    assert "level 2" in page
    case = ReplayCase.objects.get(case_id="whowhen-generated-038", variant="whole")
    url = f"{replay.get_absolute_url()}cases/{case.pk}/"
    assert url in page
    whole = vera_client.get(url).content.decode()
    assert "Decisive by its label" in whole
    assert "Polish_TV_Series_Expert" in whole
    assert "2 of 6" in whole
    assert olga_client.get(url).status_code == 404
    other = finished(known(workspace, trajectory_files()))
    assert vera_client.get(f"{other.get_absolute_url()}cases/{case.pk}/").status_code == 404
    failed = ReplayCase.objects.get(case_id="bad", variant="no-code")
    said = vera_client.get(f"{replay.get_absolute_url()}cases/{failed.pk}/").content.decode()
    assert "<b>It failed.</b>" in said
    assert "no label" in page
    kept = ReplayCase.objects.get(case_id="key sk-live", variant="whole")
    assert secret not in json.dumps(kept.answer)
    listed = vera_client.get(LIST).content.decode()
    assert "Without what actions returned" not in listed  # a viewer starts none
    assert "6 trajectories" in listed


def test_a_case_of_telemetry_has_its_page_too(workspace: Any, vera_client: Any) -> None:
    replay = finished(read_in(sent(workspace)))
    case = replay.cases.get(case_id="case-0")
    page = vera_client.get(f"{replay.get_absolute_url()}cases/{case.pk}/").content.decode()
    assert "True cause" in page
    assert "ledger" in page
    assert "Right" in page


def test_each_set_offers_what_its_kind_can_do_without(workspace: Any, rita_client: Any) -> None:
    known(workspace)
    page = rita_client.get(LIST).content.decode()
    assert "Without what actions returned" in page
    assert "Without logs" not in page
    read_in(sent(workspace))
    assert "Without logs" in rita_client.get(LIST).content.decode()


def test_a_page_takes_as_many_queries_for_more_cases(workspace: Any, vera_client: Any) -> None:
    small = finished(known(workspace, {"talks/trajectories.jsonl": line()}))
    before = queries_of(vera_client, small.get_absolute_url())
    assert queries_of(vera_client, finished(known(workspace)).get_absolute_url()) == before
