"""What leaves for a collector of traces and for a server of defects, seen from their side.

Both libraries hook into the whole process, so a process of its own does the work.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import brotli
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_httpserver import HTTPServer

ROOT = Path(__file__).resolve().parents[2]
UNPACK = {None: bytes, "gzip": gzip.decompress, "br": brotli.decompress}
#: A request, a job that works, and one that fails with somebody's words and a secret at hand.
WORK = """
import sys
import django
django.setup()
from django.conf import settings
from django.test import Client
from memoryapp.domain import context
from memoryapp.project import reporting
from memoryapp.project.celery import app

@app.task(name="practice.tasks.whole")
def whole():
    context.bind(run="r7", unit="42")

@app.task(name="practice.tasks.broken")
def broken(words):
    raise RuntimeError("no answer from postgresql://user:pass-canary@host/db")

reporting.begin()
Client(headers={"X-Request-ID": "q1"}).get("/healthz?q=words-canary")
whole.apply()
broken.apply(args=["words-canary"])
if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
    from opentelemetry import trace
    trace.get_tracer_provider().shutdown()
if settings.SENTRY_DSN:
    import sentry_sdk
    sentry_sdk.flush()
print(*sorted({"anthropic", "openai", "pydantic_ai"}.intersection(sys.modules)))
"""


def work(data: Path, **settings: str) -> list[str]:
    """Do it in a process with these settings. Returns the libraries of models it loaded."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", WORK],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
            "GREENROOM_DATA_DIR": str(data),
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def bodies(httpserver: HTTPServer) -> list[bytes]:
    found = []
    for request, _ in httpserver.log:
        unpack = UNPACK[request.headers.get("Content-Encoding")]
        found.append(unpack(request.get_data()))
    return found


@pytest.fixture
def spans(httpserver: HTTPServer, tmp_path: Path) -> dict[str, dict[str, str]]:
    """What a collector was sent: name of a span to its attributes."""
    httpserver.expect_request("/v1/traces", method="POST").respond_with_data(b"")
    work(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=httpserver.url_for("/").rstrip("/"))
    found = {}
    for body in bodies(httpserver):
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            named = {a.key: a.value.string_value for a in resource.resource.attributes}
            assert named["service.name"] == "greenroom"
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found[span.name] = {a.key: a.value.string_value for a in span.attributes}
    return found


def test_a_collector_is_told_of_requests_and_jobs(spans: dict[str, dict[str, str]]) -> None:
    assert spans["GET healthz"]["greenroom.request_id"] == "q1"
    job = spans["run/practice.tasks.whole"]
    assert (job["greenroom.run"], job["greenroom.unit"]) == ("r7", "42")
    assert "run/practice.tasks.broken" in spans
    # What somebody asked for stays here.
    assert "words-canary" not in json.dumps(spans)


def test_a_server_of_defects_is_told_of_a_job_that_broke(
    httpserver: HTTPServer, tmp_path: Path
) -> None:
    httpserver.expect_request("/api/7/envelope/", method="POST").respond_with_data(b"{}")
    loaded = work(tmp_path, SENTRY_DSN=f"http://public@{httpserver.host}:{httpserver.port}/7")
    sent = bodies(httpserver)
    events: list[Any] = [
        json.loads(line) for body in sent for line in body.splitlines() if b'"exception"' in line
    ]
    (event,) = events
    assert event["exception"]["values"][-1]["type"] == "RuntimeError"
    assert event["tags"]["task"] == "broken"
    assert len(sent) == 1
    assert b"canary" not in b"".join(sent)
    # Nor does it watch what is said to a model; loading all that it could watch takes seconds.
    assert loaded == []
