"""Labelled sets replayed inside the product, and the regression gate."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from memoryapp.domain.errors import UnableToChange, UnableToStart
from practice.domain.rootcause import analysis
from practice.models import CaseSet, Replay, ReplayCase
from practice.orchestrator import replays
from practice.services.replays import baseline_set, case_set_send, replay_cancel, replay_start
from practice.services.telemetry import UnableToRead
from tests.practice.outages import BEGAN, TOPOLOGY, logs_csv, metrics_csv, traces_csv
from tests.practice.pages import queries_of

LIST = "/root-causes/evaluation/"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    replays._shared.cache_clear()


def set_files(cases: int = 2, *, labelled: bool = True) -> dict[str, bytes]:
    files = {"shop/topology.csv": TOPOLOGY}
    truths = []
    for number in range(cases):
        guilty = ("ledger", "shop")[number % 2]
        home = f"shop/cases/case-{number}"
        files[f"{home}/metrics.csv"] = metrics_csv(guilty)
        files[f"{home}/traces.csv"] = traces_csv()
        if guilty == "ledger":
            files[f"{home}/logs.csv"] = logs_csv()
        alert = {
            "alert_ts": BEGAN + 60,
            "entry_service": "web",
            "onset_between": [BEGAN - 60, BEGAN],
        }
        files[f"{home}/alert.json"] = json.dumps(alert).encode()
        truths.append(
            {"case_id": f"case-{number}", "root_cause_service": guilty, "fault_type": "cpu"}
        )
    if labelled:
        files["shop/ground_truth.json"] = json.dumps({"cases": truths}).encode()
    return files


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def sent(workspace: Any, **changes: Any) -> CaseSet:
    return case_set_send(
        workspace=workspace, name="shop.zip", data=zipped(set_files(**changes)), by=None
    )


def finished(case_set: CaseSet, *variants: str) -> Replay:
    replay = replay_start(case_set=case_set, variants=variants, by=None)
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    replay.refresh_from_db()
    assert replay.state == "finished"
    return replay


def test_it_takes_a_zip_or_a_tar_once(workspace: Any) -> None:
    case_set = sent(workspace)
    assert (case_set.name, case_set.cases) == ("shop", ["case-0", "case-1"])
    assert sent(workspace) == case_set
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, data in set_files().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    other = case_set_send(workspace=workspace, name="t.tgz", data=out.getvalue(), by=None)
    assert other.cases == case_set.cases


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no archive at all", "is damaged"),
        (b"", "is damaged"),
        (zipped({"a.txt": b"x"}), "holds no set"),
        (zipped({"../../etc/x": b"x"}), "leads outside"),
        (zipped({"/etc/x": b"x"}), "cannot be used"),
        (zipped({"s/cases/one/metrics.csv": b"x"}), "alert.json must be"),
        (zipped(set_files())[:-300], "is damaged"),
        (
            zipped(set_files() | {"bank/cases/one/alert.json": b'{"alert_ts": 1}'}),
            "holds 2 sets",
        ),
    ],
    ids=["text", "empty", "no set", "outside", "absolute", "no alert", "cut off", "two sets"],
)
def test_it_refuses_what_is_no_set_in_one_line(workspace: Any, data: bytes, message: str) -> None:
    with pytest.raises(UnableToRead, match=message) as refusal:
        case_set_send(workspace=workspace, name="s.zip", data=data, by=None)
    assert "\n" not in str(refusal.value)
    assert "/tmp" not in str(refusal.value)
    assert not CaseSet.objects.exists()


def test_it_stops_an_archive_that_unpacks_to_too_much(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("practice.clients.case_archives.UNPACKED_CAP", 10_000)
    with pytest.raises(UnableToRead, match="unpacks to more than"):
        case_set_send(
            workspace=workspace, name="s.zip", data=zipped({"a": b"0" * 100_000}), by=None
        )
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_it_scores_what_was_ranked_per_variant_and_fault_type(workspace: Any) -> None:
    replay = finished(sent(workspace), "no-logs")
    whole = replay.result["variants"]["whole"]
    assert whole["r_at_1"] == 1.0
    assert whole["by_fault_type"]["cpu"]["cases"] == 2
    assert set(replay.result["variants"]) == {"whole", "no-logs"}
    assert {"verified_share", "abstention", "seconds_max", "visits_median"} <= set(whole)


def test_it_shows_rankings_where_there_are_no_labels(vera_client: Any, workspace: Any) -> None:
    replay = finished(sent(workspace, labelled=False))
    assert "r_at_1" not in replay.result["variants"]["whole"]
    page = vera_client.get(replay.get_absolute_url()).content.decode()
    assert "not scored" in page
    assert "case-1" in page


def test_a_later_replay_is_held_against_the_baseline(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, vera_client: Any
) -> None:
    case_set = sent(workspace)
    baseline_set(replay=finished(case_set), by=None)
    same = finished(case_set)
    assert same.passed is True
    monkeypatch.setattr(replays, "ranking", lambda answer: ("web",))
    worse = finished(case_set)
    assert worse.passed is False
    assert {row["case_id"] for row in worse.result["gate"]["moved"]} == {"case-0", "case-1"}
    page = vera_client.get(worse.get_absolute_url()).content.decode()
    assert "Worse than the baseline." in page
    assert "R@1 1.00 to 0.00" in page


def test_a_case_that_cannot_be_read_fails_alone_and_makes_no_baseline(workspace: Any) -> None:
    files = set_files()
    for kind in ("metrics", "traces", "logs"):
        files[f"shop/cases/case-0/{kind}.csv"] = b"a,b\n1,2\n"
    case_set = case_set_send(workspace=workspace, name="s.zip", data=zipped(files), by=None)
    replay = finished(case_set)
    assert replay.result["failed"] == 1
    assert "has no column" in ReplayCase.objects.get(status="failed").message
    with pytest.raises(UnableToChange, match="Cases of it failed"):
        baseline_set(replay=replay, by=None)


def test_it_goes_on_where_a_dead_worker_left_it(workspace: Any) -> None:
    replay = replay_start(case_set=sent(workspace), variants=[], by=None)
    first = replays.due()
    ReplayCase.objects.filter(pk__in=first).update(
        status="running", heartbeat_at="2020-01-01T00:00Z", dispatched_at="2020-01-01T00:00Z"
    )
    assert set(replays.due()) == set(first)
    for pk in first:
        replays.work(pk)
    replay.refresh_from_db()
    assert replay.state == "finished"


def test_it_is_cancelled_once_and_not_begun_twice(workspace: Any) -> None:
    case_set = sent(workspace)
    replay = replay_start(case_set=case_set, variants=[], by=None)
    with pytest.raises(UnableToStart, match="replayed already"):
        replay_start(case_set=case_set, variants=[], by=None)
    replay_cancel(replay=replay, by=None)
    assert (replay.state, replays.due()) == ("cancelled", [])
    with pytest.raises(UnableToStart, match="has ended"):
        replay_cancel(replay=replay, by=None)
    with pytest.raises(UnableToStart, match="is no variant"):
        replay_start(case_set=case_set, variants=["no-luck"], by=None)


def test_the_labels_never_reach_the_engine(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    real = analysis.analyse

    def spy(*given: Any, **named: Any) -> Any:
        seen.append(repr((given, named)))
        return real(*given, **named)

    monkeypatch.setattr(replays, "analyse", spy)
    files = set_files(cases=1)
    files["shop/ground_truth.json"] = files["shop/ground_truth.json"].replace(b'"cpu"', b'"s3cret"')
    finished(case_set_send(workspace=workspace, name="s.zip", data=zipped(files), by=None))
    assert seen
    assert not any("s3cret" in text for text in seen)


def test_a_reviewer_sends_replays_and_marks_over_the_pages(
    rita_client: Any, vera_client: Any, olga_client: Any, workspace: Any
) -> None:
    upload = SimpleUploadedFile("shop.zip", zipped(set_files()))
    assert vera_client.post(f"{LIST}send/", {"archive": upload}).status_code == 403
    upload.seek(0)
    rita_client.post(f"{LIST}send/", {"archive": upload})
    case_set = CaseSet.objects.get()
    started = rita_client.post(f"{LIST}sets/{case_set.pk}/replay/", {"variant": ["no-traces"]})
    replay = Replay.objects.get()
    assert started.url == replay.get_absolute_url()
    assert "0 of 4 cases answered" in vera_client.get(started.url).content.decode()
    assert olga_client.get(started.url).status_code == 404
    for pk in ReplayCase.objects.values_list("pk", flat=True):
        replays.work(pk)
    rita_client.post(f"{started.url}baseline/")
    replay.refresh_from_db()
    assert replay.is_baseline
    page = vera_client.get(f"{started.url}?variant=no-traces").content.decode()
    assert "Without traces" in page
    assert 'id="replay-baseline"' not in page


def test_the_list_takes_as_many_queries_for_more_replays(vera_client: Any, workspace: Any) -> None:
    case_set = sent(workspace, cases=1)
    finished(case_set)
    before = queries_of(vera_client, LIST)
    for _ in range(3):
        finished(case_set)
    assert queries_of(vera_client, LIST) == before
