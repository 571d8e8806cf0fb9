"""Full text and vectors in one SQL statement: bullets that speak of a question, the best first.

Two legs rank by themselves and are fused by their places (reciprocal rank fusion, Cormack et al.,
SIGIR 2009). Where every word of the question occurs comes first; then whatever shares a word with
it. ``ts_rank`` reads every row it is given, so across playbooks it is given few: what shares a word
only where less than ``ENOUGH`` has all of them, and at most ``CAP``. Beside vectors it is given
what shares a rare word: names and error codes are what vectors miss, while a word that hundreds of
bullets hold costs most of the time and says little.

Inside one release the wordings are few and known, so both legs are exact. Across playbooks the
vector leg walks the HNSW index of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from memoryapp.domain.playbook import LIVE
from memoryapp.models import Bullet, BulletRevision
from memoryapp.queries.search_statistics import common_words, vector_count

#: rows of the text leg that are ranked across playbooks, with every word and with any; the second
#: where vectors rank as well, and a word in more bullets than that is no rare one.
CAP, CAP_BESIDE_VECTORS = 2_000, 200
#: bullets with every word of a question that make others superfluous.
ENOUGH = 20
#: places of each leg that take part in the fusion, in one release and across playbooks.
DEPTH, DEPTH_ACROSS = 100, 50
#: the constant of reciprocal rank fusion.
RRF = 60
#: how many more neighbors the walk of the HNSW graph holds than places are asked for: the more, the
#: fewer it misses. In a larger graph it misses more, so that each doubling beyond ``FEW_VECTORS``
#: adds ``WALKED_MORE``.
WALKED_BEYOND, WALKED_MORE, FEW_VECTORS = 10, 12, 100_000
#: pgvector takes no more.
EF_SEARCH_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: the wordings of one release, or what is live in some playbooks.

    ``sections`` and ``statuses`` narrow it; empty narrows nothing. ``statuses`` and ``among`` (only
    these bullets) are for live bullets alone: a release holds what it holds.
    """

    playbooks: Sequence[int]
    wordings: Sequence[int] | None = None
    sections: Sequence[str] = ()
    statuses: Sequence[str] = tuple(sorted(LIVE))
    among: QuerySet[Bullet] | None = None


def unknown_sections(scope: Scope) -> list[str]:
    """The sections a scope is narrowed to in which there is no bullet to search."""
    if not scope.sections:
        return []
    held: QuerySet[Any] = Bullet.objects.filter(
        playbook__in=scope.playbooks, status__in=scope.statuses
    )
    if scope.wordings is not None:
        held = BulletRevision.objects.filter(pk__in=scope.wordings)
    known = set(held.filter(section__in=scope.sections).values_list("section", flat=True))
    return [name for name in dict.fromkeys(scope.sections) if name not in known]


@dataclass(frozen=True, slots=True)
class QueryVector:
    """A question as the serving model sees it; ``values`` has length 1."""

    model_id: int
    values: Sequence[float]

    @property
    def literal(self) -> str:
        return "[" + ",".join(f"{value:.6g}" for value in self.values) + "]"


@dataclass(frozen=True, slots=True)
class Leg:
    """Where one leg placed a bullet (from 1) and its score: ``ts_rank`` or cosine similarity."""

    place: int
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One bullet found, in the wording that was searched."""

    bullet_id: UUID
    revision_id: int
    playbook_id: int
    label: str
    section: str
    content: str
    helpful: int
    harmful: int
    score: float
    text: Leg | None
    vector: Leg | None
    #: whether every word of the question occurs in it.
    has_every_word: bool


_IN_RELEASE = """
scope AS MATERIALIZED (
  SELECT r.id, r.search FROM memoryapp_bulletrevision r
  WHERE r.id = ANY(%(wordings)s){sections}
), matches AS (
  SELECT id, search FROM scope WHERE search @@ {any}
)"""
_ACROSS = """
whole AS MATERIALIZED (
  SELECT b.wording_id AS id, b.search FROM memoryapp_bullet b
  WHERE b.search @@ {every} AND {live} LIMIT %(cap)s
), matches AS (
  SELECT id, search FROM whole
  UNION ALL
  (SELECT b.wording_id, b.search FROM memoryapp_bullet b
   WHERE (SELECT count(*) FROM whole) < %(enough)s
     AND b.search @@ {some} AND NOT b.search @@ {every} AND {live} LIMIT %(cap)s)
)"""
_TEXT_LEG = """, text_leg AS (
  SELECT id, score, every_word, row_number() OVER (ORDER BY score DESC, id) AS place FROM (
    SELECT id, search @@ {every} AS every_word,
           ts_rank(search, {any}, 1) + (search @@ {every})::int AS score
    FROM matches ORDER BY score DESC, id LIMIT %(depth)s
  ) ranked
)"""
_EXACT_VECTORS = """, near AS MATERIALIZED (
  SELECT v.revision_id AS id, v.vector::halfvec({dimensions}) <=> {question} AS distance
  FROM memoryapp_bulletvector v JOIN scope ON scope.id = v.revision_id
  WHERE v.model_id = %(model)s
), nearest AS (SELECT id, distance FROM near ORDER BY distance, id LIMIT %(depth)s)"""
_INDEXED_VECTORS = """, nearest AS (
  SELECT v.revision_id AS id, v.vector::halfvec({dimensions}) <=> {question} AS distance
  FROM memoryapp_bulletvector v JOIN memoryapp_bullet b ON b.wording_id = v.revision_id
  WHERE v.model_id = %(model)s AND {live} ORDER BY distance LIMIT %(depth)s
)"""
_NO_VECTORS = ", nearest AS (SELECT NULL::bigint AS id, NULL::float8 AS distance WHERE false)"
_FUSED = """, vector_leg AS (
  SELECT id, 1 - distance AS score, row_number() OVER (ORDER BY distance, id) AS place FROM nearest
), fused AS (
  SELECT coalesce(t.id, v.id) AS id, coalesce(t.every_word, false) AS every_word,
         t.place AS text_place, t.score AS text_score,
         v.place AS vector_place, v.score AS vector_score,
         coalesce(1::float8 / (%(rrf)s + t.place), 0)
           + coalesce(1::float8 / (%(rrf)s + v.place), 0) AS score
  FROM text_leg t FULL JOIN vector_leg v ON v.id = t.id
  ORDER BY score DESC, id LIMIT %(limit)s
)
SELECT b.id, r.id, b.playbook_id, b.label, r.section, r.content,
       b.practice_helpful + b.deployed_helpful, b.practice_harmful + b.deployed_harmful,
       f.score, f.text_place, f.text_score, f.vector_place, f.vector_score, f.every_word
FROM fused f
JOIN memoryapp_bulletrevision r ON r.id = f.id JOIN memoryapp_bullet b ON b.id = r.bullet_id
ORDER BY f.score DESC, f.id"""

#: every word of the question; quotes, ``or`` and ``-`` work as people expect of a search box.
_EVERY = "websearch_to_tsquery('english', %(text)s)"
#: any word of it.
_ANY = (
    "replace(replace(plainto_tsquery('english', %(text)s)::text, ' & ', ' | '), ' <-> ', ' | ')"
    "::tsquery"
)
#: any word of it that is not ``common``; a tsvector's text quotes each lexeme.
_RARE = (
    "replace(strip(ts_delete(to_tsvector('english', %(text)s), %(common)s::text[]))::text,"
    " ''' ''', ''' | ''')::tsquery"
)


def search(
    text: str, *, scope: Scope, limit: int = 10, vector: QueryVector | None = None
) -> list[Hit]:
    """Return up to ``limit`` bullets, the best first. Without ``vector`` the text leg ranks alone.

    One statement, whatever the scope; across playbooks a process also reads now and then which
    words are common and how many vectors there are. Nothing of ``text`` is read as SQL or as an
    operator that could fail.
    """
    sql, values = statement(text, scope=scope, limit=limit, vector=vector)
    with connection.cursor() as cursor:
        if scope.wordings is None and vector is not None:
            # Sent with the statement, as one implicit transaction: SET LOCAL reaches just this.
            cursor.execute(
                f"SET LOCAL hnsw.ef_search = {ef_search(limit)};"
                f"SET LOCAL hnsw.iterative_scan = strict_order;{sql}",
                values,
            )
            while cursor.description is None and cursor.nextset():
                pass
        else:
            cursor.execute(sql, values)
        return [_hit(row) for row in cursor.fetchall()]


def ef_search(limit: int) -> int:
    """How widely the HNSW graph is walked for ``limit`` bullets."""
    doublings = log2(max(vector_count() / FEW_VECTORS, 1.0))
    beyond = WALKED_BEYOND + round(WALKED_MORE * doublings)
    return min(max(DEPTH_ACROSS, limit) + beyond, EF_SEARCH_MOST)


def statement(
    text: str, *, scope: Scope, limit: int, vector: QueryVector | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the SQL and its values; benchmarks run the same by a bare client."""
    live = "b.playbook_id = ANY(%(playbooks)s) AND b.status = ANY(%(statuses)s)"
    if scope.sections:
        live += " AND b.section = ANY(%(sections)s)"
    among, named = _subquery(scope.among)
    live += among
    is_across = scope.wordings is None
    parts = [_ACROSS if is_across else _IN_RELEASE, _TEXT_LEG]
    if vector is None:
        parts.append(_NO_VECTORS)
    else:
        parts.append(_INDEXED_VECTORS if is_across else _EXACT_VECTORS)
    dimensions = len(vector.values) if vector else 0
    cap = CAP if vector is None else CAP_BESIDE_VECTORS
    sql = "WITH " + "".join([*parts, _FUSED]).format(
        any=_ANY,
        some=_ANY if vector is None else _RARE,
        every=_EVERY,
        live=live,
        sections=" AND r.section = ANY(%(sections)s)" if scope.sections else "",
        dimensions=dimensions,
        question=f"%(vector)s::halfvec({dimensions})",
    )
    return sql, {
        "text": text,
        "playbooks": list(scope.playbooks),
        "wordings": list(scope.wordings or ()),
        "sections": list(scope.sections),
        "statuses": list(scope.statuses),
        "common": common_words(text, more_than=cap) if is_across and vector else [],
        "cap": cap,
        "enough": max(ENOUGH, limit),
        "depth": max(DEPTH_ACROSS if is_across else DEPTH, limit),
        "rrf": RRF,
        "limit": limit,
        "model": vector.model_id if vector else None,
        "vector": vector.literal if vector else "",
        **named,
    }


def _subquery(among: QuerySet[Bullet] | None) -> tuple[str, dict[str, Any]]:
    """The condition that a bullet is one of ``among``, and its values by name."""
    if among is None:
        return "", {}
    sql, values = among.order_by().values("pk").query.sql_with_params()
    named = {f"among_{place}": value for place, value in enumerate(values)}
    inner = sql % tuple(f"%({name})s" for name in named)
    return f" AND b.id IN ({inner})", named


def _hit(row: Sequence[Any]) -> Hit:
    *found, score, text_place, text_score, vector_place, vector_score, every_word = row
    bullet, revision, playbook, label, section, content, helpful, harmful = found
    return Hit(
        bullet_id=bullet,
        revision_id=revision,
        playbook_id=playbook,
        label=label,
        section=section,
        content=content,
        helpful=helpful,
        harmful=harmful,
        score=float(score),
        text=Leg(text_place, float(text_score)) if text_place else None,
        vector=Leg(vector_place, float(vector_score)) if vector_place else None,
        has_every_word=every_word,
    )
