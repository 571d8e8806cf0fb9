"""Lines of the log say which request, task and run they belong to."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, get_resolver

from memoryapp.api.middleware import RequestId
from memoryapp.domain import context
from memoryapp.project import logs, reporting
from memoryapp.project.masking import REMOVED, masked


@pytest.fixture(autouse=True)
def _nothing_bound() -> None:
    context.begin()


def record(message: str = "hello", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("greenroom", logging.INFO, "f.py", 1, message, (), None)
    made.__dict__.update(extra)
    return made


def test_a_line_names_what_it_belongs_to() -> None:
    context.begin(request_id="r1")
    context.bind(run="42")
    said = logs.Line().format(record(fields={"status": 200}))
    assert said.endswith("INFO greenroom hello request_id=r1 run=42 status=200")


def test_a_line_that_belongs_to_nothing_ends_with_its_message() -> None:
    assert logs.Line().format(record()).endswith("INFO greenroom hello")


def test_a_message_cannot_begin_a_line_of_its_own() -> None:
    forged = "GET /x\n2026-11-28 ERROR greenroom all is lost\x1b[2J\u2028"
    said = logs.Line().format(record(forged, fields={"route": "a\rb"}))
    assert said.splitlines() == [said]
    assert r"GET /x\n2026-11-28 ERROR greenroom all is lost\x1b[2J\u2028 route=a\rb" in said


def test_an_exception_cannot_begin_a_line_either() -> None:
    forged = record()
    try:
        raise ValueError("no such tool\n2026-11-28 ERROR greenroom all is lost\x1b[2J")
    except ValueError:
        forged.exc_info = sys.exc_info()
    first, *others = logs.Line().format(forged).splitlines()
    assert first.endswith("INFO greenroom hello")
    assert others[0] == "  Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in others)
    assert r"all is lost\x1b[2J" in others[-1]


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING"])
@pytest.mark.parametrize("form", [logs.Line, logs.Json])
@pytest.mark.django_db
def test_no_line_holds_an_address_that_lets_in_whoever_knows_it(
    client: Client, caplog: pytest.LogCaptureFixture, level: str, form: Any
) -> None:
    """Django's own lines quote paths too: of what is gone, forbidden or broken."""
    opening = ("/join/t0ken-of-a-link/", "/password/reset/key/3-t0ken/", "/confirm-email/t0ken:x/")
    with caplog.at_level(level):
        for path in opening:
            client.get(path)
            client.post(path)
    logging.getLogger("django.request").error("Internal Server Error: %s", opening[0])
    said = "\n".join(form().format(one) for one in caplog.records)
    assert REMOVED in said
    assert "t0ken" not in said


def test_what_a_local_server_takes_for_a_key_is_left_in_other_words(settings: Any) -> None:
    settings.LLM_API_KEY, settings.EMBEDDING_API_KEY = "ollama", "key-of-embeddings"
    assert masked("ollama refused key-of-embeddings") == f"ollama refused {REMOVED}"


def test_every_address_with_a_word_in_it_that_opens_is_masked() -> None:
    """What lets somebody in is called token or key in the patterns of addresses."""
    found = [
        str(pattern.pattern)
        for pattern in every_address(get_resolver().url_patterns)
        if {"token", "key"} & pattern.pattern.regex.groupindex.keys()
    ]
    assert len(found) == 3
    for written in found:
        path = re.sub(r"<\w+:\w+>|\(\?P<\w+>[^)]*\)", "t0ken", written).strip("^$")
        assert "t0ken" not in masked(f"GET /{path}"), written


def every_address(patterns: Any) -> Iterator[URLPattern]:
    for one in patterns:
        if isinstance(one, URLPattern):
            yield one
        else:
            yield from every_address(one.url_patterns)


def test_libraries_tell_of_no_call_at_any_level(caplog: pytest.LogCaptureFixture) -> None:
    """Their lines quote addresses whose query or path is a secret, headers and prompts."""
    with caplog.at_level("DEBUG"):
        with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200))) as http:
            http.get("https://desk.example/?key=s3cret")
        for name in ("httpcore2.http11", "openai._base_client", "mcp.client", "botocore.auth"):
            assert not logging.getLogger(name).isEnabledFor(logging.INFO), name
    assert "s3cret" not in caplog.text


def test_json_is_one_object_with_the_traceback_in_it() -> None:
    context.begin(request_id="r1")
    try:
        raise ValueError("broken\nin two lines")
    except ValueError as error:
        made = record("It “failed”", exc_info=(ValueError, error, error.__traceback__))
    said = logs.Json().format(made)
    assert "\n" not in said
    line = json.loads(said)
    assert line["message"] == "It “failed”"
    assert line["request_id"] == "r1"
    assert line["error"].endswith("in two lines")
    assert line["level"] == "INFO"


def test_a_request_binds_its_id_and_the_next_one_its_own() -> None:
    seen: list[Any] = []

    def answer(request: Any) -> HttpResponse:
        seen.append(dict(context.bound()))
        context.bind(run="left over")
        return HttpResponse()

    for name in ("first", "second"):
        RequestId(answer)(RequestFactory().get("/", headers={"X-Request-ID": name}))
    assert seen == [{"request_id": "first"}, {"request_id": "second"}]


def test_the_id_of_a_request_goes_with_the_tasks_it_rings_for() -> None:
    headers: dict[str, Any] = {}
    context.begin(request_id="r1")
    logs.send_along(headers=headers)
    context.begin(request_id="of another request in this worker")
    task = SimpleNamespace(name="practice.tasks.drive_run", request=SimpleNamespace(**headers))
    logs.take_up(task=task, task_id="t1")
    assert context.bound() == {"request_id": "r1", "task": "drive_run", "task_id": "t1"}


def test_a_task_of_beat_belongs_to_itself() -> None:
    task = SimpleNamespace(name="practice.tasks.sweep_runs", request=SimpleNamespace())
    logs.take_up(task=task, task_id="t2")
    assert context.bound() == {"task": "sweep_runs", "task_id": "t2"}


def test_a_reported_defect_holds_nobodys_words_and_no_secret(settings: Any) -> None:
    settings.LLM_API_KEY = "canary-of-the-model"
    context.begin(request_id="r1")
    event = {
        "user": {"id": 1},
        "extra": {"sys.argv": ["canary"]},
        "breadcrumbs": {"values": ["canary"]},
        "request": {
            "method": "POST",
            "url": "http://host/api/v1/x?canary=1",
            "headers": {"Authorization": "Bearer canary"},
            "data": "canary",
            "cookies": {"s": "canary"},
        },
        "exception": {"values": [{"type": "E", "value": "key canary-of-the-model in it"}]},
        "message": "postgresql://user:canary@host/db and gr_canary123456",
    }
    sent = reporting.scrubbed(event, {})
    assert "canary" not in json.dumps(sent).replace(REMOVED, "")
    assert sent["tags"] == {"request_id": "r1"}
    assert sent["request"] == {"method": "POST", "url": "http://host/api/v1/x"}
    assert sent["exception"]["values"][0]["type"] == "E"


@pytest.mark.parametrize("form", [logs.Line(), logs.Json()])
def test_no_line_holds_a_secret_that_a_library_quoted(
    form: logging.Formatter, settings: Any
) -> None:
    settings.LLM_API_KEY = "canary-of-the-model"
    try:
        raise RuntimeError("no answer from postgresql://user:canary-pw@host/db")
    except RuntimeError:
        thrown = sys.exc_info()
    record = logging.LogRecord(
        "x", logging.ERROR, "f.py", 1, "asked with %s", ("canary-of-the-model",), thrown
    )
    said = form.format(record)
    assert "canary" not in said
    assert f"postgresql://{REMOVED}@host/db" in said


def test_an_address_without_its_library_is_said_in_one_line(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    settings.SENTRY_DSN = "https://key@127.0.0.1/1"
    monkeypatch.setattr(reporting, "import_module", missing)
    with pytest.raises(
        SystemExit, match=r"SENTRY_DSN is set, .* pip install 'greenroom\[sentry\]'"
    ):
        reporting.begin()


def test_a_line_holds_no_secret_of_a_replica_or_a_bucket(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES, "replica", {"PASSWORD": "canary-of-the-replica"})
    bucket = {"BACKEND": "x", "OPTIONS": {"secret_key": "canary-of-the-bucket"}}
    monkeypatch.setitem(settings.STORAGES, "observations", bucket)
    said = logs.Line().format(record("canary-of-the-replica, canary-of-the-bucket"))
    assert "canary" not in said
