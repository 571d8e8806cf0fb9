"""The audit log: every change, by whom or what, from what to what."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import membership_of
from memoryapp.api.contract import PROBLEM, READING, NewestFirst
from memoryapp.api.permissions import HasScope, administers
from memoryapp.models import ApiKey, Event
from memoryapp.queries import events as event_queries
from memoryapp.queries.asked import day
from memoryapp.queries.events import Reader


class EventSerializer(serializers.ModelSerializer[Event]):
    actor = serializers.CharField(source="actor.username", default=None, allow_null=True)

    class Meta:
        model = Event
        fields = (
            "id",
            "created_at",
            "actor",
            "through",
            "kind",
            "subject_type",
            "subject_id",
            "subject_name",
            "data",
        )


class AuditLog(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter(name, str)
            for name in ("kind", "actor", "playbook", "q", "since", "until", "cursor")
        ]
        + [OpenApiParameter("page_size", int)],
        responses={200: EventSerializer(many=True), 400: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        """Every change, newest first: who or what made it, from what to what."""
        asked = {
            name: request.query_params.get(name, "")
            for name in ("kind", "actor", "playbook", "since", "until")
        }
        for name in ("since", "until"):
            if asked[name] and day(asked[name]) is None:
                raise ValidationError({name: ["Give a date such as 2026-11-25."]})
        rows = event_queries.events(
            _reader(request), search=request.query_params.get("q", ""), **asked
        )
        return NewestFirst.answer(self, rows, EventSerializer)


def _reader(request: Request) -> Reader:
    """A key is not its maker, so without the scope ``admin`` it reads of nobody's account."""
    if isinstance(request.auth, ApiKey):
        return Reader(request.auth.workspace, None, administers(request))
    return Reader.member(membership_of(request._request))
