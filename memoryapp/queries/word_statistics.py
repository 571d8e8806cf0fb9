"""How common the words of bullets are, as PostgreSQL's ANALYZE counted them in a sample."""

from __future__ import annotations

import time
from dataclasses import dataclass

from django.db import connection

#: seconds for which a process holds on to what it read.
HELD_SECONDS = 300.0
_SQL = """
SELECT c.reltuples, s.most_common_elems::text::text[], s.most_common_elem_freqs
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = 'search'
WHERE c.oid = 'memoryapp_bullet'::regclass"""


@dataclass(frozen=True, slots=True)
class _Held:
    #: estimated rows by lexeme, of the most common ones only.
    rows: dict[str, float]
    until: float


_held: _Held | None = None


def common_words(text: str, *, more_than: int) -> list[str]:
    """Return lexemes that more than ``more_than`` bullets hold and that ``text`` may contain.

    Some it does not contain are among them: what they have in common with it are three letters. A
    database that was never analyzed knows of no common words, and so is one where a word became
    common lately.
    """
    lowered = text.lower()
    return [word for word, rows in _common().items() if rows > more_than and word[:3] in lowered]


def _common() -> dict[str, float]:
    global _held
    held, now = _held, time.monotonic()
    if held is None or held.until < now:
        held = _held = _Held(_read(), now + HELD_SECONDS)
    return held.rows


def _read() -> dict[str, float]:
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        found = cursor.fetchone()
    if found is None or not found[1]:
        return {}
    total, words, shares = found
    # PostgreSQL puts the least and the greatest share after those of the words.
    return {word: share * total for word, share in zip(words, shares, strict=False)}
