"""Lessons that agents propose themselves."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import PROBLEM, SENDING, WriteRequest
from memoryapp.api.permissions import HasScope, playbook_of
from memoryapp.domain.playbook import SECTIONS
from memoryapp.models import ApiKey
from memoryapp.services.proposals import (
    KNOWN,
    MAX_EVIDENCE,
    MAX_LESSON,
    MAX_WORDS,
    WAITING,
    lesson_propose,
)


class ProposalRequest(WriteRequest):
    content = serializers.CharField(
        max_length=MAX_LESSON, help_text="The lesson, so that another agent can act on it."
    )
    section = serializers.CharField(
        max_length=60,
        default=SECTIONS[0],
        help_text=f"Where it belongs: {', '.join(SECTIONS)}, or one of your own.",
    )
    reason = serializers.CharField(
        max_length=MAX_WORDS,
        default="",
        allow_blank=True,
        help_text="Why it is worth remembering.",
    )
    task = serializers.CharField(
        max_length=MAX_WORDS,
        default="",
        allow_blank=True,
        help_text="What you were asked to do when you learned it.",
    )
    evidence = serializers.CharField(
        max_length=MAX_EVIDENCE,
        default="",
        allow_blank=True,
        help_text="What you observed, word for word.",
    )


class ProposalReceipt(serializers.Serializer[Any]):
    outcome = serializers.ChoiceField(choices=["waiting", "known"])
    candidate = serializers.UUIDField(allow_null=True, help_text="Null where it is known already.")
    seen = serializers.IntegerField(help_text="How often it was proposed.")
    message = serializers.CharField()


class Proposals(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": SENDING["POST"]}

    @extend_schema(
        request=ProposalRequest,
        responses={
            200: ProposalReceipt,
            201: ProposalReceipt,
            400: PROBLEM,
            404: PROBLEM,
            503: PROBLEM,
        },
    )
    def post(self, request: Request, slug: str) -> Response:
        """Propose a lesson you learned. It waits in Review: a person decides what is remembered.

        Proposed again while it waits, its evidence joins what is there.
        """
        asked = ProposalRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        by = request.auth if isinstance(request.auth, ApiKey) else request.user
        candidate = lesson_propose(
            playbook=playbook_of(request, slug), by=by, **asked.validated_data
        )
        if candidate is None:
            said: dict[str, Any] = {
                "outcome": "known",
                "candidate": None,
                "seen": 0,
                "message": KNOWN,
            }
            return Response(ProposalReceipt(said).data)
        said = {
            "outcome": "waiting",
            "candidate": candidate.pk,
            "seen": candidate.seen_count,
            "message": WAITING,
        }
        return Response(ProposalReceipt(said).data, status=201)
