"""REST views: parse, gate, one service call, render."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api import serializers as s
from memoryapp.api.contract import PROBLEM, PULLING, READING, WRITING, ByName, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, bound_to, playbook_of, playbooks_of, workspace_of
from memoryapp.models import Candidate
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import review as review_queries
from memoryapp.queries.releases import heavy
from memoryapp.queries.tallies import held_by
from memoryapp.services import candidates, playbooks, releases


class PlaybookList(APIView):
    permission_classes = (HasScope,)
    scopes = PULLING | WRITING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: s.PlaybookSerializer(many=True), 401: PROBLEM, 403: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        """Playbooks of the workspace with their labels, by name, in pages."""
        workspace, bound = workspace_of(request), bound_to(request)
        found = playbook_queries.playbooks_with_labels(workspace)

        def counted(page: list[Any]) -> list[Any]:
            held = held_by(workspace, page)
            for row in page:
                row.live_count, row.waiting_count = held[row.pk].bullets, held[row.pk].waiting
            return page

        rows = found.filter(pk__in=bound) if bound else found
        return ByName.answer(self, rows, s.PlaybookSerializer, made=counted)

    @extend_schema(
        request=s.PlaybookRequest,
        responses={201: s.PlaybookSerializer, 400: PROBLEM, 403: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Make an empty playbook. Its slug is made from its name and stays."""
        asked = s.PlaybookRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        workspace = workspace_of(request)
        made = playbooks.playbook_create(
            workspace=workspace, by=request.user, **asked.validated_data
        )
        row: Any = playbook_queries.playbooks_with_labels(workspace).get(pk=made.pk)
        row.live_count = row.waiting_count = 0
        return Response(s.PlaybookSerializer(row).data, status=201)


class ReleaseList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(responses={200: s.ReleaseSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Releases of a playbook, newest first."""
        rows = playbook_of(request, slug).releases.light().defer(*heavy("replacement"))
        rows = rows.select_related("published_by", "replacement").prefetch_related("labels")
        return Response(s.ReleaseSerializer(rows, many=True).data)

    @extend_schema(
        request=s.PublishRequest, responses={201: s.ReleaseSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Publish what is approved as the next release, or only the draft that was ``seen``."""
        asked = s.PublishRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        release = releases.release_publish(
            playbook=playbook_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(s.ReleaseSerializer(release).data, status=201)


class EvaluationList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: s.EvaluationSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What was measured of a playbook, newest first, in pages."""
        rows = playbook_of(request, slug).evaluations.select_related("release")
        return NewestFirst.answer(self, rows.defer(*heavy("release")), s.EvaluationSerializer)


class LabelDetail(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=s.LabelRequest, responses={200: s.ReleaseSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Point a label at a release."""
        asked = s.LabelRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        playbook = playbook_of(request, slug)
        release = object_or_404(
            playbook.releases.all(), "version", number=asked.validated_data["version"]
        )
        releases.label_move(
            playbook=playbook,
            name=name,
            release=release,
            points_at=asked.validated_data.get("points_at"),
            by=request.user,
        )
        return Response(s.ReleaseSerializer(release).data)


class CandidateList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=[*Candidate.Status.values]),
            OpenApiParameter("playbook", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: s.CandidateSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Candidates, newest first, in pages."""
        rows = review_queries.review_queue(
            workspace_of(request),
            status=one_of(request, "status", Candidate.Status.values),
            playbook=request.query_params.get("playbook", ""),
        ).prefetch_related("evidence", "targets")

        def ruled(page: list[Candidate]) -> list[Candidate]:
            standing = review_queries.policies(workspace_of(request))
            for row in page:
                row.playbook.standing_policy = standing.get(row.playbook_id)
            return page

        return NewestFirst.answer(self, rows, s.CandidateSerializer, made=ruled)


class CandidateDecision(APIView):
    """Approve, reject or undo, by the verb at the end of the URL."""

    permission_classes = (HasScope,)
    scopes = WRITING

    def candidate(self, request: Request, pk: Any) -> Candidate:
        rows = Candidate.objects.filter(playbook__in=playbooks_of(request))
        return object_or_404(rows, pk=pk)

    def answer(self, candidate: Candidate) -> Response:
        return Response(s.CandidateSerializer(candidate).data)


class CandidateApprove(CandidateDecision):
    @extend_schema(
        request=s.ApproveRequest, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Approve, in your own words where ``content`` is given."""
        asked = s.ApproveRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.answer(
            candidates.candidate_approve(
                candidate=self.candidate(request, pk),
                by=request.user,
                content=asked.validated_data.get("content"),
                seen=asked.validated_data["seen"],
            )
        )


class CandidateReject(CandidateDecision):
    @extend_schema(
        request=s.RejectRequest, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: Any) -> Response:
        """Reject with a reason."""
        asked = s.RejectRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        return self.answer(
            candidates.candidate_reject(
                candidate=self.candidate(request, pk),
                by=request.user,
                reason=asked.validated_data["reason"],
                seen=asked.validated_data["seen"],
            )
        )


class CandidateUndo(CandidateDecision):
    @extend_schema(request=None, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Take a decision back."""
        return self.answer(
            candidates.candidate_undo(candidate=self.candidate(request, pk), by=request.user)
        )
