"""Review over REST: what the pages around a decision do, programs can do too."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api import serializers as s
from memoryapp.api.contract import PROBLEM, READING, WRITING, NewestFirst
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from memoryapp.domain.review import Policy
from memoryapp.models import (
    BulkDecision,
    BulkOutcome,
    Candidate,
    Event,
    Membership,
    Note,
    Playbook,
    ReviewPolicy,
)
from memoryapp.models.tokens import Scope
from memoryapp.queries import desks, policies
from memoryapp.queries import events as event_queries
from memoryapp.queries import review as review_queries
from memoryapp.services import bulk, decisions, desk
from memoryapp.services.policies import policy_change, policy_of

ADMINISTERING = {**READING, "PUT": (Scope.ADMIN,)}
READ_WRITE = {**READING, **WRITING}


class NoteSerializer(serializers.ModelSerializer[Note]):
    author = serializers.CharField(source="author.username", default=None)

    class Meta:
        model = Note
        fields = ("author", "text", "created_at")
        read_only_fields = ("author", "created_at")


class AssigneeRequest(serializers.Serializer[Any]):
    username = serializers.CharField(allow_blank=True, help_text="Empty: nobody in particular.")


class ReservationRequest(serializers.Serializer[Any]):
    take_over = serializers.BooleanField(default=False)


class ReservationAnswer(serializers.Serializer[Any]):
    reserved_until = serializers.DateTimeField(allow_null=True)
    reader = serializers.CharField(allow_null=True, help_text="Who has it instead.")


class PolicySerializer(serializers.Serializer[Any]):
    """Shares and confidence are fractions in 0..1."""

    reviewers = serializers.IntegerField(min_value=1, default=1)
    protected_labels = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list
    )
    protected_reviewers = serializers.IntegerField(min_value=1, default=2)
    admit_from = serializers.FloatField(allow_null=True, default=None)
    audit_share = serializers.FloatField(default=0.1)
    blind_share = serializers.FloatField(default=0.0)


class PolicyRequest(PolicySerializer):
    reason = serializers.CharField(max_length=300)


class PolicyVersion(serializers.ModelSerializer[ReviewPolicy]):
    created_by = serializers.CharField(source="created_by.username", default=None)

    class Meta:
        model = ReviewPolicy
        fields = (
            "number",
            "reviewers",
            "protected_labels",
            "protected_reviewers",
            "admit_from",
            "audit_share",
            "blind_share",
            "reason",
            "created_by",
            "created_at",
        )


class GateReplaySerializer(serializers.Serializer[Any]):
    """What a gate would have admitted of what people decided."""

    threshold = serializers.FloatField()
    decided = serializers.IntegerField()
    right = serializers.IntegerField()
    reworded = serializers.IntegerField()
    wrong = serializers.IntegerField()
    waiting = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)


class BulkRequest(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=["approve", "reject", "assign"])
    playbook = serializers.CharField(default="", allow_blank=True)
    op = serializers.CharField(default="", allow_blank=True)
    section = serializers.CharField(default="", allow_blank=True)
    run = serializers.CharField(default="", allow_blank=True)
    search = serializers.CharField(default="", allow_blank=True)
    chosen = serializers.ListField(child=serializers.UUIDField(), default=list)
    reason = serializers.CharField(default="", allow_blank=True, max_length=300)
    assignee = serializers.CharField(default="", allow_blank=True)


class BulkSerializer(serializers.ModelSerializer[BulkDecision]):
    """Call ``continue`` until ``ended_at`` is set."""

    asked_by = serializers.CharField(source="asked_by.username", default=None)
    done = serializers.SerializerMethodField()
    left = serializers.SerializerMethodField()

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

    def get_done(self, row: BulkDecision) -> int:
        return row.outcomes.filter(done=True).count()

    def get_left(self, row: BulkDecision) -> int:
        return row.outcomes.filter(done=False).count()


class OutcomeSerializer(serializers.ModelSerializer[BulkOutcome]):
    class Meta:
        model = BulkOutcome
        fields = ("candidate", "done", "message")


class PlaybookProgressSerializer(serializers.Serializer[Any]):
    playbook = serializers.CharField(source="playbook.slug")
    waiting = serializers.IntegerField()
    approved = serializers.IntegerField()
    rejected = serializers.IntegerField()


class PersonProgressSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(source="user.username")
    today = serializers.IntegerField()
    week = serializers.IntegerField()
    approved = serializers.IntegerField()
    rejected = serializers.IntegerField()
    assigned = serializers.IntegerField()
    last_at = serializers.DateTimeField(allow_null=True)


class ReviewProgressSerializer(serializers.Serializer[Any]):
    playbooks = PlaybookProgressSerializer(many=True)
    people = PersonProgressSerializer(many=True)


class EventSerializer(serializers.ModelSerializer[Event]):
    actor = serializers.CharField(source="actor.username", default=None)

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


class OneCandidate(APIView):
    permission_classes = (HasScope,)
    scopes: Any = READ_WRITE

    def candidate(self, request: Request, pk: Any) -> Candidate:
        rows = Candidate.objects.filter(workspace=workspace_of(request))
        return object_or_404(rows.select_related(*review_queries.RELATED), pk=pk)


class CandidateDetail(OneCandidate):
    scopes = READING

    @extend_schema(responses={200: s.CandidateSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: Any) -> Response:
        """One candidate with its evidence. Scores are left out while it is kept blind."""
        return Response(s.CandidateSerializer(self.candidate(request, pk)).data)


class CandidateNotes(OneCandidate):
    @extend_schema(responses={200: NoteSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, pk: Any) -> Response:
        """The notes of reviewers, oldest first."""
        rows = self.candidate(request, pk).notes.select_related("author")
        return Response(NoteSerializer(rows, many=True).data)

    @extend_schema(
        request=NoteSerializer, responses={201: NoteSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Leave a note for the next reviewer."""
        asked = NoteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        note = desk.note_add(
            candidate=self.candidate(request, pk),
            text=asked.validated_data["text"],
            by=request.user,
        )
        return Response(NoteSerializer(note).data, status=201)


class CandidateAssignee(OneCandidate):
    @extend_schema(
        request=AssigneeRequest, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, pk: Any) -> Response:
        """Hand a candidate to a reviewer, or to nobody in particular."""
        asked = AssigneeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        candidate = self.candidate(request, pk)
        name = asked.validated_data["username"]
        to = _member(request, name) if name else None
        done = desk.candidate_assign(candidate=candidate, to=to, by=request.user)
        return Response(s.CandidateSerializer(done).data)


class CandidateReservation(OneCandidate):
    @extend_schema(request=ReservationRequest, responses={200: ReservationAnswer, 404: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Keep a candidate for yourself for a while; ``take_over`` ends another's reservation."""
        asked = ReservationRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        candidate = self.candidate(request, pk)
        reading = desk.candidate_reserve(
            candidate=candidate,
            membership=_member(request, request.user.get_username()),
            take_over=asked.validated_data["take_over"],
        )
        reader = reading.reader.membership.user.get_username() if reading.reader else None
        return Response({"reserved_until": reading.until, "reader": reader})


class CandidateUphold(OneCandidate):
    @extend_schema(request=None, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Say that what a policy admitted is right; undo the decision to overturn it."""
        candidate = self.candidate(request, pk)
        done = decisions.audit_uphold(candidate=candidate, by=request.user)
        return Response(s.CandidateSerializer(done).data)


class PlaybookPolicy(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    @extend_schema(responses={200: PolicySerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The review policy that stands."""
        return Response(PolicySerializer(policy_of(_playbook(request, slug))).data)

    @extend_schema(
        request=PolicyRequest, responses={200: PolicyVersion, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, slug: str) -> Response:
        """Write the next policy. What was decided before stays decided."""
        asked = PolicyRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        reason = wanted.pop("reason")
        to = Policy(**{**wanted, "protected_labels": tuple(wanted["protected_labels"])})
        row = policy_change(
            playbook=_playbook(request, slug), to=to, reason=reason, by=request.user
        )
        return Response(PolicyVersion(row).data)


class PlaybookPolicyHistory(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: PolicyVersion(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Every policy of a playbook, newest first."""
        rows = _playbook(request, slug).review_policies.select_related("created_by")
        return Response(PolicyVersion(rows, many=True).data)


class PlaybookPolicyReplay(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("threshold", float, required=True)],
        responses={200: GateReplaySerializer, 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What a gate at ``threshold`` would have admitted of what people decided."""
        try:
            threshold = float(request.query_params.get("threshold", ""))
        except ValueError as error:
            raise ValidationError({"threshold": ["Give a confidence from 0 to 1."]}) from error
        if not 0 <= threshold <= 1:
            raise ValidationError({"threshold": ["Give a confidence from 0 to 1."]})
        (row,) = policies.replay(_playbook(request, slug), [threshold])
        return Response(GateReplaySerializer(row).data)


class BulkList(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=BulkRequest, responses={201: BulkSerializer, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Decide everything that waits under a filter; the first rows are decided at once."""
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
            assignee=_member(request, said["assignee"]) if said["assignee"] else None,
            by=request.user,
        )
        return Response(
            BulkSerializer(bulk.bulk_continue(bulk=row, by=request.user)).data, status=201
        )


class OneBulk(APIView):
    permission_classes = (HasScope,)
    scopes: Any = WRITING

    def bulk(self, request: Request, pk: int) -> BulkDecision:
        rows = BulkDecision.objects.filter(workspace=workspace_of(request))
        return object_or_404(rows.select_related("asked_by"), pk=pk)


class BulkDetail(OneBulk):
    scopes = READING

    @extend_schema(responses={200: BulkSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """How far a bulk decision is."""
        return Response(BulkSerializer(self.bulk(request, pk)).data)


class ByRow(NewestFirst):
    ordering = "pk"


class BulkOutcomes(OneBulk):
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: OutcomeSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """What came of each row, in pages."""
        pages = ByRow()
        page = pages.paginate_queryset(self.bulk(request, pk).outcomes.all(), request, view=self)
        return pages.get_paginated_response(OutcomeSerializer(page, many=True).data)


class BulkContinue(OneBulk):
    @extend_schema(request=None, responses={200: BulkSerializer, 404: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Decide the next rows."""
        row = bulk.bulk_continue(bulk=self.bulk(request, pk), by=request.user)
        return Response(BulkSerializer(row).data)


class BulkUndo(OneBulk):
    @extend_schema(request=None, responses={201: BulkSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Take back what a bulk decision decided; answers with the bulk decision that does."""
        back = bulk.bulk_undo(bulk=self.bulk(request, pk), by=request.user)
        row = bulk.bulk_continue(bulk=back, by=request.user)
        return Response(BulkSerializer(row).data, status=201)


class ReviewProgress(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: ReviewProgressSerializer})
    def get(self, request: Request) -> Response:
        """What waits in each playbook, and what each reviewer decided."""
        workspace = workspace_of(request)
        found = {
            "playbooks": desks.by_playbook(workspace),
            "people": desks.by_person(workspace),
        }
        return Response(ReviewProgressSerializer(found).data)


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
            if asked[name] and event_queries.day(asked[name]) is None:
                raise ValidationError({name: ["Give a date such as 2026-11-25."]})
        rows = event_queries.events(
            workspace_of(request), search=request.query_params.get("q", ""), **asked
        )
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(EventSerializer(page, many=True).data)


def _playbook(request: Request, slug: str) -> Playbook:
    return object_or_404(playbooks_of(request), slug=slug)


def _member(request: Request, name: str) -> Membership:
    rows = workspace_of(request).memberships.select_related("user")
    return object_or_404(rows, user__username=name)
