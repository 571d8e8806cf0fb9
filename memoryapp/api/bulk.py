"""One decision about everything a filter matches."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from memoryapp.api.bulk_jobs import JobSerializer, JobView
from memoryapp.api.contract import PROBLEM, READING, WriteRequest
from memoryapp.api.permissions import workspace_of
from memoryapp.api.review import member_named
from memoryapp.models import BulkDecision, BulkOutcome, Membership
from memoryapp.services import bulk


class BulkRequest(WriteRequest):
    action = serializers.ChoiceField(choices=["approve", "reject", "assign"])
    playbook = serializers.CharField(default="", allow_blank=True, max_length=64)
    op = serializers.CharField(default="", allow_blank=True, max_length=10)
    section = serializers.CharField(default="", allow_blank=True, max_length=60)
    run = serializers.CharField(default="", allow_blank=True, max_length=20)
    search = serializers.CharField(default="", allow_blank=True, max_length=1_000)
    chosen = serializers.ListField(child=serializers.UUIDField(), default=list)
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    assignee = serializers.CharField(default="", allow_blank=True, max_length=150)


class BulkSerializer(JobSerializer):
    class Meta:
        model = BulkDecision
        fields = (
            "id",
            "action",
            "query",
            "reason",
            "total",
            "done",
            "left",
            "asked_by",
            "created_at",
            "ended_at",
        )


class OutcomeSerializer(serializers.ModelSerializer[BulkOutcome]):
    class Meta:
        model = BulkOutcome
        fields = ("candidate", "done", "message")


class BulkView(JobView):
    serializer = BulkSerializer


class BulkList(BulkView):
    @extend_schema(request=BulkRequest, responses={201: BulkSerializer, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Decide all that a filter finds waiting; the first rows are decided at once."""
        asked = BulkRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        narrowed = {name: said[name] for name in ("playbook", "op", "section", "run", "search")}
        row = bulk.bulk_start(
            workspace=workspace_of(request),
            action=said["action"],
            narrowed=narrowed,
            chosen=[str(pk) for pk in said["chosen"]],
            reason=said["reason"],
            assignee=_member(request, said["assignee"]),
            by=request.user,
        )
        return self.told(bulk.bulk_continue(bulk=row, by=request.user), status=201)


def _member(request: Request, name: str) -> Membership | None:
    return member_named(request, name, "assignee") if name else None


class BulkDetail(BulkView):
    scopes = READING

    @extend_schema(responses={200: BulkSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """How far a bulk decision is."""
        return self.told(self.job(request, pk))


class BulkOutcomes(BulkView):
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: OutcomeSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """What came of each row, in pages."""
        return self.outcomes(request, pk, OutcomeSerializer)


class BulkContinue(BulkView):
    @extend_schema(request=None, responses={200: BulkSerializer, 404: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Decide the next rows."""
        return self.told(bulk.bulk_continue(bulk=self.job(request, pk), by=request.user))


class BulkUndo(BulkView):
    @extend_schema(request=None, responses={201: BulkSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Take back what a bulk decision decided; answers with the bulk decision that does."""
        back = bulk.bulk_undo(bulk=self.job(request, pk), by=request.user)
        return self.told(bulk.bulk_continue(bulk=back, by=request.user), status=201)
