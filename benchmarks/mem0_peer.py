"""mem0's own search over the same rows: run by ``benchmarks.retrieval --mem0 PYTHON``, not alone.

Runs under another Python, one that has ``mem0ai`` and ``psycopg[binary,pool]``, and imports nothing
of ours. Reads what to do as JSON from standard input and prints one JSON object. mem0's table and
index are made by its own statements; rows are copied in at once instead of one by one.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import psycopg
from mem0.vector_stores.pgvector import PGVector

TABLE = "mem0_bench"


def main() -> None:
    asked = json.load(sys.stdin)
    with psycopg.connect(asked["conninfo"], autocommit=True) as connection:
        connection.execute(f"DROP TABLE IF EXISTS {TABLE}")
        store = _store(asked["conninfo"], hnsw=False)
        store.create_col()
        connection.execute(
            f"""INSERT INTO {TABLE} (id, vector, payload)
            SELECT b.id, v.vector::vector, jsonb_build_object(
              'data', b.content, 'user_id', b.playbook_id::text,
              'text_lemmatized', lower(b.content))
            FROM memoryapp_bullet b JOIN memoryapp_bulletvector v ON v.revision_id = b.wording_id"""
        )
        connection.execute("SET maintenance_work_mem = '1GB'")
        connection.execute(
            f"CREATE INDEX {TABLE}_hnsw_idx ON {TABLE} USING hnsw (vector vector_cosine_ops)"
        )
        connection.execute(f"ANALYZE {TABLE}")
    figures = {}
    for scope in ("inside", "across"):
        figures[scope] = _measure(store, asked, scope)
    json.dump(figures, sys.stdout)


def _store(conninfo: str, *, hnsw: bool) -> Any:
    return PGVector(
        dbname="",
        collection_name=TABLE,
        embedding_model_dims=384,
        user="",
        password="",
        host="",
        port=0,
        diskann=False,
        hnsw=hnsw,
        connection_string=conninfo,
    )


def _measure(store: Any, asked: dict[str, Any], scope: str) -> dict[str, Any]:
    """Vectors alone, and vectors with mem0's keyword search after them, as its Memory asks both."""
    times: dict[str, list[float]] = {"vectors": [], "both": []}
    shares = []
    for turn in range(2):  # the first turn warms the caches
        times, shares = {"vectors": [], "both": []}, []
        for question in asked["questions"]:
            filters = {"user_id": str(question["playbook"])} if scope == "inside" else None
            begin = time.perf_counter()
            found = store.search(question["text"], question["vector"], asked["k"], filters)
            near = time.perf_counter()
            store.keyword_search(question["text"], asked["k"], filters)
            both = time.perf_counter()
            times["vectors"].append(near - begin)
            times["both"].append(both - begin)
            exact = set(question[scope])
            shares.append(len(exact & {row.id for row in found}) / len(exact))
        if turn == 0:
            continue
    return {
        "recall": round(statistics.mean(shares), 3),
        **{name: _percentiles(taken) for name, taken in times.items()},
    }


def _percentiles(times: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(1000 * cuts[49], 2), "p95": round(1000 * cuts[94], 2)}


if __name__ == "__main__":
    main()
