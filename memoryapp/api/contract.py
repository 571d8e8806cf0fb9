"""What every endpoint shares: who may call it, how errors look, how lists are paged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError as NoValue
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api import wording
from memoryapp.models.tokens import Scope

READING = {"GET": (Scope.READ, Scope.WRITE)}
PULLING = {"GET": (Scope.PULL, Scope.READ, Scope.WRITE)}
WRITING = dict.fromkeys(("POST", "PUT", "PATCH", "DELETE"), (Scope.WRITE,))
SENDING = {"GET": (Scope.READ, Scope.WRITE), "POST": (Scope.TRAJECTORIES, Scope.WRITE)}
ADMINISTERING = dict.fromkeys(("GET", "POST"), (Scope.ADMIN,))
#: for answers that hold a secret: no cache keeps them, nor does ``idempotency``.
SHOWN_ONCE = {"Cache-Control": "no-store"}
PROBLEM = OpenApiResponse(OpenApiTypes.OBJECT, description="application/problem+json")


wording.speak()

#: of the unknown fields of one body, how many are named.
_NAMED = 20


class WriteRequest(serializers.Serializer[Any]):
    """What a write endpoint takes: these fields and no others."""

    # Left out in silence, a mistyped ``budget`` would be a run without a limit. (This is no part of
    # the sentence above, which the OpenAPI document repeats for every body.)

    def get_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = super().get_fields()
        for field in fields.values():
            chosen = getattr(field, "child", field)
            if isinstance(chosen, serializers.ChoiceField):
                said = f"Choose one of: {', '.join(str(one) for one in chosen.choices if one)}."
                chosen.error_messages |= {"required": said, "invalid_choice": said}
            if isinstance(chosen, serializers.FloatField):
                chosen.validators.append(_finite)
        return fields

    def to_internal_value(self, data: Any) -> Any:
        names = (str(n) for n in data if n not in self.fields) if isinstance(data, Mapping) else ()
        taken = ", ".join(name for name, field in self.fields.items() if not field.read_only)
        unknown = {n[:100]: [f"There is no such field. It takes {taken}."] for n in names}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if not unknown or not isinstance(error.detail, dict):
                raise
            raise ValidationError({**_first(unknown), **error.detail}) from error
        if unknown:
            raise ValidationError(_first(unknown))
        return value


class SeenRequest(WriteRequest):
    """What a write endpoint takes: these fields and no others. With ``seen``, only over that."""

    seen = serializers.CharField(
        write_only=True,
        required=False,
        max_length=100,
        help_text="The shown that was read: refused if somebody changed it since.",
    )


def _finite(value: float) -> None:
    """Refuse what is a number to Python alone; it is neither below nor above any bound."""
    if not math.isfinite(value):
        raise ValidationError("A finite number is needed, such as 0.5.")


def _first(unknown: dict[str, list[str]]) -> dict[str, list[str]]:
    return dict(list(unknown.items())[:_NAMED])


def one_of(request: Request, name: str, known: Sequence[str]) -> str:
    """Return a filter's value, empty where it is not asked for.

    Raises:
        ValidationError: a value nothing can match; an empty list would hide the mistake.
    """
    asked = request.query_params.get(name, "")
    if asked and asked not in known:
        raise ValidationError({name: [f"Choose one of: {', '.join(known)}."]})
    return asked


class NewestFirst(CursorPagination):
    """Pages of 50 (``page_size`` up to 200), stable while rows are added."""

    ordering = "-created_at"
    invalid_cursor_message = (
        "This cursor is not valid. Leave it out to start from the first page, then follow `next`."
    )
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200

    def get_page_size(self, request: Request) -> int | None:
        asked = request.query_params.get("page_size", "1")
        if not (asked.isascii() and asked.isdecimal()) or not asked.strip("0") or len(asked) > 9:
            raise ValidationError({"page_size": ["A whole number from 1 to 200."]})
        return super().get_page_size(request)

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        try:
            return super().paginate_queryset(queryset, request, view)
        except (NoValue, ValueError) as error:
            # A cursor that is one in its form, with a place that no row can have.
            if not request.query_params.get(self.cursor_query_param):
                raise
            raise NotFound(self.invalid_cursor_message) from error

    @classmethod
    def answer(
        cls,
        view: APIView,
        rows: QuerySet[Any],
        serializer: type[serializers.BaseSerializer[Any]],
        *,
        made: Callable[[list[Any]], Iterable[Any]] = list,
        **context: Any,
    ) -> Response:
        """Answer the page of ``rows`` that ``view`` was asked for.

        ``made`` is what is said of the rows of a page; ``context`` is the serializer's.
        """
        pages = cls()
        page = pages.paginate_queryset(rows, view.request, view=view) or []
        said = serializer(list(made(page)), many=True, context=context)
        return pages.get_paginated_response(said.data)


class ByRow(NewestFirst):
    """In the order in which the rows were made."""

    ordering = "pk"


class StoredForm(BaseContentNegotiation):
    """The view itself picks the form of what it answers; errors are always JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class ByName(NewestFirst):
    """The same, by name."""

    ordering = "name"
