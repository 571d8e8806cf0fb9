"""Rows of a workspace of any size, by COPY: what ``benchmarks.scale`` measures pages over."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Model

from memoryapp.models import Playbook, PullReceipt
from memoryapp.services.releases import release_publish

PER_PLAYBOOK = 500
PER_RUN = 200
PER_TASK = 2
STEPS = 10
ENVIRONMENTS, TOOLS = 5, 40
PUBLISHED = 15
NOW = datetime(2026, 11, 25, tzinfo=UTC)
NULL = "\\N"


@dataclass(frozen=True, slots=True)
class Size:
    """How much: entries (bullets), and trajectories with ``STEPS`` steps each."""

    entries: int
    trajectories: int


def fill(size: Size, workspace: Any, user: Any, seed: int) -> None:
    """Write everything in one go: no constraint is checked, indexes are built afterwards."""
    draw = random.Random(seed)
    words = Words(draw)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        cursor.execute("SET synchronous_commit = off")
        indexes = _drop_indexes(cursor)
        _memory(cursor, size, workspace, user, words)
        _practice(cursor, size, workspace, words)
        for definition in indexes:
            cursor.execute(definition)
        _tallies(cursor)
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


class Words:
    """Sentences of 12 to 24 words, drawn so that a few words are everywhere and most are rare."""

    def __init__(self, draw: random.Random) -> None:
        syllables = [
            "ra",
            "to",
            "mi",
            "ken",
            "dul",
            "sor",
            "vel",
            "pin",
            "qua",
            "zet",
            "bor",
            "lim",
        ]
        made = {"".join(draw.choices(syllables, k=draw.choice((2, 3, 4)))) for _ in range(6_000)}
        self.known = ["refund", "order", "customer", "verify", *sorted(made)]
        self.weights = [1 / (place + 3) for place in range(len(self.known))]
        self._stock = draw.choices(self.known, self.weights, k=200_000)
        self._draw = draw

    def sentence(self) -> str:
        start = self._draw.randrange(len(self._stock) - 24)
        return " ".join(self._stock[start : start + self._draw.randint(12, 24)]).capitalize() + "."


def _memory(cursor: Any, size: Size, workspace: Any, user: Any, words: Words) -> None:
    playbooks = max(1, size.entries // PER_PLAYBOOK)
    when = _spread(size.entries)
    copy(
        cursor,
        apps.get_model("memoryapp", "Playbook"),
        ("id", "workspace_id", "name", "slug", "token_budget"),
        ((n + 100, workspace.pk, f"Playbook {n:05}", f"playbook-{n}", 0) for n in range(playbooks)),
    )
    sections = ("strategies", "pitfalls", "apis", "code_snippets")
    texts = [words.sentence() for _ in range(min(size.entries, 100_000))]

    def bullets() -> Iterator[tuple[Any, ...]]:
        for n in range(size.entries):
            section = sections[n % 4]
            status = "retired" if n % 23 == 0 else "stale" if n % 97 == 0 else "approved"
            text = texts[n % len(texts)] + f" case{n}"
            tag = "{vip}" if n % 50 == 0 else "{}"
            live = 1 if n % 7 == 0 else 0
            playbook = 100 + (n // PER_PLAYBOOK) % playbooks
            taught = n % 10 == 0
            yield (
                _key(n), playbook, f"{section}-{n:07}", section, text, status, live, tag,
                when(n), n + 1, 1, "run" if taught else "",
                f"World {n // 10 % 5}" if taught else "", 2 if taught else 0,
            )  # fmt: skip

    copy(
        cursor,
        apps.get_model("memoryapp", "Bullet"),
        (
            "id", "playbook_id", "label", "section", "content", "status", "deployed_helpful",
            "tags", "updated_at", "wording_id", "revision_count", "origin_kind", "environment",
            "evidence_count",
        ),
        bullets(),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("memoryapp", "BulletRevision"),
        ("id", "bullet_id", "number", "content", "section", "status", "author_id", "candidate_id"),
        (
            (
                n + 1, _key(n), 1, texts[n % len(texts)] + f" case{n}", sections[n % 4], "approved",
                user.pk, _key(n) if n % 10 == 0 else NULL,
            )
            for n in range(size.entries)
        ),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("memoryapp", "Candidate"),
        (
            "id", "playbook_id", "op", "section", "content", "status", "origin_kind",
            "origin_link", "origin_name", "created_at", "workspace_id", "origin_environment",
        ),
        (
            (
                _key(n), 100 + (n // PER_PLAYBOOK) % playbooks, "ADD", sections[n % 4],
                texts[n % len(texts)], "approved" if n % 20 else "pending", "run",
                f"/practice/runs/{n % 100 + 1}/", f"Run {n % 100 + 1}", when(n),
                workspace.pk, f"World {n // 10 % 5}",
            )
            for n in range(0, size.entries, 10)
        ),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("memoryapp", "Evidence"),
        ("candidate_id", "link", "group", "number", "tool", "excerpt", "digest", "arguments"),
        (
            (
                _key(n), f"/trajectories/{n % size.trajectories + 1}/#step-{step}", f"Task {n}",
                step, f"tool_{step}", "ok", f"{n}-{step}", "{}",
            )
            for n in range(0, size.entries, 10)
            for step in (1, 2)
        ),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("memoryapp", "Event"),
        ("workspace_id", "kind", "subject_type", "subject_id", "subject_name", "created_at"),
        (
            (workspace.pk, "bullet.edited", "bullet", _key(n), f"bullet {n}", when(n))
            for n in range(size.entries)
        ),
    )


def publish(user: Any, size: Size) -> None:
    """Publish the first playbooks, and let agents have pulled them."""
    found = list(Playbook.objects.order_by("pk")[:PUBLISHED])
    releases = [release_publish(playbook=book, by=user, label="production") for book in found]
    when = _spread(size.entries // 10)
    with connection.cursor() as cursor:
        copy(
            cursor,
            PullReceipt,
            ("release_id", "agent", "label", "form", "unchanged", "pulled_at", "source", "number"),
            (
                (
                    releases[n % len(releases)].pk, f"agent-{n % 7}", "production", "md",
                    "t" if n % 3 else "f", when(n), _key(0), n + 1,
                )
                for n in range(size.entries // 10)
            ),
        )  # fmt: skip
        cursor.execute("ANALYZE memoryapp_pullreceipt")


def _practice(cursor: Any, size: Size, workspace: Any, words: Words) -> None:
    runs = max(1, size.trajectories // PER_RUN)
    tasks = size.trajectories // PER_TASK
    plan = json.dumps({"rounds": 5, "tasks": 20, "attempts": 2, "tools": {}, "model": "rules"})
    when = _spread(size.trajectories)
    copy(
        cursor,
        apps.get_model("practice", "Environment"),
        ("id", "workspace_id", "name", "slug", "transport", "status", "drift_watch"),
        (
            (n + 100, workspace.pk, f"World {n}", f"world-{n}", "pack", "connected", "f")
            for n in range(ENVIRONMENTS)
        ),
    )
    copy(
        cursor,
        apps.get_model("practice", "EnvironmentTool"),
        ("environment_id", "name", "description", "is_enabled"),
        (
            (e + 100, f"tool_{t}", "Does a thing.", "t")
            for e in range(ENVIRONMENTS)
            for t in range(TOOLS)
        ),
    )
    copy(
        cursor,
        apps.get_model("practice", "Run"),
        (
            "id", "workspace_id", "number", "environment_id", "playbook_id", "engine", "plan",
            "status", "started_at", "ended_at",
        ),
        (
            (
                _key(n), workspace.pk, n + 1, 100 + n % ENVIRONMENTS, 100, "rules", plan,
                "finished", when(n * PER_RUN), when(n * PER_RUN),
            )
            for n in range(runs)
        ),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("practice", "Round"),
        ("id", "run_id", "number"),
        ((n + 1, _key(n // 5), n % 5 + 1) for n in range(runs * 5)),
    )
    per_round = max(1, tasks // (runs * 5))
    copy(
        cursor,
        apps.get_model("practice", "PracticeTask"),
        ("id", "round_id", "number", "instruction", "kind"),
        (
            (
                n + 1,
                min(n // per_round, runs * 5 - 1) + 1,
                n + 1,
                f"{words.sentence()} task{n}",
                "query",
            )
            for n in range(tasks)
        ),
    )  # fmt: skip
    labels = ("success", "failure", "infeasible")
    per_run = tasks // runs
    copy(
        cursor,
        apps.get_model("practice", "PracticeRecord"),
        ("environment_id", "task_id", "run_id", "category", "calls"),
        (
            (
                100 + run % ENVIRONMENTS, n + 1, _key(run), "boundary",
                json.dumps([[_tool(n * PER_TASK + step), step == 3, 1] for step in range(STEPS)]),
            )
            for n in range(tasks)
            for run in [min(n // per_run, runs - 1)]
        ),
    )  # fmt: skip

    def attempts() -> Iterator[tuple[Any, ...]]:
        for n in range(size.trajectories):
            task = n // PER_TASK
            run = min(task // per_run, runs - 1)
            label = labels[(n * 7) % 3] if n % 31 else ""
            status = "validated" if label else "queued"
            yield (
                n + 1, task + 1, _key(run), n % PER_TASK + 1, status, label, "finished", 1,
                STEPS, 5, 4, when(n), when(n),
            )  # fmt: skip

    copy(
        cursor,
        apps.get_model("practice", "Attempt"),
        (
            "id", "task_id", "run_id", "number", "status", "label", "outcome", "current_try",
            "step_count", "feasibility", "completion", "created_at", "ended_at",
        ),
        attempts(),
    )  # fmt: skip
    copy(
        cursor,
        apps.get_model("practice", "Step"),
        ("attempt_id", "number", "tool", "arguments", "observation", "started_ms", "duration_ms"),
        (
            (
                n + 1, step + 1,
                "tool_rare" if n % 9973 == 0 and step == 3 else _tool(n + step),
                '{"id": "7"}', '{"id": "7", "state": "open"}', step * 40, 35,
            )
            for n in range(size.trajectories)
            for step in range(STEPS)
        ),
    )  # fmt: skip


def copy(
    cursor: Any, model: type[Model], names: tuple[str, ...], rows: Iterable[tuple[Any, ...]]
) -> None:
    """COPY rows into a table. Columns that are not named get the model's defaults."""
    fields = [f for f in model._meta.concrete_fields if not getattr(f, "generated", False)]
    others = [f for f in fields if f.column not in names and not _is_serial(f)]
    columns = ", ".join(f'"{name}"' for name in (*names, *(f.column for f in others)))
    tail = "".join(f"\t{_text(f, _default(f))}" for f in others) + "\n"
    sql = f'COPY "{model._meta.db_table}" ({columns}) FROM STDIN'
    with cursor.copy(sql) as out:
        block: list[str] = []
        for row in rows:
            block.append("\t".join(map(str, row)) + tail)
            if len(block) >= 5_000:
                out.write("".join(block))
                block.clear()
        out.write("".join(block))
    if any(f.column == "id" and _is_serial(f) for f in fields) and "id" in names:
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{model._meta.db_table}', 'id'), "
            f"(SELECT max(id) FROM {model._meta.db_table}))"
        )


def _is_serial(field: Any) -> bool:
    return field.get_internal_type() in {"BigAutoField", "AutoField"}


def _default(field: Any) -> Any:
    if field.has_default():
        return field.get_default()
    if field.null:
        return None
    kind = field.get_internal_type()
    if kind == "DateTimeField":
        return NOW
    if kind == "JSONField":
        return {}
    if "Integer" in kind or kind in {"FloatField", "DecimalField"}:
        return 0
    return False if kind == "BooleanField" else ""


def _text(field: Any, value: Any) -> str:
    if value is None:
        return NULL
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    if field.get_internal_type() == "JSONField":
        return json.dumps(value)
    return "{}" if value == [] else str(value)


def _tool(number: int) -> str:
    return f"tool_{number % TOOLS}"


def _key(number: int) -> str:
    """A UUID that scatters over its index as random ones do, the same for the same number."""
    scattered = (number * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return f"{scattered:016x}{number:016x}"


def _spread(count: int) -> Callable[[int], str]:
    """Times of rows over the last 120 days, the highest number the newest."""
    step = timedelta(days=120) / max(count, 1)
    first = NOW - timedelta(days=120)
    return lambda n: (first + step * n).isoformat()


def _drop_indexes(cursor: Any) -> list[str]:
    """Drop what no constraint stands on, for the tables that grow. Returns how to make them."""
    cursor.execute(
        "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index i"
        " JOIN pg_class t ON t.oid = i.indrelid WHERE NOT i.indisunique AND t.relname IN"
        " ('memoryapp_bullet', 'memoryapp_bulletrevision', 'memoryapp_candidate',"
        " 'memoryapp_evidence', 'memoryapp_event', 'practice_attempt', 'practice_step',"
        " 'practice_practicetask')"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in found]


def _tallies(cursor: Any) -> None:
    """Count what the triggers were not asked to count."""
    for name in (
        "memoryapp.migrations.0006_browsing",
        "practice.migrations.0006_browsing",
        "practice.migrations.0011_tools_counted",
    ):
        cursor.execute(import_module(name).FILL)
