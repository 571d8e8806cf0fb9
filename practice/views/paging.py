"""How much of a list the pages of practice show at once."""

from __future__ import annotations

from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest

from memoryapp.views import links

PAGE_SIZE = 25


def page_of(request: HttpRequest, rows: QuerySet[links.Row]) -> Page[links.Row]:
    """The page a reader asked for, or the nearest one there is."""
    return links.page_of(request, rows, PAGE_SIZE)
