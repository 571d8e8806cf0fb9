"""How many rows there are per value of a column, for filter chips."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count, QuerySet


def facet(rows: QuerySet[Any], field: str) -> Counter[str]:
    """True totals of one field over a filtered list."""
    counted = rows.order_by().values_list(field).annotate(total=Count("pk", distinct=True))
    return Counter(dict(counted))
