"""Drift watch over the API: watching an environment's tools, practising the ones that changed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, WRITING
from memoryapp.api.permissions import HasScope, workspace_of
from practice.api.environments import EnvironmentSerializer, MayAdminister
from practice.api.serializers import RunSerializer
from practice.models import Environment
from practice.services.drift import drift_practise, drift_watch


class WatchRequest(serializers.Serializer[Any]):
    watched = serializers.BooleanField()


class EnvironmentWatch(APIView):
    permission_classes = (MayAdminister,)
    scopes = WRITING

    @extend_schema(request=WatchRequest, responses={200: EnvironmentSerializer, 404: PROBLEM})
    def put(self, request: Request, slug: str) -> Response:
        """Look at the environment's tools now and then, or leave off."""
        asked = WatchRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        environment = drift_watch(
            environment=_environment(request, slug), by=request.user, **asked.validated_data
        )
        return Response(EnvironmentSerializer(environment).data)


class DriftPractice(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=None, responses={201: RunSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, slug: str) -> Response:
        """Start a run of one round over the tools that changed."""
        run = drift_practise(environment=_environment(request, slug), by=request.user)
        return Response(RunSerializer(run).data, status=201)


def _environment(request: Request, slug: str) -> Environment:
    return object_or_404(workspace_of(request).environments.all(), slug=slug)
