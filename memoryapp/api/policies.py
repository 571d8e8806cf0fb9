"""Who or what may admit candidates to a playbook, and what another gate would have let through."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import PROBLEM, READING, SeenRequest
from memoryapp.api.permissions import HasScope, playbook_of
from memoryapp.domain.review import Policy
from memoryapp.domain.seen import shown
from memoryapp.models import ReviewPolicy
from memoryapp.models.tokens import Scope
from memoryapp.queries import policies
from memoryapp.services.policies import policy_change, policy_of

ADMINISTERING = {**READING, "PUT": (Scope.ADMIN,)}


class PolicySerializer(serializers.Serializer[Any]):
    """Shares and confidence are fractions in 0..1."""

    reviewers = serializers.IntegerField(min_value=1, default=1)
    protected_labels = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list
    )
    protected_reviewers = serializers.IntegerField(min_value=1, default=2)
    admit_from = serializers.FloatField(allow_null=True, default=None)
    audit_share = serializers.FloatField(default=0.1)
    blind_share = serializers.FloatField(default=0.0)
    shown = serializers.SerializerMethodField(
        help_text="Send it as seen with the next policy: it is refused if another one stands."
    )

    def get_shown(self, policy: Policy) -> str:
        return shown(policy.facts())


class PolicyRequest(SeenRequest, PolicySerializer):
    reason = serializers.CharField(max_length=300)


class PolicyVersion(serializers.ModelSerializer[ReviewPolicy]):
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)

    class Meta:
        model = ReviewPolicy
        fields = (
            "number",
            "reviewers",
            "protected_labels",
            "protected_reviewers",
            "admit_from",
            "audit_share",
            "blind_share",
            "reason",
            "created_by",
            "created_at",
        )


class GateReplaySerializer(serializers.Serializer[Any]):
    """What a gate would have admitted of what people decided."""

    threshold = serializers.FloatField()
    decided = serializers.IntegerField()
    right = serializers.IntegerField()
    reworded = serializers.IntegerField()
    wrong = serializers.IntegerField()
    waiting = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)


class PlaybookPolicy(APIView):
    permission_classes = (HasScope,)
    scopes = ADMINISTERING

    @extend_schema(responses={200: PolicySerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The review policy that stands."""
        return Response(PolicySerializer(policy_of(playbook_of(request, slug))).data)

    @extend_schema(
        request=PolicyRequest, responses={200: PolicyVersion, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, slug: str) -> Response:
        """Write the next policy. What was decided before stays decided."""
        asked = PolicyRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        reason, seen = wanted.pop("reason"), wanted.pop("seen", None)
        to = Policy(**{**wanted, "protected_labels": tuple(wanted["protected_labels"])})
        row = policy_change(
            playbook=playbook_of(request, slug), to=to, reason=reason, seen=seen, by=request.user
        )
        return Response(PolicyVersion(row).data)


class PlaybookPolicyHistory(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: PolicyVersion(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Every policy of a playbook, newest first."""
        rows = playbook_of(request, slug).review_policies.select_related("created_by")
        return Response(PolicyVersion(rows, many=True).data)


class PlaybookPolicyReplay(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("threshold", float, required=True)],
        responses={200: GateReplaySerializer, 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """What a gate at ``threshold`` would have admitted of what people decided."""
        try:
            threshold = float(request.query_params.get("threshold", ""))
        except ValueError as error:
            raise ValidationError({"threshold": ["Give a confidence from 0 to 1."]}) from error
        if not 0 <= threshold <= 1:
            raise ValidationError({"threshold": ["Give a confidence from 0 to 1."]})
        (row,) = policies.replay(playbook_of(request, slug), [threshold])
        return Response(GateReplaySerializer(row).data)
