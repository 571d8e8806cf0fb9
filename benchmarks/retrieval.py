"""What a search costs, and how much the index misses: the product's search beside a bare client.

Entries are docstrings of the installed packages, embedded by the local model (docs/configuration.md
says how to install it); when more entries are asked for than there are texts, an entry is two texts
and its vector the mean of theirs with a little noise. Questions are texts that are no entry. The
peer runs the very same SQL by psycopg on the same connection settings, in turn with the product's.
With ``--mem0`` mem0's pgvector store is given the same rows and asked the same, by that Python,
of an environment of its own, made with ``uv pip install mem0ai==2.2.1 "psycopg[binary,pool]"``. One
JSON line per figure. ``--recall`` loads vectors alone and measures only what the index misses, at
several widths of the walk: a million entries then take minutes to load.

    python -m benchmarks.retrieval [--entries 100000] [--texts 10000] [--vectors FILE] [--mem0 PY]
                                   [--recall]
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.retrieval_peers import K, beside_mem0, percentiles, plainest

SEED, PER_PLAYBOOK, QUESTIONS = 7, 1_000, 200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--texts", type=int, default=10_000)
    parser.add_argument("--corpus", type=Path, help="Other texts, one a line.")
    parser.add_argument("--vectors", type=Path, help="Keep the vectors of the texts here.")
    parser.add_argument("--mem0", help="A Python that has mem0ai.")
    parser.add_argument("--recall", action="store_true", help="Measure recall alone.")
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-bench-"))
    data.chmod(0o755)
    os.environ["GREENROOM_DATA_DIR"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "memoryapp.project.settings"
    from memoryapp.project import embedded  # noqa: PLC0415  # the folder is named only now

    postgres = embedded.Postgres(data)
    try:
        texts = asked.corpus.read_text().splitlines() if asked.corpus else _texts()
        texts = texts[: asked.texts]
        vectors = _vectors(texts, asked.vectors)
        texts = texts[: len(vectors)]
        postgres.start()
        if asked.recall:
            _measure_recall(texts, vectors, asked.entries)
        else:
            _measure(texts, vectors, asked.entries, asked.mem0)
    finally:
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)
    return 0


def _texts() -> list[str]:
    """First paragraphs of docstrings of what is installed beside us, each once, shuffled."""
    found: dict[str, None] = {}
    for path in sorted(Path(ast.__file__).parent.rglob("*.py")) + sorted(
        Path(np.__file__).parents[1].rglob("*.py")
    ):
        try:
            tree = ast.parse(path.read_text())
        except (SyntaxError, ValueError, OSError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Module):
                first = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                if 30 <= len(first) <= 240:
                    found[first] = None
    texts = list(found)
    random.Random(SEED).shuffle(texts)
    return texts


def _vectors(texts: list[str], kept: Path | None) -> Any:
    from memoryapp.clients import minilm  # noqa: PLC0415

    if kept is not None and kept.exists():
        held = np.frombuffer(kept.read_bytes(), dtype="<f4").reshape(-1, minilm.DIMENSIONS)
        return held[: len(texts)]
    model = minilm.MiniLM(minilm.folder(os.environ.get("EMBEDDING_MODEL_DIR", "")))
    vectors = np.array(model.embed(texts), dtype="<f4")
    if kept is not None:
        kept.write_bytes(vectors.tobytes())
    return vectors


def _measure(texts: list[str], vectors: Any, entries: int, mem0: str | None) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from memoryapp.queries.search import QueryVector, Scope, search, statement  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    known = len(texts) - QUESTIONS
    started = time.monotonic()
    model, playbooks = _load(texts[:known], vectors[:known], entries)
    print(json.dumps({"loaded": entries, "seconds": round(time.monotonic() - started)}), flush=True)
    questions = [
        (texts[place], QueryVector(model, vectors[place].tolist()))
        for place in range(known, len(texts))
    ]
    inside = _scopes(playbooks)
    across = Scope(playbooks=playbooks)
    import psycopg  # noqa: PLC0415

    with psycopg.connect(
        **connection.get_connection_params() | {"cursor_factory": psycopg.ClientCursor},
    ) as bare:
        bare.autocommit = True
        ours = {}
        for name, scope_of in (
            ("inside one playbook", lambda n: inside[n % len(inside)]),
            ("across playbooks", lambda n: across),
        ):
            ours[name] = _compare(name, entries, questions, scope_of, search, statement, bare)
        plainest(entries, questions, bare, ours["across playbooks"])
    recall = _recall(model, entries, [question for _, question in questions])
    if mem0:
        beside_mem0(mem0, entries, questions, inside, model, ours, recall)


def _measure_recall(texts: list[str], vectors: Any, entries: int) -> None:
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    from memoryapp.models import EmbeddingModel  # noqa: PLC0415
    from memoryapp.queries.search import QueryVector, ef_search  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    known = len(texts) - QUESTIONS
    model = EmbeddingModel.objects.create(provider="local", name="bench", dimensions=384)
    with connection.cursor() as cursor:
        # The walk reads nothing but vectors and their graph: no playbook, bullet or wording.
        cursor.execute("SET session_replication_role = replica")
        with cursor.copy(
            "COPY memoryapp_bulletvector (model_id, revision_id, playbook_id, vector) FROM STDIN"
        ) as copy:
            for number, _, _, _, vector in _rows(
                texts[:known], vectors[:known], entries, [0] * (-(-entries // PER_PLAYBOOK))
            ):
                copy.write_row((model.pk, number, 0, vector))
        cursor.execute("SET session_replication_role = DEFAULT")
    _index(model, entries)
    questions = [QueryVector(model.pk, vectors[n].tolist()) for n in range(known, len(texts))]
    own = ef_search(K)
    _recall(model.pk, entries, questions, sorted({60, own, 2 * own}))


def _compare(
    name: str,
    entries: int,
    questions: list[Any],
    scope_of: Callable[[int], Any],
    search: Callable[..., Any],
    statement: Callable[..., Any],
    bare: Any,
) -> dict[str, float]:
    from memoryapp.queries.search import ef_search  # noqa: PLC0415

    ours: list[float] = []
    peer: list[float] = []
    for turn in range(2):  # the first turn warms the caches of both
        ours, peer = [], []
        for number, (text, vector) in enumerate(questions):
            scope = scope_of(number)
            begin = time.perf_counter()
            search(text, scope=scope, limit=K, vector=vector)
            ours.append(time.perf_counter() - begin)
            sql, values = statement(text, scope=scope, limit=K, vector=vector)
            if scope.wordings is None:
                sql = f"SET hnsw.ef_search = {ef_search(K)}; {sql}"
                sql = f"SET hnsw.iterative_scan = strict_order; {sql}"
            begin = time.perf_counter()
            with bare.cursor() as cursor:
                cursor.execute(sql, values)
                while cursor.description is None and cursor.nextset():
                    pass
                cursor.fetchall()
            peer.append(time.perf_counter() - begin)
        if turn == 0:
            continue
    figures = {kind: percentiles(times) for kind, times in (("ms", ours), ("peer_ms", peer))}
    print(
        json.dumps(
            {
                "figure": f"hybrid search {name}, p95 against the same SQL by psycopg",
                "entries": entries,
                "at_most": 1.5,
                "value": round(figures["ms"]["p95"] / figures["peer_ms"]["p95"], 2),
                **figures,
            }
        ),
        flush=True,
    )
    return figures["ms"]


def _recall(model: int, entries: int, questions: list[Any], widths: Sequence[int] = ()) -> float:
    """Return recall@10 at the product's own width; ``widths`` are printed beside it."""
    from django.db import connection, transaction  # noqa: PLC0415

    from memoryapp.queries.search import ef_search  # noqa: PLC0415

    own = ef_search(K)
    sql = (
        f"SELECT revision_id FROM memoryapp_bulletvector WHERE model_id = {model} "
        f"ORDER BY vector::halfvec(384) <=> %s::halfvec(384) LIMIT {K}"
    )
    shares: dict[int, list[float]] = {width: [] for width in {own, *widths}}
    for question in questions:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_indexscan = off")
            cursor.execute(sql, [question.literal])
            exact = {row[0] for row in cursor.fetchall()}
        for width, found in shares.items():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"SET LOCAL hnsw.ef_search = {width}")
                cursor.execute(sql, [question.literal])
                found.append(len(exact & {row[0] for row in cursor.fetchall()}) / K)
    means = {width: round(statistics.mean(found), 3) for width, found in sorted(shares.items())}
    print(
        json.dumps(
            {
                "figure": "recall@10 of the HNSW leg against exact search",
                "entries": entries,
                "at_least": 0.95,
                "value": means[own],
                "questions": len(questions),
                "by_width_of_walk": means,
            }
        ),
        flush=True,
    )
    return means[own]


def _load(texts: list[str], vectors: Any, entries: int) -> tuple[int, list[int]]:
    from django.db import connection, transaction  # noqa: PLC0415

    from memoryapp.models import Bullet, EmbeddingModel, Playbook, Workspace  # noqa: PLC0415

    workspace = Workspace.objects.create(name="Bench", slug="bench")
    model = EmbeddingModel.objects.create(provider="local", name="bench", dimensions=384)
    playbooks = [
        Playbook.objects.create(workspace=workspace, slug=f"b-{n}", name=f"B {n}").pk
        for n in range(-(-entries // PER_PLAYBOOK))
    ]
    template = Bullet(playbook_id=playbooks[0], label="template-000")
    template.revise(
        content="x", section="template", status="retired", rule=None, author=None, reason=""
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE staged (n bigint, id uuid, playbook bigint, content text,"
            " vector text)"
        )
        with cursor.copy("COPY staged FROM STDIN") as copy:
            for row in _rows(texts, vectors, entries, playbooks):
                copy.write_row(row)
        cursor.execute("SELECT max(id) FROM memoryapp_bulletrevision")
        offset = cursor.fetchone()[0] + 1
        _copy_rows(
            cursor,
            "memoryapp_bullet",
            f"id = '{template.pk}'",
            {
                "id": "s.id",
                "playbook_id": "s.playbook",
                "label": "'bench-' || s.n",
                "content": "s.content",
                "status": "'approved'",
                "wording_id": f"s.n + {offset}",
            },
        )
        _copy_rows(
            cursor,
            "memoryapp_bulletrevision",
            f"bullet_id = '{template.pk}'",
            {"id": f"s.n + {offset}", "bullet_id": "s.id", "content": "s.content"},
        )
        cursor.execute(
            "INSERT INTO memoryapp_bulletvector (model_id, revision_id, playbook_id, vector) "
            f"SELECT {model.pk}, n + {offset}, playbook, vector::halfvec FROM staged"
        )
    _index(model, entries)
    return model.pk, playbooks


def _index(model: Any, entries: int) -> None:
    from django.db import connection  # noqa: PLC0415

    from memoryapp.indexer import vectors as indexer  # noqa: PLC0415

    with connection.cursor() as cursor:
        # A graph that does not fit is built on disk, many times as slowly; a row takes some 2 kB.
        cursor.execute(f"SET maintenance_work_mem = '{max(1_000, entries * 3 // 1_000)}MB'")
        indexer._build_index(model)
        cursor.execute("ANALYZE")
    indexer._serve(model)


def _copy_rows(cursor: Any, table: str, template: str, changed: dict[str, str]) -> None:
    """Insert one row for each staged entry, all else as in the template's row."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_generated = 'NEVER'",
        [table],
    )
    columns = [row[0] for row in cursor.fetchall()]
    values = ", ".join(changed.get(column, f't."{column}"') for column in columns)
    names = ", ".join(f'"{column}"' for column in columns)
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {values} FROM staged s, "
        f"(SELECT * FROM {table} WHERE {template}) t"
    )


def _rows(
    texts: list[str], vectors: Any, entries: int, playbooks: list[int]
) -> Iterator[tuple[Any, ...]]:
    draw = np.random.default_rng(SEED)
    for number in range(entries):
        text, vector = texts[number % len(texts)], vectors[number % len(texts)]
        if number >= len(texts):
            other = int(draw.integers(len(texts)))
            text = f"{text} {texts[other]}"
            vector = vector + vectors[other] + draw.normal(0, 0.01, len(vector))
        vector = vector / np.linalg.norm(vector)
        yield (
            number,
            str(uuid.UUID(bytes=draw.bytes(16))),
            playbooks[number // PER_PLAYBOOK],
            text.replace("\0", ""),
            "[" + ",".join(f"{value:.5g}" for value in vector) + "]",
        )


def _scopes(playbooks: list[int]) -> list[Any]:
    """Some playbooks as releases: what each of them says now."""
    from memoryapp.models import Bullet  # noqa: PLC0415
    from memoryapp.queries.search import Scope  # noqa: PLC0415

    chosen = playbooks[:: max(1, len(playbooks) // 20)]
    return [
        Scope(
            playbooks=[playbook],
            wordings=list(
                Bullet.objects.filter(playbook=playbook, status="approved").values_list(
                    "wording", flat=True
                )
            ),
        )
        for playbook in chosen
    ]


if __name__ == "__main__":
    sys.exit(main())
