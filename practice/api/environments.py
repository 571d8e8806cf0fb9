"""Environments and their snapshots over the API. Changes need an editor, as in the browser."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, SeenRequest, WriteRequest
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.domain.seen import shown
from memoryapp.models.tokens import Scope
from practice.api.permissions import MayEdit
from practice.models import Environment, EnvironmentSnapshot
from practice.services import environments as services
from practice.services.reaching import SCENARIO_LIMIT, SCHEMES, OpenApiAsked, PackAsked
from practice.services.snapshots import snapshot_delete, snapshot_take

#: options that describe an environment; a document may be long and is not repeated.
SHOWN_OPTIONS = ("base_url", "found_base_url", "auth", "reset", "pack", "scenario", "reset_check")


class EnvironmentShown(serializers.Serializer[Any]):
    """Send one of them as seen with a change of just that."""

    access = serializers.CharField()
    slots = serializers.CharField()


class EnvironmentSerializer(serializers.ModelSerializer[Environment]):
    """Secrets are never part of it; only their names are."""

    url = serializers.CharField(source="shown.url", read_only=True)
    options = serializers.SerializerMethodField()
    shown = serializers.SerializerMethodField()

    class Meta:
        model = Environment
        fields = (
            "slug",
            "name",
            "transport",
            "command",
            "url",
            "options",
            "slots",
            "drift_watch",
            "secret_names",
            "status",
            "message",
            "server_name",
            "server_version",
            "checked_at",
            "shown",
        )

    @extend_schema_field(EnvironmentShown)
    def get_shown(self, environment: Environment) -> dict[str, str]:
        return {
            "access": shown(services.reached_by(environment)),
            "slots": shown(services.slots_of(environment)),
        }

    def get_options(self, environment: Environment) -> dict[str, Any]:
        """What its transport needs, and what the last check of its reset found.

        ``reset_check.state`` is ``proven`` (a change was seen and taken back), ``differs`` (fresh
        sessions are not alike) or ``unproven`` (no change could be made that a reading shows).
        """
        said = environment.options | {k: v for k, v in environment.shown.items() if v}
        if "reset" in said:
            # One stored of old may hold a credential.
            said["reset"] = said["reset"] | {"path": environment.reset_line.partition(" ")[2]}
        return {key: value for key, value in said.items() if key in SHOWN_OPTIONS}


class EnvironmentRequest(WriteRequest):
    """Fields of other transports than the chosen one are left out."""

    name = serializers.CharField(max_length=100)
    transport = serializers.ChoiceField(choices=Environment.Transport.choices)
    command = serializers.CharField(default="", help_text="stdio: a name in MCP_COMMANDS.")
    arguments = serializers.ListField(
        child=serializers.CharField(),
        default=list,
        help_text="stdio: no passwords and keys, which belong into `secrets`.",
    )
    seed = serializers.CharField(default="", help_text="stdio: a folder in SEED_DIR.")
    url = serializers.CharField(
        default="", max_length=500, help_text="http: the server. openapi: the document."
    )
    secrets = serializers.DictField(
        child=serializers.CharField(),
        default=dict,
        write_only=True,
        help_text="stdio: environment variables. http: headers.",
    )
    document = serializers.CharField(default="", help_text="openapi: the document as text.")
    base_url = serializers.CharField(default="", max_length=500)
    scheme = serializers.ChoiceField(choices=[s for s in SCHEMES if s], default="")
    parameter = serializers.CharField(default="", max_length=100)
    credential = serializers.CharField(default="", write_only=True, max_length=4000)
    reset = serializers.CharField(default="", help_text="openapi: such as POST /reset.")
    pack = serializers.CharField(default="", help_text="pack: its name.")
    scenario = serializers.IntegerField(default=1, min_value=0, max_value=SCENARIO_LIMIT)
    slots = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=services.SLOT_LIMIT
    )


class AccessRequest(SeenRequest):
    """``secrets`` for MCP servers, the others for OpenAPI services. What is left out is taken away.

    An empty ``credential`` is the stored one, where ``scheme`` and ``parameter`` are as before and
    ``base_url`` names no other host. Without ``base_url`` calls go where they went.
    """

    secrets = serializers.DictField(child=serializers.CharField(), default=dict, write_only=True)
    base_url = serializers.CharField(
        default="", allow_blank=True, max_length=500, help_text="openapi: where calls go."
    )
    scheme = serializers.ChoiceField(
        choices=[s for s in SCHEMES if s], default="", allow_blank=True
    )
    parameter = serializers.CharField(default="", allow_blank=True, max_length=100)
    credential = serializers.CharField(
        default="", allow_blank=True, max_length=4000, write_only=True
    )
    reset = serializers.CharField(default="", allow_blank=True, max_length=300)


class SlotsRequest(SeenRequest):
    slots = serializers.IntegerField(min_value=1, max_value=services.SLOT_LIMIT)


class SnapshotSerializer(serializers.ModelSerializer[EnvironmentSnapshot]):
    class Meta:
        model = EnvironmentSnapshot
        fields = ("number", "name", "seed_digest", "size_bytes", "tools", "created_at")


class SnapshotRequest(WriteRequest):
    name = serializers.CharField(default="", allow_blank=True, max_length=100)


class EnvironmentList(APIView):
    permission_classes = (MayEdit,)
    scopes = READING | WRITING

    @extend_schema(responses={200: EnvironmentSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Environments of the workspace."""
        rows = workspace_of(request).environments.all()
        return Response(EnvironmentSerializer(rows, many=True).data)

    @extend_schema(request=EnvironmentRequest, responses={201: EnvironmentSerializer, 422: PROBLEM})
    def post(self, request: Request) -> Response:
        """Connect an environment; a worker lists its tools next."""
        sent = EnvironmentRequest(data=request.data)
        sent.is_valid(raise_exception=True)
        asked = sent.validated_data
        environment = services.environment_connect(
            workspace=workspace_of(request),
            by=request.user,
            openapi=OpenApiAsked(
                **{
                    name: asked[name]
                    for name in (
                        "document",
                        "base_url",
                        "scheme",
                        "parameter",
                        "credential",
                        "reset",
                    )
                }
            ),
            pack=PackAsked(asked["pack"], asked["scenario"]),
            **{
                name: asked[name]
                for name in (
                    "name",
                    "transport",
                    "command",
                    "arguments",
                    "seed",
                    "url",
                    "secrets",
                    "slots",
                )
            },
        )
        return Response(EnvironmentSerializer(environment).data, status=201)


class EnvironmentDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: EnvironmentSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """One environment."""
        return Response(EnvironmentSerializer(environment_of(request, slug)).data)


class EnvironmentCheck(APIView):
    permission_classes = (MayEdit,)
    scopes = WRITING

    @extend_schema(request=None, responses={202: EnvironmentSerializer, 404: PROBLEM})
    def post(self, request: Request, slug: str) -> Response:
        """Have a worker list the tools again."""
        environment = environment_of(request, slug)
        services.environment_check(environment=environment, by=request.user)
        return Response(EnvironmentSerializer(environment).data, status=202)


class EnvironmentResetCheck(APIView):
    permission_classes = (MayEdit,)
    scopes = WRITING

    @extend_schema(request=None, responses={202: EnvironmentSerializer, 404: PROBLEM, 422: PROBLEM})
    def post(self, request: Request, slug: str) -> Response:
        """Have a worker compare two fresh sessions; the environment's options say what it found.

        Where a reset is promised, the first session ends with a change by an allowed tool that
        destroys nothing.
        """
        environment = environment_of(request, slug)
        services.environment_check_reset(environment=environment, by=request.user)
        return Response(EnvironmentSerializer(environment).data, status=202)


class EnvironmentSlots(APIView):
    permission_classes = (MayEdit,)
    scopes = WRITING

    @extend_schema(
        request=SlotsRequest,
        responses={200: EnvironmentSerializer, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Change how many sessions may be open at once, over all runs."""
        asked = SlotsRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        environment = services.environment_resize(
            environment=environment_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(EnvironmentSerializer(environment).data)


class EnvironmentAccess(APIView):
    permission_classes = (MayEdit,)
    scopes = WRITING

    @extend_schema(
        request=AccessRequest,
        responses={202: EnvironmentSerializer, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM},
    )
    def put(self, request: Request, slug: str) -> Response:
        """Change what an environment is reached with; a worker lists its tools next."""
        asked = AccessRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        environment = services.environment_reach(
            environment=environment_of(request, slug),
            by=request.user,
            secrets=values.pop("secrets"),
            seen=values.pop("seen", None),
            openapi=OpenApiAsked(**values),
        )
        return Response(EnvironmentSerializer(environment).data, status=202)


class SnapshotList(APIView):
    permission_classes = (MayEdit,)
    scopes = READING | WRITING

    @extend_schema(responses={200: SnapshotSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Snapshots of an environment, newest first."""
        rows = environment_of(request, slug).snapshots.all()
        return Response(SnapshotSerializer(rows, many=True).data)

    @extend_schema(
        request=SnapshotRequest, responses={201: SnapshotSerializer, 404: PROBLEM, 422: PROBLEM}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Keep the environment's seed, tools and options as they are now."""
        asked = SnapshotRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        snapshot = snapshot_take(
            environment=environment_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(SnapshotSerializer(snapshot).data, status=201)


class SnapshotDetail(APIView):
    permission_classes = (MayEdit,)
    scopes = {**READING, "DELETE": (Scope.WRITE,)}

    @extend_schema(responses={200: SnapshotSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str, number: int) -> Response:
        """One snapshot."""
        return Response(SnapshotSerializer(_snapshot(request, slug, number)).data)

    @extend_schema(responses={204: None, 404: PROBLEM, 422: PROBLEM})
    def delete(self, request: Request, slug: str, number: int) -> Response:
        """Delete a snapshot no run began from."""
        snapshot_delete(snapshot=_snapshot(request, slug, number), by=request.user)
        return Response(status=204)


def environment_of(request: Request, slug: str) -> Environment:
    """The environment at an address, or 404."""
    return object_or_404(workspace_of(request).environments.all(), slug=slug)


def _snapshot(request: Request, slug: str, number: int) -> EnvironmentSnapshot:
    return object_or_404(environment_of(request, slug).snapshots.all(), number=number)
