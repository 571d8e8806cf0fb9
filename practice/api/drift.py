"""Drift watch over the API: watching an environment's tools, practising the ones that changed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import PROBLEM, READING, WRITING, WriteRequest
from memoryapp.api.permissions import HasScope
from memoryapp.models import Bullet
from practice.api.environments import EnvironmentSerializer, environment_of
from practice.api.permissions import MayEdit
from practice.api.serializers import RunSerializer
from practice.models import Steering
from practice.queries.drift import changed_tools, stale_bullets
from practice.services.drift import drift_practise, drift_watch

STALE_SHOWN = 100


class ChangedToolSerializer(serializers.ModelSerializer[Steering]):
    changed_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = Steering
        fields = ("tool", "note", "changed_at")


class StaleBulletSerializer(serializers.ModelSerializer[Bullet]):
    playbook = serializers.CharField(source="playbook.slug")

    class Meta:
        model = Bullet
        fields = ("id", "label", "playbook", "content")


class DriftSerializer(serializers.Serializer[Any]):
    """``changed`` tools wait for practice; ``stale`` bullets cite a tool that changed."""

    watched = serializers.BooleanField()
    checked_at = serializers.DateTimeField(allow_null=True)
    changed = ChangedToolSerializer(many=True)
    stale = StaleBulletSerializer(many=True)
    stale_total = serializers.IntegerField()


class EnvironmentDrift(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: DriftSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """What changed in the environment's tools, and the newest 100 bullets in doubt for it."""
        environment = environment_of(request, slug)
        stale = stale_bullets(environment)
        found = {
            "watched": environment.drift_watch,
            "checked_at": environment.checked_at,
            "changed": changed_tools(environment),
            "stale": stale[:STALE_SHOWN],
            "stale_total": stale.count(),
        }
        return Response(DriftSerializer(found).data)


class WatchRequest(WriteRequest):
    watched = serializers.BooleanField()


class EnvironmentWatch(APIView):
    permission_classes = (MayEdit,)
    scopes = WRITING

    @extend_schema(request=WatchRequest, responses={200: EnvironmentSerializer, 404: PROBLEM})
    def put(self, request: Request, slug: str) -> Response:
        """Watch the environment's tools for changes, or stop watching."""
        asked = WatchRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        environment = drift_watch(
            environment=environment_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(EnvironmentSerializer(environment).data)


class DriftPractice(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=None, responses={201: RunSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, slug: str) -> Response:
        """Start a run of one round over the tools that changed."""
        run = drift_practise(environment=environment_of(request, slug), by=request.user)
        return Response(RunSerializer(run).data, status=201)
