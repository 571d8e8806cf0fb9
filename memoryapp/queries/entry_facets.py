"""What a filter of the memory browser could be narrowed by, and to how many bullets each way.

Counting ends at ``COUNTED`` rows, the newest ones, so that it costs the same for any number of
bullets. A facet that is chosen is counted without itself: its chips say what choosing another value
would show.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db import connection

from memoryapp.models import Workspace
from memoryapp.queries.browsing import EVIDENCE, HAND, EntryFilter

#: rows that are counted.
COUNTED = 10_000
#: the facets in the order they are shown. Their values are those of ``EntryFilter``.
FACETS = ("kind", "trust", "days", "evidence", "environment", "playbook", "tag")

# ``found`` has one row per bullet; each becomes one row per facet it has a value of.
_COUNT = f"""
WITH found AS MATERIALIZED ({{found}})
SELECT facet, value, count(*) FROM found, LATERAL (VALUES
  ('kind', coalesce(nullif(origin_kind, ''), '{HAND}')),
  ('trust', CASE WHEN verified_wins > 0 THEN 'tried'
                 WHEN verified_losses = 0 THEN 'untried' ELSE 'lost' END),
  ('days', CASE WHEN updated_at >= now() - interval '7 days' THEN '7'
                WHEN updated_at >= now() - interval '30 days' THEN '30'
                WHEN updated_at >= now() - interval '90 days' THEN '90' END),
  ('evidence', CASE WHEN evidence_count > 0 THEN '{EVIDENCE[0][0]}' ELSE '{EVIDENCE[1][0]}' END),
  ('environment', environment),
  ('playbook', playbook)
) AS of_bullet (facet, value)
WHERE facet = ANY(%(facets)s) AND value <> '' GROUP BY 1, 2
UNION ALL
SELECT 'tag', tag, count(*) FROM found, unnest(tags) AS tag
WHERE 'tag' = ANY(%(facets)s) GROUP BY 2
UNION ALL
SELECT '', '', count(*) FROM found
"""
_COLUMNS = (
    "origin_kind",
    "verified_wins",
    "verified_losses",
    "updated_at",
    "evidence_count",
    "environment",
    "tags",
)


@dataclass(frozen=True, slots=True)
class Facets:
    """Per facet the bullets of each value, and the facets whose counting stopped early."""

    by: Mapping[str, Counter[str]]
    at_least: frozenset[str]


def entry_facets(workspace: Workspace, asked: EntryFilter) -> Facets:
    """Count every facet: one statement, and one more per facet that is chosen."""
    chosen = [name for name in FACETS if getattr(asked, name)]
    by, at_least = _counted(workspace, asked, [name for name in FACETS if name not in chosen])
    for name in chosen:
        of_it, stopped = _counted(workspace, asked.changed(**{name: ""}), [name])
        by |= of_it
        at_least |= stopped
    for name in by:
        if name == "days":
            by[name] = _up_to(by[name])
    return Facets(by, frozenset(at_least))


def _counted(
    workspace: Workspace, asked: EntryFilter, facets: list[str]
) -> tuple[dict[str, Counter[str]], set[str]]:
    by: dict[str, Counter[str]] = {name: Counter() for name in facets}
    rows = asked.rows(workspace).order_by("-updated_at", "pk")
    found = rows.values_list(*_COLUMNS, "playbook__slug")[: COUNTED + 1]
    sql, values = found.query.sql_with_params()
    named = {f"v{place}": value for place, value in enumerate(values)}
    inner = sql % tuple(f"%({name})s" for name in named)
    columns = ", ".join((*_COLUMNS, "playbook"))
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT.format(found=f"SELECT * FROM ({inner}) AS rows ({columns})"),
            {**named, "facets": facets},
        )
        total = 0
        for facet, value, count in cursor.fetchall():
            if facet:
                by[facet][value] = count
            else:
                total = count
    return by, set(facets) if total > COUNTED else set()


def _up_to(ages: Counter[str]) -> Counter[str]:
    """Each span of days with the shorter ones in it: 30 days hold the last 7 as well."""
    total: Counter[str] = Counter()
    so_far = 0
    for days in ("7", "30", "90"):
        so_far += ages[days]
        total[days] = so_far
    return total
