"""Around one candidate: notes, who has it, who reads it; and how far everybody is."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api import serializers as s
from memoryapp.api.contract import PROBLEM, READING, WRITING, WriteRequest
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.models import Candidate, Membership, Note
from memoryapp.queries import desks
from memoryapp.queries import review as review_queries
from memoryapp.services import decisions, desk, twins

READ_WRITE = {**READING, **WRITING}


class NoteSerializer(WriteRequest, serializers.ModelSerializer[Note]):
    author = serializers.CharField(source="author.username", default=None, allow_null=True)

    class Meta:
        model = Note
        fields = ("author", "text", "created_at")
        read_only_fields = ("author", "created_at")


class AssigneeRequest(WriteRequest):
    username = serializers.CharField(allow_blank=True, help_text="Empty: nobody in particular.")


class ReservationRequest(WriteRequest):
    take_over = serializers.BooleanField(default=False)


class ReservationAnswer(serializers.Serializer[Any]):
    reserved_until = serializers.DateTimeField(allow_null=True)
    reader = serializers.CharField(allow_null=True, help_text="Who has it instead.")


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
        to = member_named(request, name, "username") if name else None
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
            membership=member_named(request, request.user.get_username()),
            take_over=asked.validated_data["take_over"],
        )
        reader = reading.reader.membership.user.get_username() if reading.reader else None
        return Response({"reserved_until": reading.until, "reader": reader})


class TwinSerializer(serializers.Serializer[Any]):
    candidate = s.CandidateSerializer()
    near = serializers.FloatField(help_text="Share of words and word pairs in common, 0 to 1.")


class MergeRequest(WriteRequest):
    other = serializers.UUIDField(help_text="The candidate that waits no more.")


class CandidateTwins(OneCandidate):
    scopes = READING

    @extend_schema(responses={200: TwinSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, pk: Any) -> Response:
        """Others that wait and say nearly the same, the closest first."""
        found = review_queries.twins(self.candidate(request, pk))
        rows = [{"candidate": twin, "near": near} for twin, near in found]
        return Response(TwinSerializer(rows, many=True).data)


class CandidateMerge(OneCandidate):
    @extend_schema(
        request=MergeRequest, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Keep this candidate, with the evidence of another that says the same; undo that one."""
        asked = MergeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = twins.candidates_merge(
            kept=self.candidate(request, pk),
            other=self.candidate(request, asked.validated_data["other"]),
            by=request.user,
        )
        return Response(s.CandidateSerializer(kept).data)


class CandidateUphold(OneCandidate):
    @extend_schema(request=None, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Say that what a policy admitted is right; undo the decision to overturn it."""
        candidate = self.candidate(request, pk)
        done = decisions.audit_uphold(candidate=candidate, by=request.user)
        return Response(s.CandidateSerializer(done).data)


class CandidateOverturn(OneCandidate):
    @extend_schema(request=None, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Say that a policy was wrong where its bullet was changed since and stays as it is."""
        candidate = self.candidate(request, pk)
        done = decisions.audit_uphold(candidate=candidate, by=request.user, is_right=False)
        return Response(s.CandidateSerializer(done).data)


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


def member_named(request: Request, name: str, named_in: str = "") -> Membership:
    rows = workspace_of(request).memberships.select_related("user")
    return object_or_404(rows, named_in, user__username=name)
