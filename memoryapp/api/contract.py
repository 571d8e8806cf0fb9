"""What every endpoint shares: who may call it, how errors look, how lists are paged."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.pagination import CursorPagination

from memoryapp.models.tokens import Scope

READING = {"GET": (Scope.READ, Scope.WRITE)}
PULLING = {"GET": (Scope.PULL, Scope.READ, Scope.WRITE)}
WRITING = {"POST": (Scope.WRITE,), "PUT": (Scope.WRITE,)}
PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="application/problem+json")


class NewestFirst(CursorPagination):
    """Pages of 50 (``page_size`` up to 200), stable while rows are added."""

    ordering = "-created_at"
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
