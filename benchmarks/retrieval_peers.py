"""What the product's search is held against besides its own SQL: the plainest SQL, and mem0."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from pathlib import Path
from typing import Any

K = 10

#: every word and the nearest vectors of all there is, fused: no scope, no state, no rare words. The
#: bar of 4 ms is the time of this one, so it says what a machine makes of that bar.
_PLAINEST = """
WITH words AS (
  SELECT wording_id AS id, row_number() OVER (ORDER BY score DESC) AS place FROM (
    SELECT b.wording_id, ts_rank(b.search, q) AS score
    FROM memoryapp_bullet b, websearch_to_tsquery('english', %(text)s) q
    WHERE b.search @@ q ORDER BY score DESC LIMIT 100) ranked
), vectors AS (
  SELECT id, row_number() OVER (ORDER BY distance) AS place FROM (
    SELECT revision_id AS id, vector::halfvec(384) <=> %(vector)s::halfvec(384) AS distance
    FROM memoryapp_bulletvector WHERE model_id = %(model)s ORDER BY distance LIMIT 100) near
)
SELECT coalesce(w.id, v.id),
       coalesce(1.0 / (60 + w.place), 0) + coalesce(1.0 / (60 + v.place), 0) AS score
FROM words w FULL JOIN vectors v ON v.id = w.id ORDER BY score DESC LIMIT 10"""


def plainest(entries: int, questions: list[Any], bare: Any, ours: dict[str, float]) -> None:
    """The very least that finds words and vectors, by the same bare client."""
    times: list[float] = []
    with bare.cursor() as cursor:
        cursor.execute("SET hnsw.ef_search = 100")
        for _turn in range(2):
            times = []
            for text, vector in questions:
                values = {"text": text, "vector": vector.literal, "model": vector.model_id}
                begin = time.perf_counter()
                cursor.execute(_PLAINEST, values)
                cursor.fetchall()
                times.append(time.perf_counter() - begin)
    peer = percentiles(times)
    print(
        json.dumps(
            {
                "figure": "hybrid search across playbooks, median against the plainest SQL",
                "entries": entries,
                "value": round(ours["p50"] / peer["p50"], 2),
                "ms": ours,
                "peer_ms": peer,
            }
        ),
        flush=True,
    )


def beside_mem0(
    python: str,
    entries: int,
    questions: list[Any],
    inside: list[Any],
    model: int,
    ours: dict[str, dict[str, float]],
    recall: float,
) -> None:
    """The same questions to mem0's own store over the same rows, in the same database."""
    from django.db import connection  # noqa: PLC0415

    told = connection.get_connection_params()
    conninfo = " ".join(
        f"{name}={told[name]}" for name in ("host", "port", "user", "dbname") if told.get(name)
    )
    nearest = (
        "SELECT b.id FROM memoryapp_bulletvector v "
        "JOIN memoryapp_bullet b ON b.wording_id = v.revision_id "
        f"WHERE v.model_id = {model} {{}} ORDER BY v.vector <=> %s::halfvec LIMIT {K}"
    )
    asked = []
    with connection.cursor() as cursor:
        cursor.execute("SET enable_indexscan = off")
        for number, (text, vector) in enumerate(questions):
            playbook = inside[number % len(inside)].playbooks[0]
            exact = {}
            for scope, where in (("across", ""), ("inside", f"AND b.playbook_id = {playbook}")):
                cursor.execute(nearest.format(where), [vector.literal])
                exact[scope] = [str(row[0]) for row in cursor.fetchall()]
            asked.append(
                {"text": text, "vector": list(vector.values), "playbook": playbook, **exact}
            )
        cursor.execute("SET enable_indexscan = on")
    done = subprocess.run(
        [python, str(Path(__file__).with_name("mem0_peer.py"))],
        input=json.dumps({"conninfo": conninfo, "questions": asked, "k": K}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "MEM0_TELEMETRY": "False", "PYTHONPATH": ""},
    )
    theirs = json.loads(done.stdout)
    for scope, name in (("inside", "inside one playbook"), ("across", "across playbooks")):
        print(
            json.dumps(
                {
                    "figure": f"search {name} beside mem0's pgvector store",
                    "entries": entries,
                    "ms": ours[name],
                    "recall": 1.0 if scope == "inside" else recall,
                    "mem0": theirs[scope],
                }
            ),
            flush=True,
        )


def percentiles(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile of seconds, in ms."""
    cuts = statistics.quantiles(times, n=100)
    return {"p50": round(1000 * cuts[49], 2), "p95": round(1000 * cuts[94], 2)}
