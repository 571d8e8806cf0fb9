"""REST views of environments, runs and trajectories."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, workspace_of
from practice.api import serializers as s
from practice.models import Attempt, Run
from practice.services import runs


class NewestRunFirst(NewestFirst):
    ordering = "-number"


class NewestAttemptFirst(NewestFirst):
    ordering = "-pk"


class EnvironmentList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.EnvironmentSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Environments of the workspace."""
        rows = workspace_of(request).environments.all()
        return Response(s.EnvironmentSerializer(rows, many=True).data)


class RunList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: s.RunSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Runs, newest first, in pages."""
        rows = workspace_of(request).runs.select_related("environment", "playbook")
        pages = NewestRunFirst()
        page: Any = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(s.RunSerializer(page, many=True).data)

    @extend_schema(
        request=s.RunRequest, responses={201: s.RunSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request) -> Response:
        """Start a practice run."""
        asked = s.RunRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        workspace = workspace_of(request)
        run = runs.run_start(
            environment=object_or_404(workspace.environments.all(), slug=values.pop("environment")),
            playbook=object_or_404(workspace.playbooks.all(), slug=values.pop("playbook")),
            by=request.user,
            **values,
        )
        return Response(s.RunSerializer(run).data, status=201)


class RunDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.RunSerializer, 404: PROBLEM})
    def get(self, request: Request, number: int) -> Response:
        """One run."""
        return Response(s.RunSerializer(_run(request, number)).data)


def _run(request: Request, number: int) -> Run:
    rows = workspace_of(request).runs.select_related("environment", "playbook", "workspace")
    return object_or_404(rows, number=number)


class RunMove(APIView):
    """Pause, resume or cancel, by the verb at the end of the URL."""

    permission_classes = (HasScope,)
    scopes = WRITING
    move = staticmethod(runs.run_pause)

    @extend_schema(request=None, responses={200: s.RunSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, number: int) -> Response:
        """Change what the run does next."""
        return Response(s.RunSerializer(self.move(run=_run(request, number), by=request.user)).data)


class AttemptList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("run", int),
            OpenApiParameter("label", str, enum=[*Attempt.Label.values]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: s.AttemptSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Attempts, newest first, in pages."""
        rows = _attempts(request)
        if run := request.query_params.get("run", ""):
            if not run.isdecimal() or len(run) > 9:
                raise ValidationError({"run": ["A run is named by its number, such as 3."]})
            rows = rows.filter(run__number=int(run))
        if label := one_of(request, "label", Attempt.Label.values):
            rows = rows.filter(label=label)
        pages = NewestAttemptFirst()
        page: Any = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(s.AttemptSerializer(page, many=True).data)


class AttemptDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.TrajectorySerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One trajectory with its steps."""
        return Response(s.TrajectorySerializer(object_or_404(_attempts(request), pk=pk)).data)


def _attempts(request: Request) -> Any:
    rows = Attempt.objects.filter(run__workspace=workspace_of(request))
    return rows.select_related("run", "task__round")
