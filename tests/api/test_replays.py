"""Labelled sets and replays over REST."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from practice.domain.rootcause import evaluation
from practice.models import CaseSet, Replay
from practice.orchestrator import replays
from tests.practice.case_sets import read_in, sent, set_files, trajectory_files, use_folder, zipped

SETS = "/api/v1/case-sets"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path)


def test_a_set_is_sent_replayed_and_read(with_key: Any, olga_client: Any) -> None:
    client = with_key("write")
    body = zipped(set_files())
    sent = client.post(f"{SETS}?name=shop.zip", body, content_type="application/zip")
    assert (sent.status_code, sent.json()["status"]) == (201, "waiting")
    home = f"{SETS}/{sent.json()['id']}"
    url = f"{home}/replays"
    assert client.post(url, {}, content_type="application/json").status_code == 409
    assert client.delete(f"{home}/reading").json()["status"] == "cancelled"
    assert client.post(f"{home}/reading").status_code == 202
    assert olga_client.get(f"{home}/reading").status_code == 404
    read_in(CaseSet.objects.get())
    read = client.get(f"{home}/reading").json()
    assert (read["status"], read["percent"], read["is_labelled"]) == ("done", 100, True)
    begun = client.post(url, {"variants": ["no-logs"]}, content_type="application/json")
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    assert client.post(url, {}, content_type="application/json").status_code == 409
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    found = client.get(f"/api/v1/replays/{Replay.objects.get().pk}").json()
    assert found["state"] == "finished"
    assert found["result"]["variants"]["whole"]["r_at_1"] == 1.0
    assert olga_client.get(SETS).json() == []
    assert olga_client.get(f"/api/v1/replays/{Replay.objects.get().pk}").status_code == 404


def test_a_bad_archive_and_a_reading_key_are_refused(with_key: Any) -> None:
    bad = with_key("write").post(SETS, b"nothing", content_type="application/zip")
    assert (bad.status_code, "Nothing was stored" in bad.json()["detail"]) == (422, True)
    refused = with_key("read").post(SETS, b"nothing", content_type="application/zip")
    assert refused.status_code == 403


def test_a_program_chooses_the_baseline_and_reads_whether_a_replay_passes(
    with_key: Any, olga_client: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, reader = with_key("write"), with_key("read")
    home = f"{SETS}/{read_in(sent(workspace)).pk}/replays"

    def replayed() -> str:
        begun = client.post(home, {}, content_type="application/json").json()
        while ids := replays.due():
            for pk in ids:
                replays.work(pk)
        return f"/api/v1/replays/{begun['id']}"

    first = replayed()
    assert reader.get(first).json()["passed"] is None
    assert reader.put(f"{first}/baseline").status_code == 403
    assert olga_client.put(f"{first}/baseline").status_code == 404
    assert client.put(f"{first}/baseline").json()["is_baseline"] is True
    assert reader.get(replayed()).json()["passed"] is True
    monkeypatch.setattr(evaluation, "ranking", lambda answer: ("web",))
    worse = reader.get(replayed()).json()
    assert (worse["passed"], worse["result"]["gate"]["against"]) == (False, 1)
    # Who read the baseline puts another one in its place only while it is that one.
    second, third = (f"/api/v1/replays/{replay.pk}" for replay in Replay.objects.all()[:2])
    read = {"seen": reader.get(second).json()["shown"]}
    put = {"content_type": "application/json"}
    assert client.put(f"{third}/baseline", read, **put).status_code == 200
    assert client.put(f"{second}/baseline", read, **put).status_code == 409
    begun = client.post(home, {}, content_type="application/json").json()
    assert reader.delete(f"/api/v1/replays/{begun['id']}").status_code == 403
    cancelled = client.delete(f"/api/v1/replays/{begun['id']}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert client.delete(f"/api/v1/replays/{begun['id']}").status_code == 409
    rows = reader.get(home).json()["results"]
    assert [row["passed"] for row in rows] == [None, False, True, None]
    assert "R@1 1.00 to 0.00" in rows[1]["message"]
    assert olga_client.get(home).status_code == 404


def test_a_program_replays_trajectories_too(with_key: Any) -> None:
    client = with_key("write")
    body = zipped(trajectory_files())
    sent_set = client.post("/api/v1/case-sets?name=talks.zip", body, content_type="application/zip")
    row = read_in(CaseSet.objects.get(pk=sent_set.json()["id"]))
    home = f"/api/v1/case-sets/{row.pk}"
    assert client.get(f"{home}/reading").json()["kind"] == "trajectories"
    refused = client.post(
        f"{home}/replays", {"variants": ["no-logs"]}, content_type="application/json"
    )
    assert refused.status_code == 400
    client.post(f"{home}/replays", {"variants": ["no-code"]}, content_type="application/json")
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    url = f"/api/v1/replays/{Replay.objects.get().pk}"
    found = client.get(url).json()["result"]["variants"]
    assert (found["whole"]["r_at_1"], found["whole"]["agent_at_1"]) == (0.25, 0.25)
    assert client.put(f"{url}/baseline").json()["is_baseline"] is True


def test_a_program_reads_each_case_beside_its_label(with_key: Any, olga_client: Any) -> None:
    client, reader = with_key("write"), with_key("read")
    body = zipped(trajectory_files())
    client.post("/api/v1/case-sets?name=talks.zip", body, content_type="application/zip")
    case_set = read_in(CaseSet.objects.get())
    home = f"/api/v1/case-sets/{case_set.pk}/replays"
    client.post(home, {"variants": ["no-code"]}, content_type="application/json")
    cases = f"/api/v1/replays/{Replay.objects.get().pk}/cases"
    waiting = reader.get(cases).json()["results"][0]
    assert (waiting["status"], waiting["outcome"], waiting["ranked"]) == ("waiting", "", [])
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    rows = reader.get(f"{cases}?variant=whole").json()["results"]
    assert {row["variant"] for row in rows} == {"whole"}
    assert len(reader.get(cases).json()["results"]) == 2 * len(rows)
    for row in rows:
        truth = case_set.truths[row["case_id"]]
        assert (row["truth"], row["true_agent"]) == (truth["service"], truth["agent"])
        found = row["ranked"].index(row["truth"]) + 1 if row["truth"] in row["ranked"] else None
        assert row["rank"] == found
        assert row["visits"] > 0
    told = reader.get(f"{cases}/{rows[0]['id']}").json()
    assert told.items() >= rows[0].items()
    decisive = [str(step["index"]) for step in told["steps"] if step["is_true"]]
    assert decisive == [rows[0]["truth"]]
    assert [str(s["index"]) for s in told["steps"] if s["is_first"]] == [rows[0]["ranked"][0]]
    refused = reader.get(f"{cases}?variant=no-logs")
    assert (refused.status_code, "whole, no-code" in refused.text) == (400, True)
    assert olga_client.get(cases).status_code == 404
    assert olga_client.get(f"{cases}/{rows[0]['id']}").status_code == 404


def test_a_list_of_cases_takes_as_many_queries_for_more_of_them(
    with_key: Any, workspace: Any
) -> None:
    reader = with_key("read")
    replay = Replay.objects.create(case_set=sent(workspace), number=1, variants=["whole"])
    url = f"/api/v1/replays/{replay.pk}/cases"
    assert reader.get(url).json()["results"] == []  # what a key is first used for is noted
    counts = []
    for more in (1, 30):
        for number in range(more):
            answer = {"replayed": {"ranked": ["web"], "outcome": "found"}, "steps": ["x" * 99]}
            replay.cases.create(variant="whole", case_id=f"{more}-{number}", answer=answer)
        with CaptureQueriesContext(connection) as asked:
            assert reader.get(url).status_code == 200
        counts.append(len(asked))
        assert "steps" not in asked[-1]["sql"]
    assert counts[0] == counts[1]
