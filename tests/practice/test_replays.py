"""Labelled sets replayed inside the product, and the regression gate."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.models import Event
from practice import tasks
from practice.domain.rootcause import analysis, evaluation
from practice.models import CaseSet, Replay, ReplayCase
from practice.orchestrator import case_sets, replays
from practice.services.case_sets import case_set_cancel
from practice.services.replays import baseline_of, baseline_set, replay_cancel, replay_start
from tests.practice.case_sets import finished, known, read_in, sent, set_files, use_folder, zipped
from tests.practice.pages import queries_of

LIST = "/root-causes/evaluation/"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path)


def test_it_scores_what_was_ranked_per_variant_and_fault_type(workspace: Any) -> None:
    replay = finished(known(workspace), "no-logs")
    whole = replay.result["variants"]["whole"]
    assert whole["r_at_1"] == 1.0
    assert whole["by_fault_type"]["cpu"]["cases"] == 2
    assert set(replay.result["variants"]) == {"whole", "no-logs"}
    assert {"verified_share", "abstention", "seconds_max", "visits_median"} <= set(whole)


def test_a_score_stands_only_beside_a_cause_that_was_found(
    vera_client: Any, workspace: Any
) -> None:
    replay = finished(known(workspace))
    first, second = replay.result["variants"]["whole"]["per_case"]
    first |= {"outcome": "none", "score": 0.4321}
    second |= {"outcome": "found", "score": 0.8765}
    Replay.objects.filter(pk=replay.pk).update(result=replay.result)
    page = vera_client.get(replay.get_absolute_url()).content.decode()
    assert ("43%" in page, "88%" in page) == (False, True)


def test_it_shows_rankings_where_there_are_no_labels(vera_client: Any, workspace: Any) -> None:
    replay = finished(known(workspace, labelled=False))
    assert "r_at_1" not in replay.result["variants"]["whole"]
    page = vera_client.get(replay.get_absolute_url()).content.decode()
    assert "not scored" in page
    assert "case-1" in page


def test_a_later_replay_is_held_against_the_baseline(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, vera_client: Any
) -> None:
    case_set = known(workspace)
    baseline_set(replay=finished(case_set), by=None)
    same = finished(case_set)
    assert same.passed is True
    monkeypatch.setattr(evaluation, "ranking", lambda answer: ("web",))
    worse = finished(case_set)
    assert worse.passed is False
    assert {row["case_id"] for row in worse.result["gate"]["moved"]} == {"case-0", "case-1"}
    page = vera_client.get(worse.get_absolute_url()).content.decode()
    assert "Worse than the baseline." in page
    assert "R@1 1.00 to 0.00" in page


def test_the_baseline_is_replaced_only_by_who_saw_it(
    workspace: Any, rita_client: Any, rita: Any, edda: Any
) -> None:
    case_set = known(workspace)
    first, second, third = (finished(case_set) for _ in range(3))
    baseline_set(replay=first, by=rita)
    opened = rita_client.get(third.get_absolute_url()).context["baseline_seen"]
    baseline_set(replay=second, by=edda)
    url = f"{third.get_absolute_url()}baseline/"
    refused = rita_client.post(url, {"seen": opened})
    assert refused.status_code == 409
    assert [event.actor for event in refused.context["meanwhile"].events] == [edda]
    said = refused.content.decode()
    assert "The baseline of the set: this was changed while you had it open" in said
    assert re.search(r"baseline <span[^>]*>from</span> 1 <span[^>]*>to</span> 2", said)
    assert baseline_of(case_set) == {"baseline": 2}
    again = {"seen": refused.context["baseline_seen"]}
    assert rita_client.post(url, again).status_code == 302
    assert baseline_of(case_set) == {"baseline": 3}
    # A second click asks for what the first one did, and is no second row of the log.
    assert rita_client.post(url, again).status_code == 302
    assert Event.objects.filter(kind="replay.baseline").count() == 3


def test_cases_that_fail_count_as_missed_and_never_pass(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, vera_client: Any
) -> None:
    case_set = known(workspace)
    baseline_set(replay=finished(case_set), by=None)

    def broken(*given: Any, **named: Any) -> Any:
        raise LookupError("no such thing")

    monkeypatch.setattr(replays, "analyse", broken)
    worse = finished(case_set)
    assert worse.passed is False
    assert worse.result["variants"]["whole"]["r_at_1"] == 0.0
    assert [(row["before"], row["now"]) for row in worse.result["gate"]["moved"]] == [(1, None)] * 2
    page = vera_client.get(worse.get_absolute_url()).content.decode()
    assert "Worse than the baseline." in page
    assert "2 of 2 cases failed and count as missed." in page


def test_what_all_cases_share_costs_none_its_answer_when_it_cannot_be_read(workspace: Any) -> None:
    files = set_files() | {
        "shop/topology.csv": b"a,b\n1,2\n",
        "shop/normal/metrics.csv": b"a,b\n1,2\n",
    }
    replay = finished(known(workspace, data=zipped(files)), "no-metrics")
    assert replay.result["failed"] == 0
    whole = replay.result["variants"]["whole"]
    assert whole["r_at_1"] == 1.0
    notes = " ".join(whole["per_case"][0]["notes"])
    assert "topology.csv has no column" in notes
    assert "normal/metrics.csv has no column" in notes


def test_a_case_that_cannot_be_read_fails_alone_and_is_left_out_of_the_comparison(
    workspace: Any,
) -> None:
    files = set_files()
    for kind in ("metrics", "traces", "logs"):
        files[f"shop/cases/case-0/{kind}.csv"] = b"a,b\n1,2\n"
    case_set = known(workspace, data=zipped(files))
    replay = finished(case_set)
    assert replay.result["failed"] == 1
    assert "has no column" in ReplayCase.objects.get(status="failed").message
    assert replay.result["variants"]["whole"]["r_at_1"] == 0.5
    baseline_set(replay=replay, by=None)
    later = finished(case_set)
    assert later.passed
    assert later.result["gate"]["message"] == (
        "Against the baseline: R@1 1.00 to 1.00, MRR 1.00 to 1.00. "
        "Left out of both, for it failed in the baseline: case-0."
    )


def test_a_case_that_fails_in_every_variant_is_in_trouble_once(
    workspace: Any, vera_client: Any
) -> None:
    files = set_files() | {"shop/cases/case-0/alert.json": b"{}"}
    replay = finished(known(workspace, data=zipped(files)), "no-logs")
    assert replay.result["failed"] == 2
    page = vera_client.get(replay.get_absolute_url())
    assert [case.case_id for case in page.context["trouble"]] == ["case-0"]


def test_a_replay_of_which_no_case_was_answered_is_no_baseline(workspace: Any) -> None:
    files = set_files()
    for name in ("case-0", "case-1"):
        for kind in ("metrics", "traces", "logs"):
            files[f"shop/cases/{name}/{kind}.csv"] = b"a,b\n1,2\n"
    replay = finished(known(workspace, data=zipped(files)))
    with pytest.raises(UnableToChange, match="Every case of it failed"):
        baseline_set(replay=replay, by=None)


def test_why_a_case_failed_does_not_say_where_the_set_lies(workspace: Any, tmp_path: Path) -> None:
    case_set = known(workspace)
    (case_sets.home_of(case_set.digest) / "shop/cases/case-0/alert.json").unlink()
    (first, *_) = finished(case_set).result["variants"]["whole"]["per_case"]
    assert first["notes"][0].startswith("shop/cases/case-0/alert.json cannot be opened")
    assert str(tmp_path) not in first["notes"][0]


def test_it_goes_on_where_a_dead_worker_left_it(workspace: Any) -> None:
    replay = replay_start(case_set=known(workspace), variants=[], by=None)
    first = replays.due()
    ReplayCase.objects.filter(pk__in=first).update(
        status="running", heartbeat_at="2020-01-01T00:00Z", dispatched_at="2020-01-01T00:00Z"
    )
    assert set(replays.due()) == set(first)
    for pk in first:
        replays.work(pk)
    replay.refresh_from_db()
    assert replay.state == "finished"


def test_it_is_summed_up_after_a_worker_that_died_before_it_could(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = replay_start(case_set=known(workspace), variants=[], by=None)
    with monkeypatch.context() as dying:
        dying.setattr(replays, "finish", lambda replay_id: None)
        for pk in replays.due():
            replays.work(pk)
    replay.refresh_from_db()
    assert (replay.state, replays.due()) == ("running", [])
    tasks.ring_for_replays()
    replay.refresh_from_db()
    assert replay.state == "finished"


def test_names_that_no_database_takes_cost_no_case_its_answer(workspace: Any) -> None:
    files = {
        name: data if name.endswith(".json") else data.replace(b"ledger", b"led\0ger")
        for name, data in set_files().items()
    }
    assert finished(known(workspace, data=zipped(files))).result["failed"] == 0


def test_an_answer_that_cannot_be_saved_is_said_on_its_case(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "whole_characters", lambda answer: {"seconds": float("nan")})
    assert finished(known(workspace)).result["failed"] == 2
    row = ReplayCase.objects.first()
    assert row is not None
    assert row.message.startswith("What was found could not be saved: DataError: invalid input")
    assert row.tries == 1


def test_it_is_cancelled_once_and_not_begun_twice(workspace: Any) -> None:
    case_set = known(workspace)
    replay = replay_start(case_set=case_set, variants=[], by=None)
    with pytest.raises(UnableToStart, match="replayed already"):
        replay_start(case_set=case_set, variants=[], by=None)
    replay_cancel(replay=replay, by=None)
    assert (replay.state, replays.due()) == ("cancelled", [])
    with pytest.raises(UnableToStart, match="has ended"):
        replay_cancel(replay=replay, by=None)
    with pytest.raises(UnableToStart, match="is not a variant"):
        replay_start(case_set=case_set, variants=["no-luck"], by=None)


def test_it_waits_until_the_set_is_read(workspace: Any) -> None:
    case_set = sent(workspace)
    with pytest.raises(UnableToStart, match="is still being read"):
        replay_start(case_set=case_set, variants=[], by=None)
    case_set_cancel(case_set=case_set, by=None)
    with pytest.raises(UnableToStart, match="Read it again"):
        replay_start(case_set=case_set, variants=[], by=None)
    assert not Replay.objects.exists()


def test_another_machine_unpacks_the_set_for_itself(workspace: Any) -> None:
    case_set = known(workspace)
    shutil.rmtree(case_sets.home_of(case_set.digest))
    assert finished(case_set).result["failed"] == 0


def test_the_labels_never_reach_the_engine(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = analysis.analyse

    def spy(*given: Any, **named: Any) -> Any:
        seen.append(repr((given, named)))
        return real(*given, **named)

    monkeypatch.setattr(replays, "analyse", spy)
    files = set_files(cases=1)
    files["shop/ground_truth.json"] = files["shop/ground_truth.json"].replace(b'"cpu"', b'"s3cret"')
    finished(known(workspace, data=zipped(files)))
    assert seen
    assert not any("s3cret" in text for text in seen)


def test_a_reviewer_sends_replays_and_marks_over_the_pages(
    rita_client: Any, vera_client: Any, olga_client: Any, workspace: Any
) -> None:
    upload = SimpleUploadedFile("shop.zip", zipped(set_files()))
    assert vera_client.post(f"{LIST}send/", {"archive": upload}).status_code == 403
    upload.seek(0)
    rita_client.post(f"{LIST}send/", {"archive": upload, "whole": "yes"})
    case_set = read_in(CaseSet.objects.get())
    started = rita_client.post(f"{LIST}sets/{case_set.pk}/replay/", {"variant": ["no-traces"]})
    replay = Replay.objects.get()
    assert started.url == replay.get_absolute_url()
    assert "0 of 4 cases answered" in vera_client.get(started.url).content.decode()
    assert olga_client.get(started.url).status_code == 404
    for pk in ReplayCase.objects.values_list("pk", flat=True):
        replays.work(pk)
    seen = rita_client.get(started.url).context["baseline_seen"]
    rita_client.post(f"{started.url}baseline/", {"seen": seen})
    replay.refresh_from_db()
    assert replay.is_baseline
    page = vera_client.get(f"{started.url}?variant=no-traces").content.decode()
    assert "Without traces" in page
    assert 'id="replay-baseline"' not in page


def test_the_list_takes_as_many_queries_for_more_replays(vera_client: Any, workspace: Any) -> None:
    case_set = known(workspace, cases=1)
    finished(case_set)
    before = queries_of(vera_client, LIST)
    for _ in range(3):
        finished(case_set)
    assert queries_of(vera_client, LIST) == before
