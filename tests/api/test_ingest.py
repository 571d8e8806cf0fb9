"""Spans and exports over the API: taken once, refused clearly, never half."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from practice.api import ingest
from practice.models import SentSpan, SentTrace, SentTrajectory
from practice.orchestrator.traces import assemble
from practice.services import deployment
from tests.domain.traces.exports import CLAUDE, OBSERVATIONS, jsonl
from tests.domain.traces.otlp import TRACE, as_json, protobuf, refund, span
from tests.factories import PlaybookFactory, WorkspaceFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("receivers")]

OTLP = "/api/v1/otlp/v1/traces"
IMPORT = "/api/v1/trajectories/import"
PROTOBUF = "application/x-protobuf"


@pytest.fixture
def client(with_key: Any) -> Any:
    return with_key("trajectories:write")


def post(client: Any, body: bytes, kind: str = PROTOBUF, url: str = OTLP, **headers: str) -> Any:
    return client.post(url, body, content_type=kind, headers=headers)


def settle() -> int:
    long_ago = timezone.now() - timedelta(minutes=1)
    SentTrace.objects.filter(status="open").update(last_seen_at=long_ago)
    return assemble()


@pytest.mark.parametrize(
    ("body", "kind"), [(protobuf(refund()), PROTOBUF), (as_json(refund()), "application/json")]
)
def test_a_whole_trace_becomes_one_trajectory(client: Any, body: bytes, kind: str) -> None:
    assert post(client, body, kind).status_code == 200
    assert assemble() == 0  # it is not quiet yet
    assert settle() == 1
    sent = SentTrajectory.objects.get()
    assert (sent.external_id, sent.instruction) == (TRACE, "Refund order 7.")
    assert [step["tool"] for step in sent.steps] == ["get_order", "create_refund"]
    assert not SentSpan.objects.exists()


def test_it_puts_a_trace_together_from_any_batches_sent_any_number_of_times(client: Any) -> None:
    spans = refund()
    for batch in ([spans[3]], spans[1:3], [spans[3], spans[2]], [spans[0], spans[0]], spans):
        assert post(client, protobuf(batch)).status_code == 200
    trace = SentTrace.objects.get()
    assert (trace.span_count, trace.has_root, SentSpan.objects.count()) == (4, True, 4)
    settle()
    post(client, protobuf(spans))
    settle()
    assert SentTrajectory.objects.count() == 1
    assert not SentSpan.objects.exists()


def test_it_waits_for_the_root_but_not_for_ever(client: Any) -> None:
    post(client, protobuf(refund()[1:]))
    SentTrace.objects.update(last_seen_at=timezone.now() - timedelta(minutes=9))
    assert assemble() == 0
    SentTrace.objects.update(last_seen_at=timezone.now() - timedelta(minutes=11))
    assert assemble() == 1


def test_it_says_which_spans_it_rejected(client: Any) -> None:
    spans = [*refund(), span(9, "lost", {}, trace="0" * 32)]
    answer = ExportTraceServiceResponse.FromString(post(client, protobuf(spans)).content)
    assert answer.partial_success.rejected_spans == 1
    assert "trace id has 16 bytes" in answer.partial_success.error_message
    said = post(client, as_json(spans), "application/json").json()["partialSuccess"]
    assert said["rejectedSpans"] == "1"


def test_it_says_why_a_trace_became_no_trajectory(client: Any, with_key: Any) -> None:
    post(client, protobuf([span(1, "GET /", {})]))
    assert settle() == 0
    (row,) = with_key("read").get(f"{OTLP}?status=refused").json()["results"]
    assert row["trace_id"] == TRACE
    assert "no tool call" in row["message"]


def test_it_masks_secrets_before_a_span_is_stored(client: Any) -> None:
    secret = "sk-live-0123456789abcdef0123"
    given = {"tool.name": "login", "input.value": json.dumps({"password": "hunter2hunter2"})}
    post(client, protobuf([span(1, "x", {**given, "output.value": secret})]))
    stored = json.dumps(SentSpan.objects.get().attributes)
    assert secret not in stored
    assert "hunter2" not in stored


def test_it_unpacks_gzip(client: Any) -> None:
    packed = gzip.compress(protobuf(refund()))
    assert post(client, packed, **{"Content-Encoding": "gzip"}).status_code == 200
    assert SentSpan.objects.count() == 4


@pytest.mark.parametrize(
    ("body", "kind", "encoding", "status"),
    [
        (b"\xff\xff\xff", PROTOBUF, "", 400),
        (b'{"spans": []}', "application/json", "", 400),
        (b"[" * 100_000, "application/json", "", 400),
        (b"plain", PROTOBUF, "gzip", 400),
        (gzip.compress(b"x" * 999, mtime=0)[:-9], PROTOBUF, "gzip", 400),
        (b"x", PROTOBUF, "br", 415),
        (b"x", "text/plain", "", 415),
        (gzip.compress(b"0" * 30_000_000, mtime=0), PROTOBUF, "gzip", 413),
        (b"0" * 2_000_001, PROTOBUF, "", 413),
        (gzip.compress(b"\n\0" * 300_000, mtime=0), PROTOBUF, "gzip", 413),
    ],
    ids=[
        *("bytes", "no spans", "nested", "not gzip", "cut off", "brotli", "text", "bomb", "large"),
        "crowded",
    ],
)
def test_it_refuses_a_bad_body_with_one_line(
    client: Any, settings: Any, body: bytes, kind: str, encoding: str, status: int
) -> None:
    settings.INGEST_MAX_BYTES = 2_000_000
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = post(client, body, kind, **headers)
    assert answer.status_code == status
    said = answer.json()
    assert said["type"].startswith("urn:greenroom:problem:")
    assert (status == 413) == said["type"].endswith(":too-large")
    assert "\n" not in said["detail"]
    assert not SentTrace.objects.exists()


def test_it_asks_senders_to_wait_while_too_much_waits(client: Any, settings: Any) -> None:
    post(client, protobuf(refund()))
    settings.INGEST_MAX_WAITING = 4
    answer = post(client, protobuf(refund("1" * 32)))
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert SentTrace.objects.count() == 1


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every body is a long one."""
    monkeypatch.setattr(ingest, "SHORT", 0)


@pytest.fixture
def no_slot() -> Iterator[None]:
    with contextlib.ExitStack() as taken:
        for _ in range(ingest.AT_ONCE):
            assert ingest._slots.acquire(blocking=False)
            taken.callback(ingest._slots.release)
        yield


@pytest.mark.usefixtures("long", "no_slot")
def test_it_keeps_threads_free_for_others(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "PATIENCE_SECONDS", 0.01)
    waited = post(client, protobuf(refund()))
    monkeypatch.setattr(ingest, "PATIENCE_SECONDS", 60)
    with contextlib.ExitStack() as in_line:
        for _ in range(ingest.IN_LINE):
            assert ingest._line.acquire(blocking=False)
            in_line.callback(ingest._line.release)
        at_once = post(client, protobuf(refund()))
    for answer in (waited, at_once):
        assert (answer.status_code, answer["Retry-After"]) == (503, "1")


@pytest.mark.usefixtures("no_slot")
def test_a_short_body_waits_for_nobody_but_a_packed_one_may_be_long(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "PATIENCE_SECONDS", 0.01)
    body = protobuf(refund())
    assert post(client, body).status_code == 200
    packed = post(client, gzip.compress(body), **{"Content-Encoding": "gzip"})
    assert packed.status_code == 503


@pytest.mark.usefixtures("long", "no_slot")
def test_a_sender_waits_for_the_one_before(client: Any) -> None:
    later = threading.Timer(0.05, ingest._slots.release)
    later.start()
    try:
        assert post(client, protobuf(refund())).status_code == 200
    finally:
        later.join()
        assert ingest._slots.acquire(blocking=False)


def test_it_wants_to_know_where_to_when_there_is_a_choice(client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="second")
    assert post(client, protobuf(refund())).status_code == 400
    assert post(client, protobuf(refund()), url=f"{OTLP}?playbook=nowhere").status_code == 404
    assert post(client, protobuf(refund()), **{ingest.PLAYBOOK_HEADER: "second"}).status_code == 200
    assert SentTrace.objects.get().playbook.slug == "second"


def test_it_never_writes_into_another_workspace(client: Any) -> None:
    PlaybookFactory(workspace=WorkspaceFactory(), slug="theirs")
    assert post(client, protobuf(refund()), url=f"{OTLP}?playbook=theirs").status_code == 404


@pytest.mark.parametrize("scope", ["playbooks:pull", "read"])
def test_it_needs_a_key_that_may_send(with_key: Any, scope: str) -> None:
    assert post(with_key(scope), protobuf(refund())).status_code == 403
    imported = post(with_key(scope), b"", "application/json", f"{IMPORT}?format=jsonl")
    assert imported.status_code == 403


def test_it_imports_an_export_and_reports_each_row(client: Any) -> None:
    body = jsonl(*OBSERVATIONS, {"id": "x"}, {"traceId": "t2", "id": "y", "type": "EVENT"})
    url = f"{IMPORT}?format=langfuse"
    said = post(client, body, "application/x-ndjson", url).json()
    assert (said["accepted"], said["known"], said["refused_count"]) == (1, 0, 2)
    assert "no traceId" in said["refused"][0]["message"]
    assert said["refused"][1]["message"].startswith("t2: The trace has no tool call")
    assert post(client, body, "application/json", url).json()["known"] == 1
    assert SentTrajectory.objects.get().external_id == "t1"


def native(name: str) -> dict[str, Any]:
    return {"id": name, "instruction": "Look.", "steps": [{"tool": "get", "observation": name}]}


def test_it_takes_long_exports_a_batch_at_a_time(client: Any) -> None:
    body = gzip.compress(jsonl(*(native(f"n{number}") for number in range(450))))
    url = f"{IMPORT}?format=jsonl"
    kind = "application/octet-stream"
    said = post(client, body, kind, url, **{"Content-Encoding": "gzip"}).json()
    assert (said["accepted"], said["refused_count"]) == (450, 0)


def test_it_stops_reading_a_file_of_another_form(client: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(deployment, "MAX_REFUSED", 400)
    body = jsonl(native("n1")) + b"7\n" * 10_000
    answer = post(client, body, "application/x-ndjson", f"{IMPORT}?format=jsonl")
    assert answer.status_code == 422
    said = answer.json()["detail"]
    assert said.startswith("400 entries were refused, and the rest was not read")
    assert said.endswith("1 were taken. The first refusal: Each line must be one object.")
    assert SentTrajectory.objects.get().external_id == "n1"


def test_it_keeps_what_came_before_the_body_broke_off(client: Any) -> None:
    whole = gzip.compress(jsonl(*(native(f"n{number}") for number in range(1000))))
    url, kind = f"{IMPORT}?format=jsonl", "application/x-ndjson"
    said = post(client, whole[:-20], kind, url, **{"Content-Encoding": "gzip"}).json()
    assert said["accepted"] == SentTrajectory.objects.count() > 200
    assert "cut off. What came before was taken." in said["refused"][-1]["message"]
    again = post(client, whole, kind, url, **{"Content-Encoding": "gzip"}).json()
    assert again["accepted"] + again["known"] == SentTrajectory.objects.count() == 1000


def test_it_imports_a_session_of_a_coding_agent(client: Any) -> None:
    said = post(client, jsonl(*CLAUDE), "application/x-ndjson", f"{IMPORT}?format=claude-code")
    assert said.json()["accepted"] == 1


def test_it_says_when_a_session_is_of_another_form(client: Any) -> None:
    said = post(client, jsonl(*CLAUDE), "application/x-ndjson", f"{IMPORT}?format=codex").json()
    assert (said["accepted"], said["refused_count"]) == (0, 1)
    assert said["refused"][0]["message"].startswith("This is not a session of Codex: its lines are")


@pytest.mark.parametrize("url", [IMPORT, f"{IMPORT}?format=xml"])
def test_it_points_to_the_parameter_that_should_name_the_format(client: Any, url: str) -> None:
    answer = post(client, b"[]", "application/json", url)
    assert answer.headers["Content-Type"] == "application/problem+json"
    (field,) = answer.json()["fields"]
    assert (field["parameter"], field["detail"][:15]) == ("format", "Choose one of: ")


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        (f"{IMPORT}?format=xml", b"[]", 400),
        (IMPORT, b"[]", 400),
        (f"{IMPORT}?format=langfuse", b"", 400),
        (f"{IMPORT}?format=codex", b"", 400),
        (f"{IMPORT}?format=langsmith", b"[1, ", 400),
    ],
)
def test_it_refuses_an_export_it_cannot_read(
    client: Any, url: str, body: bytes, status: int
) -> None:
    assert post(client, body, "application/json", url).status_code == status


@pytest.mark.parametrize(
    ("others", "said"),
    [
        (["sales"], "There are desk, sales."),
        ([f"p{number}" for number in range(9)], "There are desk, p0, p1, p2, p3, p4, p5, p6 and"),
    ],
)
def test_who_names_no_playbook_is_told_which_there_are(
    client: Any, workspace: Any, others: list[str], said: str
) -> None:
    for slug in others:
        PlaybookFactory(workspace=workspace, slug=slug, name=slug)
    (field,) = post(client, protobuf(refund())).json()["fields"]
    assert field["parameter"] == "playbook"
    assert field["detail"].startswith("Name the playbook: ?playbook=<slug> or the header X-Green")
    assert said in field["detail"]


def test_who_names_what_is_not_there_yet_is_told_to_make_one(client: Any, workspace: Any) -> None:
    workspace.environments.all().delete()
    (field,) = post(client, protobuf(refund())).json()["fields"]
    assert field["detail"] == "There is no environment yet: make one first."
