"""Spans a second: OTLP taken in against COPY of the very rows it stores, and memory over a million.

One JSON line per figure. ``python -m benchmarks.ingest [--spans 1000000]`` starts a PostgreSQL of
its own in a temporary folder. The peer is a bare psycopg COPY of the same rows into a table with
the same columns and the same unique index; rows are made beforehand, so it only copies.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH = 512  # what the OpenTelemetry SDK's batch processor exports at a time
TRACE_SPANS = 16
ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--ratio-spans", type=int, default=51_200)
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-ingest-"))
    data.chmod(0o755)
    os.environ |= {
        "GREENROOM_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
    }
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)
    from memoryapp.project import embedded

    postgres = embedded.Postgres(data, durable=False)
    postgres.start()
    try:
        _measure(asked.spans, asked.ratio_spans)
    finally:
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)


def _measure(spans: int, ratio_spans: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    playbook, environment = _rows()
    ratios, ours, peers = [], [], []
    for number in range(ROUNDS):
        bodies = [_body(number * ratio_spans + at) for at in range(0, ratio_spans, BATCH)]
        took, rows = _ingest(bodies, playbook, environment)
        peer = _copy(rows)
        ours.append(ratio_spans / took)
        peers.append(ratio_spans / peer)
        ratios.append(peer / took)
    _say(
        "otlp_spans_per_second",
        round(statistics.median(ours)),
        peer="COPY of the same rows",
        peer_value=round(statistics.median(peers)),
        ratio=round(statistics.median(ratios), 3),
        ratios=[round(ratio, 3) for ratio in ratios],
        bar=0.25,
    )
    _flat(spans, playbook, environment)


def _rows() -> tuple[Any, Any]:
    from memoryapp.models import Playbook, Workspace
    from practice.models import Environment

    workspace = Workspace.objects.create(name="Bench", slug="bench")
    playbook = Playbook.objects.create(workspace=workspace, name="Desk", slug="desk")
    return playbook, Environment.objects.create(workspace=workspace, name="Desk", slug="desk")


def _body(first: int) -> bytes:
    """One export of an agent's spans: a conversation and its tool calls, as an SDK sends them."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    held = request.resource_spans.add().scope_spans.add()
    for number in range(first, first + BATCH):
        trace, place = divmod(number, TRACE_SPANS)
        span = held.spans.add(
            trace_id=(trace + 1).to_bytes(16, "big"),
            span_id=(number + 1).to_bytes(8, "big"),
            parent_span_id=b"" if place == 0 else (trace * TRACE_SPANS + 1).to_bytes(8, "big"),
            name="execute_tool get_order",
            start_time_unix_nano=1_795_600_000_000_000_000 + number,
            end_time_unix_nano=1_795_600_000_050_000_000 + number,
        )
        for key, value in _attributes(number):
            pair = span.attributes.add(key=key)
            if isinstance(value, int):
                pair.value.int_value = value
            else:
                pair.value.string_value = value
    return request.SerializeToString()


def _attributes(number: int) -> Iterator[tuple[str, Any]]:
    order = f"ORD-2026-{number:07d}"
    yield "gen_ai.operation.name", "execute_tool"
    yield "gen_ai.tool.name", "get_order"
    yield "gen_ai.tool.call.id", f"call_{number}"
    yield "gen_ai.tool.call.arguments", json.dumps({"order_id": order})
    result = {"order_id": order, "status": "shipped", "total": 129.5, "items": ["lamp", "desk"]}
    yield "gen_ai.tool.call.result", json.dumps(result)
    yield "gen_ai.usage.input_tokens", 1_200
    yield "server.address", "desk.example.com"
    yield "http.route", "/orders/{id}"


def _ingest(bodies: list[bytes], playbook: Any, environment: Any) -> tuple[float, str]:
    """Seconds to take the bodies in, and the rows they became as COPY writes them."""
    from django.db import connection

    from practice.domain.traces.otlp import from_protobuf
    from practice.models import SentSpan
    from practice.services.traces import COLUMNS, spans_take

    SentSpan.objects.all().delete()
    started = time.perf_counter()
    for body in bodies:
        spans_take(playbook=playbook, environment=environment, spans=from_protobuf(body).spans)
    took = time.perf_counter() - started
    parts: list[bytes] = []
    with (
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY (SELECT {COLUMNS} FROM practice_sentspan ORDER BY id) TO STDOUT"
        ) as copy,
    ):
        parts.extend(bytes(part) for part in copy)
    assert len(parts) == len(bodies) * BATCH
    return took, b"".join(parts).decode()


def _copy(rows: str) -> float:
    """Seconds a bare COPY of the rows takes, in batches of the same size, one commit each."""
    from django.db import connection

    from practice.services.traces import COLUMNS

    lines = rows.splitlines(keepends=True)
    blocks = ["".join(lines[at : at + BATCH]) for at in range(0, len(lines), BATCH)]
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS peer")
        cursor.execute("CREATE TABLE peer (LIKE practice_sentspan INCLUDING ALL)")
        started = time.perf_counter()
        for block in blocks:
            with cursor.copy(f"COPY peer ({COLUMNS}) FROM STDIN") as copy:
                copy.write(block)
        return time.perf_counter() - started


def _flat(spans: int, playbook: Any, environment: Any) -> None:
    """Resident memory while spans come in, packed as senders pack them, and are read again."""
    from practice.domain.traces.bodies import unpacked
    from practice.domain.traces.otlp import from_protobuf
    from practice.models import SentSpan, SentTrace
    from practice.services.traces import spans_take

    SentSpan.objects.all().delete()
    SentTrace.objects.all().delete()
    marks: list[int] = []
    started = time.perf_counter()
    for at in range(0, spans, BATCH):
        rest = bytearray(gzip.compress(_body(at), 1))

        def read(size: int, rest: bytearray = rest) -> bytes:
            piece = bytes(rest[:size])
            del rest[:size]
            return piece

        body = b"".join(unpacked(read, encoding="gzip", limit=64 * 1024 * 1024))
        spans_take(playbook=playbook, environment=environment, spans=from_protobuf(body).spans)
        if at // BATCH % 100 == 0:
            marks.append(_resident_kb())
    took = time.perf_counter() - started
    early = max(marks[: max(1, len(marks) // 10)])
    _say(
        "memory_over_spans_mb",
        round(max(marks) / 1024, 1),
        spans=spans,
        after_first_tenth_mb=round(early / 1024, 1),
        growth_mb=round((max(marks) - early) / 1024, 1),
        peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        seconds=round(took, 1),
        stored=SentSpan.objects.count(),
    )


def _resident_kb() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def _say(figure: str, value: float, **more: Any) -> None:
    print(json.dumps({"figure": figure, "value": value, **more}), flush=True)


if __name__ == "__main__":
    main()
