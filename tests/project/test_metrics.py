"""``/metrics``: who may read it, and that its figures are those of the rows."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from memoryapp.clients import pulse, store
from memoryapp.clients.addresses import VIA
from memoryapp.project import metrics
from practice.models import Unit
from tests.factories import CandidateFactory, RunFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("requests_counted")]


def figures(client: Client, **headers: str) -> dict[tuple[str, ...], float]:
    """Sample name and label values to value."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_it_counts_what_waits(client: Client) -> None:
    run = RunFactory(status="running")
    RunFactory(status="finished")
    for number, status in enumerate(["waiting", "waiting", "running", "done"]):
        Unit.objects.create(run=run, stage="solve", round=1, target=number, status=status)
    Unit.objects.filter(target=0).update(created_at=timezone.now() - timedelta(seconds=90))
    CandidateFactory()
    found = figures(client)
    assert found["greenroom_units", "waiting"] == 2
    assert found["greenroom_units", "running"] == 1
    assert ("greenroom_units", "done") not in found
    assert found["greenroom_runs", "running"] == 1
    assert 90 <= found["greenroom_oldest_waiting_unit_seconds",] < 120
    assert found["greenroom_candidates", "pending"] == 1
    assert ("greenroom_rows_written_total", "practice_step") in found


def test_a_unit_that_may_not_start_yet_is_not_late(client: Client) -> None:
    later = timezone.now() + timedelta(minutes=5)
    Unit.objects.create(run=RunFactory(status="running"), stage="solve", round=1, not_before=later)
    assert figures(client)["greenroom_oldest_waiting_unit_seconds",] == 0


def test_it_says_how_long_ago_beat_was_heard_of(client: Client) -> None:
    pulse.leave()
    assert figures(client)["greenroom_beat_age_seconds",] < 60
    store.client().delete(store.PREFIX + pulse.KEY)
    assert ("greenroom_beat_age_seconds",) not in figures(client)


def test_it_counts_requests_by_the_name_of_their_address(client: Client) -> None:
    name = ("greenroom_http_request_seconds_count", "GET", "healthz", "200")
    before = figures(client).get(name, 0)
    client.get("/healthz")
    client.get("/no/such/place-77")
    after = figures(client)
    assert after[name] >= before + 1
    assert not [key for key in after if "place-77" in "".join(key)]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1"])
def test_this_machine_may_read_it(client: Client, peer: str) -> None:
    assert client.get("/metrics", REMOTE_ADDR=peer).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        {"REMOTE_ADDR": "10.0.0.7"},
        {"HTTP_X_FORWARDED_FOR": "10.0.0.7"},
        {"HTTP_FORWARDED": "for=10.0.0.7"},
        {"HTTP_VIA": VIA},
        {"REMOTE_ADDR": ""},
    ],
)
def test_nobody_else_may(client: Client, given: dict[str, Any]) -> None:
    answer = client.get("/metrics", **given)
    assert answer.status_code == 403
    assert "METRICS_TOKEN" in answer.content.decode()


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 403), ("localhost:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200)],
)
def test_no_page_whose_name_was_made_to_lead_here_reads_it(
    client: Client, settings: Any, host: str, status: int
) -> None:
    settings.ALLOWED_HOSTS = ["*", "localhost", "127.0.0.1"]
    assert client.get("/metrics", HTTP_HOST=host).status_code == status


def test_it_says_which_parts_answer_and_what_room_is_left(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = figures(client)
    assert found["greenroom_part_up", "postgres"] == 1
    assert found["greenroom_part_up", "redis"] == 1
    assert found["greenroom_disk_free_bytes",] > 0
    assert [key for key in found if key[0] == "greenroom_build_info"] == [
        ("greenroom_build_info", metrics.VERSION)
    ]
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", metrics.VERSION)

    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr("practice.queries.work.open_work", away)
    monkeypatch.setattr("memoryapp.clients.store.softly", lambda ask: None)
    found = figures(client)
    assert found["greenroom_part_up", "postgres"] == 0
    assert found["greenroom_part_up", "redis"] == 0
    assert ("greenroom_http_request_seconds_count", "GET", "metrics", "200") in found


def test_the_token_is_asked_of_everybody(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "a-token-of-some-length"
    assert client.get("/metrics").status_code == 403
    wrong = {"Authorization": "Bearer a-token-of-some-lengt\xe4"}
    assert client.get("/metrics", headers=wrong).status_code == 403
    right = {"Authorization": f"Bearer {settings.METRICS_TOKEN}"}
    assert figures(client, **right)


def test_counts_of_hosts_that_are_gone_are_removed(tmp_path: Path) -> None:
    now = tmp_path.stat().st_mtime
    for name in ("own", "gone", "silent", "new"):
        (tmp_path / name).mkdir()
    for name, age in (("own", 30), ("gone", 30), ("silent", 6)):
        counts = tmp_path / name / "histogram_7.db"
        counts.write_bytes(b"")
        for path in (counts, counts.parent):
            os.utime(path, (now, now - age * 86_400))
    (tmp_path / "histogram_7.db").write_bytes(b"")
    metrics.forget_gone(tmp_path / "own", now)
    left = {"own", "silent", "new", "histogram_7.db"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_reading_it_costs_few_queries_however_much_there_is(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(3):
        Unit.objects.create(run=RunFactory(status="running"), stage="solve", round=1)
    with django_assert_max_num_queries(10):
        assert re.search(
            r"greenroom_units\{status=\"waiting\"\} 3", client.get("/metrics").content.decode()
        )
