"""What agents report: bullets that helped or harmed, and how a task ended."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, NewestFirst, WriteRequest, one_of
from memoryapp.api.permissions import HasScope, playbooks_of
from memoryapp.models import ApiKey, Release, Report, Vote
from memoryapp.models.tokens import Scope
from memoryapp.queries.releases import heavy
from memoryapp.services.reports import Said, report_take

VOTES_MOST = 500


class VoteRequest(WriteRequest):
    id = serializers.CharField(max_length=80, help_text="Id or label of a bullet of the release.")
    vote = serializers.ChoiceField(choices=Vote.Value.choices)
    evidence = serializers.CharField(
        max_length=20_000, required=False, default="", allow_blank=True
    )


class FeedbackRequest(WriteRequest):
    release = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="X-Release-Id of the pull."
    )
    task = serializers.CharField(
        max_length=200,
        required=False,
        default="",
        allow_blank=True,
        help_text="Your name for the task: what your key says of it twice counts once. "
        "Without it the Idempotency-Key is the name.",
    )
    agent = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    outcome = serializers.ChoiceField(
        choices=[o for o in Report.Outcome.choices if o[0]], required=False, default=""
    )
    bullets = VoteRequest(many=True, required=False, default=list)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs["bullets"]) > VOTES_MOST:
            raise serializers.ValidationError({"bullets": [f"At most {VOTES_MOST} at a time."]})
        if not attrs["bullets"] and not attrs["outcome"]:
            raise serializers.ValidationError(
                {"outcome": ["Say how the task ended, or what you think of its bullets."]}
            )
        return attrs


class RefusedVote(serializers.Serializer[Any]):
    place = serializers.IntegerField()
    bullet = serializers.CharField()
    message = serializers.CharField()


class FeedbackReceipt(serializers.Serializer[Any]):
    task = serializers.CharField()
    outcome = serializers.CharField()
    counted = serializers.IntegerField()
    known = serializers.IntegerField(help_text="Votes that were counted before.")
    refused = RefusedVote(many=True)
    reverted = serializers.ListField(
        child=serializers.CharField(), help_text="Labels whose trial of a release has ended."
    )


class VoteSerializer(serializers.ModelSerializer[Vote]):
    id = serializers.CharField(source="bullet.label")
    vote = serializers.CharField(source="value")

    class Meta:
        model = Vote
        fields = ("id", "vote", "evidence")


class TaskReportSerializer(serializers.ModelSerializer[Report]):
    playbook = serializers.CharField(source="release.playbook.slug")
    version = serializers.IntegerField(source="release.number")
    bullets = VoteSerializer(source="votes", many=True)

    class Meta:
        model = Report
        fields = (
            "task",
            "agent",
            "playbook",
            "version",
            "release",
            "outcome",
            "bullets",
            "created_at",
        )


class NewestReportsFirst(NewestFirst):
    ordering = "-pk"


class Feedback(APIView):
    permission_classes = (HasScope,)
    scopes = {"GET": (Scope.READ, Scope.WRITE), "POST": (Scope.FEEDBACK, Scope.WRITE)}

    @extend_schema(
        parameters=[
            OpenApiParameter("outcome", str, enum=["success", "failure"]),
            OpenApiParameter("playbook", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: TaskReportSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """What agents reported, newest first, in pages."""
        rows = Report.objects.filter(release__playbook__in=playbooks_of(request))
        if outcome := one_of(request, "outcome", ["success", "failure"]):
            rows = rows.filter(outcome=outcome)
        if slug := request.query_params.get("playbook", ""):
            rows = rows.filter(release__playbook__slug=slug)
        found = rows.select_related("release__playbook").defer(*heavy("release"))
        return NewestReportsFirst.answer(
            self, found.prefetch_related("votes__bullet"), TaskReportSerializer
        )

    @extend_schema(
        request=FeedbackRequest,
        responses={
            200: FeedbackReceipt,
            400: PROBLEM,
            404: PROBLEM,
            409: PROBLEM,
            429: PROBLEM,
            503: PROBLEM,
        },
    )
    def post(self, request: Request) -> Response:
        """Report a task you did with a release: its outcome, and what you think of bullets.

        What is sent twice counts once. Votes on bullets that the release does not hold come back
        in ``refused``; the others count.
        """
        asked = FeedbackRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        rows = Release.objects.light().filter(playbook__in=playbooks_of(request))
        receipt = report_take(
            release=object_or_404(rows, "release", pk=values["release"]),
            votes=[Said(v["id"], v["vote"], v["evidence"]) for v in values["bullets"]],
            outcome=values["outcome"],
            task=values["task"] or request.headers.get("Idempotency-Key", "")[:200],
            agent=values["agent"] or request.headers.get("X-Agent-Id", "")[:120],
            key=request.auth if isinstance(request.auth, ApiKey) else None,
        )
        return Response(FeedbackReceipt(receipt).data)
