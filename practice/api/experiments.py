"""REST views of experiments and of words on verdicts."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, playbooks_of, workspace_of
from practice.api import experiment_serializers as s
from practice.models import Attempt, Experiment, Run
from practice.queries.experiments import experiments
from practice.services.experiments import experiment_start
from practice.services.overrules import attempt_overrule, overrule_undo


class NewestExperimentFirst(NewestFirst):
    ordering = "-pk"


class ExperimentList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[
            OpenApiParameter("playbook", str),
            OpenApiParameter("status", str, enum=[*Run.Status.values]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: s.ExperimentSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Experiments, newest first, in pages."""
        rows = experiments(
            workspace_of(request),
            playbook=request.query_params.get("playbook", ""),
            status=one_of(request, "status", Run.Status.values),
        )
        return NewestExperimentFirst.answer(self, rows, s.ExperimentSerializer)

    @extend_schema(
        request=s.ExperimentRequest,
        responses={201: s.ExperimentSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Start an experiment: held-out tasks with and without memory."""
        asked = s.ExperimentRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        workspace = workspace_of(request)
        playbook = object_or_404(playbooks_of(request), "playbook", slug=values.pop("playbook"))
        number = values.pop("release")
        mask, labels = values.pop("mask"), values.pop("bullets")
        experiment = experiment_start(
            environment=object_or_404(
                workspace.environments.all(), "environment", slug=values.pop("environment")
            ),
            playbook=playbook,
            release=object_or_404(playbook.releases.all(), "release", number=number)
            if number
            else None,
            masked=labels if mask == s.CHOSEN else mask,
            by=request.user,
            **values,
        )
        return Response(
            s.ExperimentSerializer(_experiment(request, experiment.run.number)).data, status=201
        )


class ExperimentDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: s.ExperimentSerializer, 404: PROBLEM})
    def get(self, request: Request, number: int) -> Response:
        """One experiment with what it found."""
        return Response(s.ExperimentSerializer(_experiment(request, number)).data)


def _experiment(request: Request, number: int) -> Experiment:
    return object_or_404(experiments(workspace_of(request)), run__number=number)


class AttemptOverrule(APIView):
    """A person's word on a verdict."""

    permission_classes = (HasScope,)
    scopes = WRITING | {"DELETE": WRITING["POST"]}

    @extend_schema(
        request=s.OverruleRequest,
        responses={201: s.OverruleSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, pk: int) -> Response:
        """Give an attempt the label it should have; the validator's own label confirms it."""
        asked = s.OverruleRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        overrule = attempt_overrule(
            attempt=_attempt(request, pk), by=request.user, **asked.validated_data
        )
        return Response(s.OverruleSerializer(overrule).data, status=201)

    @extend_schema(responses={200: s.OverruleSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """Take the newest overruling back."""
        overrule = overrule_undo(attempt=_attempt(request, pk), by=request.user)
        return Response(s.OverruleSerializer(overrule).data)


def _attempt(request: Request, pk: int) -> Attempt:
    found = Attempt.objects.filter(run__workspace=workspace_of(request))
    return object_or_404(found.select_related("run"), pk=pk)
