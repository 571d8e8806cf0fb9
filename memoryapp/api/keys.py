"""API keys over the API: made and rotated (shown once), revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, SHOWN_ONCE, WriteRequest
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.models import ApiKey, Playbook
from memoryapp.models.tokens import Scope
from memoryapp.services.tokens import GRACE_MOST, api_key_create, api_key_revoke, api_key_rotate

ADMINISTERING = dict.fromkeys(("GET", "POST", "DELETE"), (Scope.ADMIN,))


class KeySerializer(serializers.ModelSerializer[ApiKey]):
    playbooks = serializers.SlugRelatedField[Playbook](slug_field="slug", many=True, read_only=True)
    created_by = serializers.CharField(source="created_by.username")

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "name",
            "prefix",
            "scopes",
            "playbooks",
            "rate_limit",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "rotated_at",
            "previous_until",
            "revoked_at",
        )


class NewKeySerializer(KeySerializer):
    key = serializers.CharField(help_text="Shown once; only a hash of it is stored.")

    class Meta(KeySerializer.Meta):
        fields = ("key", *KeySerializer.Meta.fields)  # type: ignore[assignment]


class KeyRequest(WriteRequest):
    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=Scope.choices), min_length=1, max_length=10
    )
    playbooks = serializers.ListField(
        child=serializers.SlugField(), max_length=100, default=list, help_text="None is all."
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    rate_limit = serializers.IntegerField(
        min_value=0,
        max_value=1_000_000,
        required=False,
        allow_null=True,
        default=None,
        help_text="Requests per minute; null is the default of the installation, 0 no limit.",
    )


class RotateRequest(WriteRequest):
    grace_hours = serializers.FloatField(
        min_value=0,
        max_value=GRACE_MOST.total_seconds() / 3600,
        default=24,
        help_text="How long the secret before this one still works.",
    )


def _keys(request: Request) -> Any:
    rows = ApiKey.objects.filter(workspace=workspace_of(request))
    return rows.select_related("created_by").prefetch_related("playbooks")


class KeyList(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    @extend_schema(responses={200: KeySerializer(many=True)})
    def get(self, request: Request) -> Response:
        """The keys of the workspace, newest first; never their secrets."""
        return Response(KeySerializer(_keys(request), many=True).data)

    @extend_schema(
        request=KeyRequest,
        responses={201: NewKeySerializer, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Make a key. It is shown in this answer and never again."""
        asked = KeyRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        workspace = workspace_of(request)
        row, text = api_key_create(
            workspace=workspace,
            name=values["name"],
            scopes=values["scopes"],
            by=request.user,
            expires_at=values["expires_at"],
            playbooks=[
                object_or_404(workspace.playbooks.all(), "playbooks", slug=slug)
                for slug in dict.fromkeys(values["playbooks"])
            ],
            rate_limit=values["rate_limit"],
        )
        shown = NewKeySerializer(_with_secret(row, text)).data
        return Response(shown, status=201, headers=SHOWN_ONCE)


class KeyDetail(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    @extend_schema(responses={200: KeySerializer, 404: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke a key: requests that carry it get 401 from now on. Revoking again is no error."""
        key = object_or_404(_keys(request), pk=pk)
        api_key_revoke(key=key, by=request.user)
        return Response(KeySerializer(object_or_404(_keys(request), pk=pk)).data)


class KeyRotate(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    @extend_schema(
        request=RotateRequest, responses={200: NewKeySerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Give a key a new secret. The one before it works until ``previous_until``."""
        asked = RotateRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        key, text = api_key_rotate(
            key=object_or_404(_keys(request), pk=pk),
            by=request.user,
            grace=timedelta(hours=asked.validated_data["grace_hours"]),
        )
        return Response(NewKeySerializer(_with_secret(key, text)).data, headers=SHOWN_ONCE)


def _with_secret(key: ApiKey, text: str) -> ApiKey:
    key.key = text  # type: ignore[attr-defined]
    return key
