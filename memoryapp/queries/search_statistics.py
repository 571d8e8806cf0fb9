"""What PostgreSQL's ANALYZE counted in a sample: how common words are, and how many vectors are."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection

#: seconds for which a process holds on to what it read.
HELD_SECONDS = 300.0
_SQL = """
SELECT c.reltuples, s.most_common_elems::text::text[], s.most_common_elem_freqs, v.reltuples
FROM pg_class v, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stats s
  ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = 'search'
WHERE c.oid = 'memoryapp_bullet'::regclass AND v.oid = 'memoryapp_bulletvector'::regclass"""


@dataclass(frozen=True, slots=True)
class _Held:
    #: estimated rows by lexeme, of the most common ones only.
    words: dict[str, float]
    vectors: float
    until: float


_held: _Held | None = None


def common_words(text: str, *, more_than: int) -> list[str]:
    """Return lexemes that more than ``more_than`` bullets hold and that ``text`` may contain.

    Some it does not contain are among them: what they have in common with it are three letters. A
    database that was never analyzed knows of no common words, and so is one where a word became
    common lately.
    """
    lowered = text.lower()
    words = _counted().words
    return [word for word, rows in words.items() if rows > more_than and word[:3] in lowered]


def vector_count() -> float:
    """About how many vectors are held, of all models; 0 until the table was analyzed."""
    return _counted().vectors


def _counted() -> _Held:
    global _held
    held, now = _held, time.monotonic()
    if held is None or held.until < now:
        held = _held = _read(now + HELD_SECONDS)
    return held


def _read(until: float) -> _Held:
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        total, words, shares, vectors = cursor.fetchone()
    # PostgreSQL puts the least and the greatest share after those of the words, and -1 where it
    # never counted.
    rows = {w: share * total for w, share in zip(words or (), shares or (), strict=False)}
    return _Held(rows, max(vectors, 0.0), until)
