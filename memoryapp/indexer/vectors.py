"""Vectors for wordings, a batch at a time, and the change from one embedding model to the next.

Nothing stops meanwhile: the model that serves goes on serving until the new one has a vector for
every wording in use and an index over them; then they change places in one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from pgvector import HalfVector

from memoryapp.clients import embeddings, resting
from memoryapp.clients.embeddings import Embedder
from memoryapp.indexer.locks import alone
from memoryapp.models import BulletRevision, BulletVector, EmbeddingModel

BATCH = 256
#: how many are stored at a time: what an endpoint gave before it fell silent is kept.
STORED = 64
#: how long what a retired model made stays: searches that began with it end with it.
GRACE = timedelta(minutes=1)
#: pgvector indexes half-precision vectors of up to this many dimensions; longer ones are scanned.
INDEXED_MOST = 4_000
#: candidates for the neighbors of each vector while its graph is built: with pgvector's 64 a search
#: has to walk a third further for the same recall (docs/benchmarks-speed.md).
BUILT_WITH = 200
INDEX_LOCK = 7_261_035
PROBE = "Verify the customer before you refund an order."

#: wordings in use: what live bullets say, and what releases say that a label serves or tries.
_MISSING = """
SELECT w.id FROM (
  SELECT b.wording_id AS id FROM memoryapp_bullet b
  WHERE b.wording_id IS NOT NULL AND b.status <> 'retired'
  UNION
  SELECT unnest(r.wordings) FROM memoryapp_release r
  WHERE EXISTS (SELECT 1 FROM memoryapp_releaselabel l
                WHERE l.release_id = r.id OR l.canary_id = r.id)
) w
WHERE NOT EXISTS (
  SELECT 1 FROM memoryapp_bulletvector v WHERE v.revision_id = w.id AND v.model_id = %s
)
ORDER BY w.id LIMIT %s
"""


def index_batch() -> bool:
    """Embed what has no vector yet with the model of the settings. Whether there is more to do.

    Raises:
        EmbeddingsUnavailable: the model is missing or does not answer; the next call tries again.
    """
    embedder = embeddings.configured()
    if embedder is None:
        return False
    with alone(INDEX_LOCK) as is_alone:
        if not is_alone:
            return False
        _wake()
        target = _target(embedder)
        wordings = _missing(target)
        if wordings:
            _embed(embedder, target, wordings)
            return True
        if target.status == EmbeddingModel.Status.BUILDING:
            _build_index(target)
            _serve(target)
            return True
        return _forget_retired()


def _wake() -> None:
    """Ask the model that serves whether it answers again, where it rests."""
    serving = EmbeddingModel.objects.filter(status=EmbeddingModel.Status.SERVING).first()
    embedder = embeddings.embedder_for(serving.provider, serving.name) if serving else None
    if embedder is not None and resting.rests(embedder):
        resting.ask(embedder, [PROBE])


def _target(embedder: Embedder) -> EmbeddingModel:
    """The row of the model of the settings; made, or taken back from retirement, if need be."""
    found = (
        EmbeddingModel.objects.filter(provider=embedder.provider, name=embedder.name)
        .order_by("-pk")
        .first()
    )
    if found is None:
        (probe,) = embedder.embed([PROBE])
        found, _ = EmbeddingModel.objects.get_or_create(
            provider=embedder.provider, name=embedder.name, dimensions=len(probe)
        )
    if found.status == EmbeddingModel.Status.RETIRED:
        found.status = EmbeddingModel.Status.BUILDING
        found.save(update_fields=["status"])
    return found


def _missing(target: EmbeddingModel) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, [target.pk, BATCH])
        return [row[0] for row in cursor.fetchall()]


def _embed(embedder: Embedder, target: EmbeddingModel, wordings: list[int]) -> None:
    """Embed outside of any transaction, then store."""
    rows = list(
        BulletRevision.objects.filter(pk__in=wordings).values_list(
            "pk", "content", "bullet__playbook"
        )
    )
    for start in range(0, len(rows), STORED):
        _embed_some(embedder, target, rows[start : start + STORED])


def _embed_some(
    embedder: Embedder, target: EmbeddingModel, rows: Sequence[tuple[int, str, int]]
) -> None:
    vectors = embedder.embed([content for _, content, _ in rows])
    if any(len(vector) != target.dimensions for vector in vectors):
        raise embeddings.EmbeddingsUnavailable(
            f"{target.name} gave vectors of another size than before. Choose another model name."
        )
    BulletVector.objects.bulk_create(
        [
            BulletVector(
                model=target,
                revision_id=revision,
                playbook_id=playbook,
                vector=HalfVector(vector),
            )
            for (revision, _, playbook), vector in zip(rows, vectors, strict=True)
        ],
        ignore_conflicts=True,
    )


def _build_index(target: EmbeddingModel) -> None:
    """An index of this model's vectors alone: two models are never in one graph."""
    if target.dimensions > INDEXED_MOST:
        return
    with connection.cursor() as cursor:
        # A build that was killed leaves an invalid index behind.
        cursor.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid",
            [target.index_name],
        )
        if cursor.fetchone():
            cursor.execute(f"DROP INDEX {_aside()} {target.index_name}")
        cursor.execute(
            f"CREATE INDEX {_aside()} IF NOT EXISTS {target.index_name} ON memoryapp_bulletvector "
            f"USING hnsw ((vector::halfvec({target.dimensions})) halfvec_cosine_ops) "
            f"WITH (ef_construction = {BUILT_WITH}) WHERE model_id = {target.pk}"
        )


def _aside() -> str:
    """How an index is made or dropped: otherwise searches queue behind a lock, all the while that
    a backup reads the table."""
    return "" if connection.in_atomic_block else "CONCURRENTLY"


def _serve(target: EmbeddingModel) -> None:
    status = EmbeddingModel.Status
    with transaction.atomic():
        EmbeddingModel.objects.filter(status=status.SERVING).update(status=status.RETIRED)
        EmbeddingModel.objects.filter(pk=target.pk).update(
            status=status.SERVING, served_at=timezone.now()
        )


def _forget_retired() -> bool:
    """Drop what retired models leave behind. Whether there was anything."""
    status = EmbeddingModel.Status
    since = timezone.now() - GRACE
    if EmbeddingModel.objects.filter(status=status.SERVING, served_at__gt=since).exists():
        return False
    done = False
    retired = EmbeddingModel.objects.filter(status=status.RETIRED)
    for model in retired.filter(vectors__isnull=False).distinct():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {_aside()} IF EXISTS {model.index_name}")
        model.vectors.all()._raw_delete(using="default")
        done = True
    return done
