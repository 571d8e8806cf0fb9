"""Senders' clocks date nothing: what they send is taken, and a wrong one is remarked."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from practice.domain.deployment import Sent
from practice.domain.remarks import clock_remark
from practice.models import SentSpan, SentTrace, SentTrajectory
from practice.orchestrator.traces import assemble
from tests.domain.traces.exports import CLAUDE, CODEX, OBSERVATIONS, RUNS, jsonl
from tests.domain.traces.otlp import protobuf, refund

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("receivers")]
AHEAD = "2199-11-25T10:00:02Z"
CENTURIES = 173 * 365 * 86_400 * 10**9
NATIVE = {"id": "n1", "instruction": "Look.", "steps": [{"tool": "get"}]}


@pytest.fixture
def client(with_key: Any) -> Any:
    return with_key("trajectories:write", "read")


def dated(rows: list[dict[str, Any]]) -> bytes:
    """Lines whose every date is of 2199."""
    said = jsonl(*({**row, "timestamp": AHEAD} for row in rows))
    return said.replace(b"2026-11-25", b"2199-11-25")


def imported(client: Any, form: str, body: bytes) -> Any:
    url = f"/api/v1/trajectories/import?format={form}"
    return client.post(url, body, content_type="application/x-ndjson").json()


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("jsonl", jsonl({**NATIVE, "ended_at": AHEAD})),
        ("langfuse", dated(OBSERVATIONS)),
        ("langsmith", dated(RUNS)),
        ("claude-code", dated(CLAUDE)),
        ("codex", dated(CODEX)),
    ],
)
def test_an_export_of_2199_is_taken_and_remarked(client: Any, form: str, body: bytes) -> None:
    said = imported(client, form, body)
    assert (said["accepted"], said["refused_count"]) == (1, 0)
    (remark,) = said["remarks"]
    sent = SentTrajectory.objects.get()
    assert remark["id"] == sent.external_id
    assert remark["message"] == sent.remark
    assert "ended at 2199-11-25 10:00 UTC" in sent.remark
    assert abs(sent.received_at - timezone.now()) < timedelta(minutes=5)
    (row,) = client.get("/api/v1/trajectories").json()["results"]
    assert row["remark"] == sent.remark


def test_a_trace_of_2199_is_taken_and_remarked(client: Any) -> None:
    spans = [
        {**one, "start": one["start"] + CENTURIES, "end": one["end"] + CENTURIES}
        for one in refund()
    ]
    url = "/api/v1/otlp/v1/traces"
    assert client.post(url, protobuf(spans), content_type="application/x-protobuf").content == b""
    SentTrace.objects.update(last_seen_at=timezone.now() - timedelta(minutes=1))
    assert assemble() == 1
    sent = SentTrajectory.objects.get()
    assert [step["tool"] for step in sent.steps] == ["get_order", "create_refund"]
    assert "Its clock is ahead" in sent.remark
    (trace,) = client.get(url).json()["results"]
    assert (trace["status"], trace["message"]) == ("sent", sent.remark)
    assert not SentSpan.objects.exists()


def test_a_time_that_is_none_is_refused_by_row(client: Any) -> None:
    rows = [{**NATIVE, "ended_at": "soon"}, {**NATIVE, "id": "n2", "ended_at": "2026-01-01"}]
    said = imported(client, "jsonl", jsonl(*rows))
    assert (said["accepted"], said["remarks"]) == (1, [])
    (refused,) = said["refused"]
    assert (refused["place"], refused["id"]) == (0, "n1")
    assert refused["message"].startswith("ended_at is a time as in 2026-01-31T12:00:00Z")


def test_no_clock_breaks_a_reader(client: Any) -> None:
    """Every end a number, a text or a year can have; some are no time, none is an error of ours."""
    ends = [10**30, -1, True, "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00", [], {}, ""]
    for number, end in enumerate(ends):
        rows = json.loads(json.dumps(OBSERVATIONS).replace("t1", f"t{number}"))
        rows[1]["endTime"] = end
        assert imported(client, "langfuse", jsonl(*rows))["accepted"] == 1, end


def test_a_day_is_what_zones_may_differ_by() -> None:
    now = datetime(2026, 11, 28, tzinfo=UTC)
    for ahead, is_remarked in ((timedelta(days=1), False), (timedelta(days=1, seconds=1), True)):
        sent = Sent("x", "Look.", (), ended_at=now + ahead)
        assert bool(clock_remark(sent, now)) is is_remarked
