"""REST views of what was said to models, what it cost, and the prompts in use."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, NewestFirst, one_of
from memoryapp.api.permissions import HasScope, workspace_of
from practice.api.environments import environment_of
from practice.models import ModelCall, ModelPrice, PromptVersion
from practice.queries.calls import ANSWERED, FAILED, CallFilter
from practice.services.prompts import OF_INCIDENTS, ROLES


class NewestCallFirst(NewestFirst):
    ordering = "-pk"


class ModelCallSerializer(serializers.ModelSerializer[ModelCall]):
    """``cost`` is US dollars, null where no price is known."""

    run = serializers.IntegerField(source="run.number", allow_null=True, default=None)
    attempt = serializers.IntegerField(source="attempt_id", allow_null=True)

    class Meta:
        model = ModelCall
        fields = (
            "id",
            "run",
            "attempt",
            "role",
            "model",
            "prompt",
            "error",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cost",
            "latency_ms",
            "created_at",
        )


class WholeCallSerializer(ModelCallSerializer):
    """With the conversation: what this call added to it, and the parts of the answer."""

    texts_dropped = serializers.BooleanField(
        source="is_dropped",
        read_only=True,
        help_text="Whether both are empty because the workspace keeps them no longer.",
    )

    class Meta(ModelCallSerializer.Meta):
        fields = (*ModelCallSerializer.Meta.fields, "request", "reply", "texts_dropped")  # type: ignore[assignment]


class ModelPriceSerializer(serializers.ModelSerializer[ModelPrice]):
    """US dollars per million tokens."""

    class Meta:
        model = ModelPrice
        fields = ("model", "input", "output", "cached_input", "updated_at")


class PromptVersionSerializer(serializers.ModelSerializer[PromptVersion]):
    class Meta:
        model = PromptVersion
        fields = ("role", "number", "text", "note", "is_active", "created_at")


#: every role whose calls are kept.
ASKED = [*ROLES, *OF_INCIDENTS]


class ModelCallList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("run", int),
            OpenApiParameter("attempt", int),
            OpenApiParameter("role", str, enum=ASKED),
            OpenApiParameter("model", str),
            OpenApiParameter("status", str, enum=[ANSWERED, FAILED]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: ModelCallSerializer(many=True)},
    )
    def get(self, request: Request) -> Response:
        """Requests to models, newest first, in pages."""
        for name in ("run", "attempt"):
            asked = request.query_params.get(name, "")
            if asked and not (asked.isdecimal() and len(asked) <= 9):
                raise ValidationError({name: ["Give a number, such as 3."]})
        one_of(request, "role", ASKED)
        one_of(request, "status", [ANSWERED, FAILED])
        found = CallFilter.from_query(request.query_params).apply(workspace_of(request))
        return NewestCallFirst.answer(self, found, ModelCallSerializer)


class ModelCallDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: WholeCallSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One request to a model with what was said."""
        rows = ModelCall.objects.filter(workspace=workspace_of(request)).select_related("run")
        return Response(WholeCallSerializer(object_or_404(rows, pk=pk)).data)


class ModelPriceList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: ModelPriceSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """The workspace's own price table."""
        return Response(ModelPriceSerializer(workspace_of(request).model_prices, many=True).data)


class PromptList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: PromptVersionSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The environment's own prompts, every version. Roles without one use the built-in."""
        environment = environment_of(request, slug)
        return Response(PromptVersionSerializer(environment.prompts, many=True).data)
