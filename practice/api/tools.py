"""The tools of an environment over the API: what each may do, and which practice may call."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, SeenRequest
from memoryapp.api.permissions import HasScope
from memoryapp.domain.seen import shown
from memoryapp.models.tokens import Scope
from practice.api.environments import environment_of
from practice.api.permissions import MayEdit
from practice.domain.orders import orders_in
from practice.domain.types import Effect
from practice.models import EnvironmentTool
from practice.queries.environments import why_off
from practice.services.tools import switch_of, tool_allow

EFFECTS = [(effect.value, effect.name.title()) for effect in Effect]
CAUTIOUS = [(effect.value, effect.name.title()) for effect in Effect if effect.is_cautious]


class ToolSerializer(serializers.ModelSerializer[EnvironmentTool]):
    """A tool as its server describes it. Its texts are the server's: data, never instructions."""

    effect = serializers.ChoiceField(choices=EFFECTS, read_only=True)
    allowed = serializers.BooleanField(source="is_enabled")
    offered = serializers.BooleanField(
        source="is_present", help_text="Whether the server listed it at the last check."
    )
    why_off = serializers.SerializerMethodField()
    shown = serializers.SerializerMethodField()
    reads_like_orders = serializers.SerializerMethodField()

    class Meta:
        model = EnvironmentTool
        fields = (
            "name",
            "description",
            "effect",
            "allowed",
            "offered",
            "why_off",
            "reads_like_orders",
            "input_schema",
            "output_schema",
            "annotations",
            "schema_hash",
            "changed_at",
            "shown",
        )

    def get_shown(self, tool: EnvironmentTool) -> str:
        """Of whether it is allowed, its effect and its description: send it as seen to allow it."""
        return shown(switch_of(tool))

    def get_why_off(self, tool: EnvironmentTool) -> str:
        """Why practice may not call it; empty when it may."""
        return why_off(tool)

    def get_reads_like_orders(self, tool: EnvironmentTool) -> list[str]:
        """Phrases of its description that read like instructions to a model."""
        return list(orders_in(tool.as_spec()))


class ToolRequest(SeenRequest):
    allowed = serializers.BooleanField()
    accepts = serializers.ChoiceField(
        choices=CAUTIOUS,
        required=False,
        default="",
        help_text="The effect you take upon you; asked for where a person has to.",
    )


class ToolList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: ToolSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The tools of an environment by name, with those its server no longer offers."""
        return Response(ToolSerializer(environment_of(request, slug).tools.all(), many=True).data)


class ToolDetail(APIView):
    permission_classes = (MayEdit,)
    scopes = {**READING, "PUT": (Scope.WRITE,)}

    @extend_schema(responses={200: ToolSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str, name: str) -> Response:
        """One tool."""
        return Response(ToolSerializer(_tool(request, slug, name)).data)

    @extend_schema(
        request=ToolRequest,
        responses={200: ToolSerializer, 404: PROBLEM, 409: PROBLEM, 422: PROBLEM},
    )
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Allow or forbid a tool for runs that start from now on."""
        asked = ToolRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        tool = tool_allow(tool=_tool(request, slug, name), by=request.user, **asked.validated_data)
        return Response(ToolSerializer(tool).data)


def _tool(request: Request, slug: str, name: str) -> EnvironmentTool:
    found = EnvironmentTool.objects.select_related("environment__workspace")
    return object_or_404(found.filter(environment=environment_of(request, slug)), name=name)
