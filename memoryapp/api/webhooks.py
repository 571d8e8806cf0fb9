"""Webhooks over the API: made, changed, tried, and what they were told."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import (
    PROBLEM,
    SHOWN_ONCE,
    NewestFirst,
    SeenRequest,
    WriteRequest,
    one_of,
)
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.domain.seen import shown
from memoryapp.domain.webhooks import KINDS
from memoryapp.models import Delivery, DeliveryTry, Webhook
from memoryapp.models.tokens import Scope
from memoryapp.queries.webhooks import delivery_log, webhooks_with_figures
from memoryapp.services import webhooks

ADMINISTERING = dict.fromkeys(("GET", "POST", "PATCH", "DELETE"), (Scope.ADMIN,))


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    shown = serializers.SerializerMethodField(
        help_text="Of kinds and is_active. Send it as seen with a change."
    )

    class Meta:
        model = Webhook
        fields = ("id", "url", "kinds", "is_active", "message", "shown", "created_by", "created_at")

    def get_shown(self, row: Webhook) -> str:
        return shown(webhooks.told_of(row))


class WebhookRequest(WriteRequest):
    url = serializers.CharField(max_length=500)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=[*KINDS.items()]), min_length=1
    )


class WebhookChange(SeenRequest):
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=[*KINDS.items()]), min_length=1, required=False
    )
    is_active = serializers.BooleanField(required=False)


class WebhookMade(WebhookSerializer):
    """``secret`` signs the messages; it is never shown again."""

    secret = serializers.CharField()

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]


class WebhookSecret(serializers.Serializer[Any]):
    secret = serializers.CharField()


class TrySerializer(serializers.ModelSerializer[DeliveryTry]):
    class Meta:
        model = DeliveryTry
        fields = ("number", "status_code", "message", "duration_ms", "created_at")


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    tries = TrySerializer(many=True, source="attempts", read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "kind",
            "status",
            "payload",
            "next_try_at",
            "delivered_at",
            "created_at",
            "tries",
        )


class WebhookView(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    def webhook(self, request: Request, pk: int) -> Webhook:
        rows = Webhook.objects.filter(workspace=workspace_of(request))
        return object_or_404(rows.select_related("created_by"), pk=pk)


class WebhookList(WebhookView):
    @extend_schema(responses={200: WebhookSerializer(many=True), 403: PROBLEM})
    def get(self, request: Request) -> Response:
        """Webhooks of the workspace, newest first; never their secrets."""
        rows = webhooks_with_figures(workspace_of(request))
        return Response(WebhookSerializer(rows, many=True).data)

    @extend_schema(
        request=WebhookRequest,
        responses={201: WebhookMade, 400: PROBLEM, 403: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Make a webhook. The answer holds its secret, once."""
        asked = WebhookRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        made, secret = webhooks.webhook_create(
            workspace=workspace_of(request), by=request.user, **asked.validated_data
        )
        said = {**WebhookSerializer(made).data, "secret": secret}
        return Response(said, status=201, headers=SHOWN_ONCE)


class WebhookDetail(WebhookView):
    @extend_schema(responses={200: WebhookSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One webhook."""
        return Response(WebhookSerializer(self.webhook(request, pk)).data)

    @extend_schema(
        request=WebhookChange,
        responses={200: WebhookSerializer, 400: PROBLEM, 404: PROBLEM, 409: PROBLEM},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Change what it is told, or turn it on or off."""
        asked = WebhookChange(data=request.data)
        asked.is_valid(raise_exception=True)
        changed = webhooks.webhook_change(
            webhook=self.webhook(request, pk), by=request.user, **asked.validated_data
        )
        return Response(WebhookSerializer(changed).data)

    @extend_schema(responses={204: None, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """Remove it with its log."""
        webhooks.webhook_remove(webhook=self.webhook(request, pk), by=request.user)
        return Response(status=204)


class WebhookRotate(WebhookView):
    @extend_schema(request=None, responses={200: WebhookSecret, 404: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Make a new secret; the old one still signs for a day."""
        secret = webhooks.webhook_rotate(webhook=self.webhook(request, pk), by=request.user)
        return Response({"secret": secret}, headers=SHOWN_ONCE)


class WebhookTest(WebhookView):
    @extend_schema(request=None, responses={202: DeliverySerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Send a test message."""
        made = webhooks.webhook_test(webhook=self.webhook(request, pk), by=request.user)
        return Response(DeliverySerializer(made).data, status=202)


class DeliveryList(WebhookView):
    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=[*Delivery.Status.values]),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: DeliverySerializer(many=True), 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """What it was told and what it answered, newest first, in pages."""
        status = one_of(request, "status", Delivery.Status.values)
        rows = delivery_log(self.webhook(request, pk), status=status)
        return NewestFirst.answer(self, rows, DeliverySerializer)


class DeliveryReplay(WebhookView):
    @extend_schema(
        operation_id="webhooks_deliveries_replay",
        request=None,
        responses={202: DeliverySerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, pk: int, delivery: Any) -> Response:
        """Send a message again, as it was, under the id it had."""
        rows = self.webhook(request, pk).deliveries.select_related("webhook")
        again = webhooks.delivery_replay(delivery=object_or_404(rows, pk=delivery), by=request.user)
        return Response(DeliverySerializer(again).data, status=202)
