"""REST views: parse, gate, one service call, render."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api import serializers as s
from memoryapp.api.contract import PROBLEM, PULLING, READING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.domain.formats import CONTENT_TYPES
from memoryapp.models import Candidate, Playbook, Release
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries import review as review_queries
from memoryapp.queries.tallies import held_by
from memoryapp.services import candidates, releases

CACHE_CONTROL = "private, max-age=60, stale-while-revalidate=600"
ACCEPTED = {"application/json": "json", "text/markdown": "md", "text/plain": "ace"}


class PlaybookList(APIView):
    permission_classes = (HasScope,)
    scopes = PULLING

    @extend_schema(responses={200: s.PlaybookSerializer(many=True), 401: PROBLEM, 403: PROBLEM})
    def get(self, request: Request) -> Response:
        """Playbooks of the workspace with their labels."""
        workspace = workspace_of(request)
        rows: list[Any] = list(playbook_queries.playbooks_with_labels(workspace))
        held = held_by(workspace, rows)
        for row in rows:
            row.live_count, row.waiting_count = held[row.pk].bullets, held[row.pk].waiting
        return Response(s.PlaybookSerializer(rows, many=True).data)


class StoredForm(BaseContentNegotiation):
    """The view itself picks among stored forms; errors are always JSON."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return next(iter(parsers), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class PlaybookPull(APIView):
    """The contract with agents: a released playbook, by label or version."""

    permission_classes = (HasScope,)
    content_negotiation_class = StoredForm
    scopes = PULLING

    @extend_schema(
        operation_id="playbooks_pull",
        parameters=[
            OpenApiParameter("label", str, description="Default: production."),
            OpenApiParameter("version", int, description="A release number instead of a label."),
            OpenApiParameter("format", str, enum=[*CONTENT_TYPES], description="Or Accept."),
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you hold."
            ),
        ],
        responses={
            (200, "application/json"): s.PlaybookDocument,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
            304: OpenApiResponse(description="You hold this content already."),
            400: PROBLEM,
            401: PROBLEM,
            403: PROBLEM,
            404: PROBLEM,
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The playbook at a label (default ``production``) or version.

        The ETag is the digest of the content: send it back as If-None-Match and an unchanged
        playbook answers 304 without a body.
        """
        form, version = _format(request), _version(request)
        label = request.query_params.get("label", releases.PRODUCTION)
        workspace = workspace_of(request)
        try:
            release = release_queries.pulled_release(workspace, slug, label=label, version=version)
        except Release.DoesNotExist as error:
            raise NotFound(_missing(workspace.playbooks, slug, label, version)) from error
        if form not in release.digests:
            raise NotFound(
                f"{release} was published before the form {form} existed. Publish a new release."
            )
        etag = f'"{release.digests[form]}"'
        if _holds(request, etag):
            answer = HttpResponse(status=304)
            del answer["Content-Type"]
        else:
            body = Release.objects.values_list(f"bodies__{form}", flat=True).get(pk=release.pk)
            answer = HttpResponse(body, content_type=CONTENT_TYPES[form])
        answer["ETag"] = etag
        answer["Cache-Control"] = CACHE_CONTROL
        answer["Vary"] = "Accept, Authorization"
        answer["X-Playbook-Version"] = str(release.number)
        answer["X-Release-Id"] = str(release.pk)
        return answer


def _holds(request: Request, etag: str) -> bool:
    """Whether the caller has this content. Compared weakly: a compressing proxy weakens tags."""
    sent = request.headers.get("If-None-Match", "")
    return "*" in (held := parse_etags(sent)) or etag in {tag.removeprefix("W/") for tag in held}


def _format(request: Request) -> str:
    asked = request.query_params.get("format")
    if asked is None:
        wanted = (
            part.split(";")[0].strip() for part in request.headers.get("Accept", "").split(",")
        )
        return next((ACCEPTED[kind] for kind in wanted if kind in ACCEPTED), "json")
    if asked not in CONTENT_TYPES:
        raise ValidationError({"format": [f"Choose one of: {', '.join(CONTENT_TYPES)}."]})
    return asked


def _version(request: Request) -> int | None:
    asked = request.query_params.get("version")
    if asked is None:
        return None
    if not asked.isdecimal() or len(asked) > 9:
        raise ValidationError({"version": ["A version is a whole number, such as 3."]})
    return int(asked)


def _missing(rows: Any, slug: str, label: str, version: int | None) -> str:
    playbook = rows.filter(slug=slug).first()
    if playbook is None:
        return f"There is no playbook {slug!r} in this key's workspace."
    if version is not None:
        return f"{playbook.name} has no version {version}."
    known = ", ".join(playbook.labels.values_list("name", flat=True)) or "none yet"
    return f"{playbook.name} has no label {label!r}. Its labels: {known}."


def _playbook(request: Request, slug: str) -> Playbook:
    return object_or_404(workspace_of(request).playbooks.all(), slug=slug)


class ReleaseList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(responses={200: s.ReleaseSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Releases of a playbook, newest first."""
        rows = _playbook(request, slug).releases.defer("document", "bodies")
        rows = rows.select_related("published_by").prefetch_related("labels")
        return Response(s.ReleaseSerializer(rows, many=True).data)

    @extend_schema(
        request=s.PublishRequest, responses={201: s.ReleaseSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Publish what is approved as the next release."""
        asked = s.PublishRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        release = releases.release_publish(
            playbook=_playbook(request, slug), by=request.user, **asked.validated_data
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
        pages = NewestFirst()
        rows = _playbook(request, slug).evaluations.select_related("release")
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(s.EvaluationSerializer(page, many=True).data)


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
        playbook = _playbook(request, slug)
        release = object_or_404(playbook.releases.all(), number=asked.validated_data["version"])
        releases.label_move(playbook=playbook, name=name, release=release, by=request.user)
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
        pages = NewestFirst()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(s.CandidateSerializer(page, many=True).data)


class CandidateDecision(APIView):
    """Approve, reject or undo, by the verb at the end of the URL."""

    permission_classes = (HasScope,)
    scopes = WRITING

    def candidate(self, request: Request, pk: Any) -> Candidate:
        rows = Candidate.objects.filter(playbook__workspace=workspace_of(request))
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
            )
        )


class CandidateUndo(CandidateDecision):
    @extend_schema(request=None, responses={200: s.CandidateSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: Any) -> Response:
        """Take a decision back."""
        return self.answer(
            candidates.candidate_undo(candidate=self.candidate(request, pk), by=request.user)
        )
