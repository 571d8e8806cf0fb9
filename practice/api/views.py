"""REST views of environments, runs and trajectories."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from memoryapp.domain.errors import UnableToFind
from practice.api import serializers as s
from practice.models import Attempt, Environment, EnvironmentSnapshot, Lesson, Run
from practice.queries import lessons
from practice.queries.runs import runs as runs_of
from practice.queries.trajectories import BOTH, TRIALS
from practice.services import runs
from practice.services.observations import step_text


class NewestRunFirst(NewestFirst):
    ordering = "-number"


class NewestAttemptFirst(NewestFirst):
    ordering = "-pk"


class RunList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: s.RunSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Runs, newest first, in pages."""
        rows = runs_of(workspace_of(request)).select_related("environment", "playbook", "snapshot")
        return NewestRunFirst.answer(self, rows, s.RunSerializer)

    @extend_schema(
        request=s.RunRequest, responses={201: s.RunSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request) -> Response:
        """Start a practice run."""
        asked = s.RunRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        workspace = workspace_of(request)
        environment = object_or_404(
            workspace.environments.all(), "environment", slug=values.pop("environment")
        )
        number = values.pop("snapshot")
        run = runs.run_start(
            environment=environment,
            snapshot=_snapshot(environment, number),
            playbook=object_or_404(playbooks_of(request), "playbook", slug=values.pop("playbook")),
            by=request.user,
            **values,
        )
        return Response(s.RunSerializer(run).data, status=201)


def _snapshot(environment: Environment, number: int | None) -> EnvironmentSnapshot | None:
    if number is None:
        return None
    found = environment.snapshots.filter(number=number).first()
    if found is None:
        raise Http404(
            f"{environment.name} has no snapshot {number}. Its snapshots are listed at "
            f"/api/v1/environments/{environment.slug}/snapshots."
        )
    return found


class RunDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.RunDetailSerializer, 404: PROBLEM})
    def get(self, request: Request, number: int) -> Response:
        """One run and how far it is."""
        return Response(s.RunDetailSerializer(_run(request, number)).data)


def _run(request: Request, number: int) -> Run:
    rows = workspace_of(request).runs.select_related(
        "environment", "playbook", "snapshot", "workspace"
    )
    return object_or_404(rows, number=number)


class LessonList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("kind", str, enum=[*Lesson.Kind.values]),
            OpenApiParameter("status", str, enum=[*Lesson.Status.values]),
        ],
        responses={200: s.LessonSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, number: int) -> Response:
        """What a run put to the test: lessons and consolidation proposals, oldest first."""
        rows = lessons.lessons_of(_run(request, number))
        for name, values in (("kind", Lesson.Kind.values), ("status", Lesson.Status.values)):
            if value := one_of(request, name, values):
                rows = rows.filter(**{name: value})
        return Response(s.LessonSerializer(rows, many=True).data)


class RunMove(APIView):
    """Pause, resume or cancel, by the verb at the end of the URL."""

    permission_classes = (HasScope,)
    scopes = WRITING
    move = staticmethod(runs.run_pause)
    description = ""

    @extend_schema(request=None, responses={200: s.RunSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, number: int) -> Response:
        return Response(s.RunSerializer(self.move(run=_run(request, number), by=request.user)).data)


class AttemptList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("run", int),
            OpenApiParameter("label", str, enum=[*Attempt.Label.values]),
            OpenApiParameter(
                "arm",
                str,
                enum=[TRIALS, BOTH],
                description="Attempts of experiments and lesson trials; without it, practice only.",
            ),
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
        arm = one_of(request, "arm", [TRIALS, BOTH])
        if arm == TRIALS:
            rows = rows.exclude(arm=None)
        elif not arm:
            rows = rows.filter(arm=None)
        return NewestAttemptFirst.answer(self, rows, s.AttemptSerializer)


class AttemptDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.TrajectorySerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One trajectory with its steps."""
        return Response(s.TrajectorySerializer(object_or_404(_attempts(request), pk=pk)).data)


class StepText(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.StepTextSerializer, 404: PROBLEM, 503: PROBLEM})
    def get(self, request: Request, pk: int, number: int) -> Response:
        """All of what a tool answered in a step of the try that counts."""
        attempt = object_or_404(_attempts(request), pk=pk)
        if attempt.steps_gone:
            raise UnableToFind(attempt.steps_gone)
        steps = attempt.steps.filter(try_number=attempt.current_try).select_related("text")
        return Response(s.StepTextSerializer(step_text(object_or_404(steps, number=number))).data)


def _attempts(request: Request) -> Any:
    rows = Attempt.objects.filter(run__workspace=workspace_of(request))
    return rows.select_related("run", "task__round", "arm")
