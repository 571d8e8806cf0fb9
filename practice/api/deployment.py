"""Trajectories that deployed agents send in, over the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, SENDING, WRITING, NewestFirst, WriteRequest, one_of
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from practice.domain.deployment import MAX_BATCH, OUTCOMES
from practice.domain.traces.counts import DEAREST, LONGEST, WHOLE
from practice.models import SentTrajectory
from practice.services.deployment import trajectories_judge_again, trajectories_send


def _count(meaning: str) -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False, min_value=0, max_value=LONGEST, help_text=meaning
    )


def _dollars(most: Decimal, meaning: str) -> serializers.FloatField:
    return serializers.FloatField(
        required=False, min_value=0, max_value=float(most), help_text=meaning
    )


class SentStep(serializers.Serializer[Any]):
    """One tool call of the agent. ``observation`` may be a text or any JSON."""

    tool = serializers.CharField(max_length=200)
    arguments = serializers.JSONField(required=False)
    observation = serializers.JSONField(required=False)
    is_error = serializers.BooleanField(required=False)
    thought = serializers.CharField(required=False)
    started_ms = _count("When it began, from the question on; else when the step before it ended.")
    duration_ms = _count("How long it took.")
    input_tokens = _count("What the model call behind it read; of several steps, on the first.")
    output_tokens = _count("What that model call wrote.")
    cost = _dollars(DEAREST, "What that model call cost, in US dollars; unknown where left out.")
    parent = serializers.IntegerField(  # type: ignore[assignment]
        required=False,
        min_value=1,
        help_text="The number of the earlier step that started it, such as that of a subagent.",
    )


class SentEntry(serializers.Serializer[Any]):
    id = serializers.CharField(max_length=200, help_text="Your name for it; sent twice, kept once.")
    instruction = serializers.CharField()
    steps = SentStep(many=True)
    answer = serializers.CharField(required=False)
    outcome = serializers.ChoiceField(choices=[o for o in OUTCOMES if o], required=False)
    cost = _dollars(WHOLE, "What all of it cost, in US dollars; else what its steps add up to.")
    release = serializers.CharField(required=False, help_text="The release the agent was given.")
    ended_at = serializers.DateTimeField(
        required=False, help_text="By your clock. It dates nothing here; a wrong one is remarked."
    )


class SendRequest(WriteRequest):
    playbook = serializers.SlugField()
    environment = serializers.SlugField()
    # Entries are read one by one: a bad one is reported and the others are kept.
    trajectories = serializers.ListField(
        child=serializers.JSONField(allow_null=True), min_length=1, max_length=MAX_BATCH
    )


class DocumentedSendRequest(SendRequest):
    trajectories = SentEntry(many=True)  # type: ignore[assignment]


class RemarkedEntry(serializers.Serializer[Any]):
    place = serializers.IntegerField()
    id = serializers.CharField()
    message = serializers.CharField()


class SendReceipt(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    known = serializers.IntegerField()
    refused = RemarkedEntry(many=True)
    remarks = RemarkedEntry(
        many=True, help_text="What is to be said of entries that were taken, such as a wrong clock."
    )


class SentTrajectorySerializer(serializers.ModelSerializer[SentTrajectory]):
    id = serializers.CharField(source="external_id")
    playbook = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    environment = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = SentTrajectory
        fields = (
            "id",
            "playbook",
            "environment",
            "instruction",
            "outcome",
            "release",
            "status",
            "attempt",
            "remark",
            "received_at",
        )


class NewestSentFirst(NewestFirst):
    ordering = "-pk"


class SentTrajectories(APIView):
    permission_classes = (HasScope,)
    scopes = SENDING

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=[*SentTrajectory.Status.values]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: SentTrajectorySerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """What agents sent in, newest first, in pages."""
        rows = SentTrajectory.objects.filter(playbook__in=playbooks_of(request))
        if status := one_of(request, "status", SentTrajectory.Status.values):
            rows = rows.filter(status=status)
        found = rows.select_related("playbook", "environment")
        return NewestSentFirst.answer(self, found, SentTrajectorySerializer)

    @extend_schema(
        request=DocumentedSendRequest,
        responses={202: SendReceipt, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Send trajectories of deployed agents: they are judged and learned from, then reviewed."""
        asked = SendRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        workspace = workspace_of(request)
        receipt = trajectories_send(
            playbook=object_or_404(playbooks_of(request), "playbook", slug=values["playbook"]),
            environment=object_or_404(
                workspace.environments.all(), "environment", slug=values["environment"]
            ),
            given=values["trajectories"],
            by=request.user,
        )
        return Response(SendReceipt(receipt).data, status=202)


class JudgedAgain(serializers.Serializer[Any]):
    waiting = serializers.IntegerField()


class SentTrajectoriesAgain(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=None, responses={202: JudgedAgain, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Judge what runs left unjudged, in new runs, each with a new budget."""
        count = trajectories_judge_again(workspace=workspace_of(request), by=request.user)
        return Response({"waiting": count}, status=202)
