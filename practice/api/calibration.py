"""REST view of calibration: the validator's verdicts against ground truth and against people."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.api.contract import PROBLEM, READING
from memoryapp.api.permissions import HasScope, workspace_of
from practice.queries import calibration


class ConfusionSerializer(serializers.Serializer[Any]):
    """Counts of verdicts; shares are null where they are shares of nothing."""

    true_admitted = serializers.IntegerField()
    false_admitted = serializers.IntegerField()
    false_rejected = serializers.IntegerField()
    true_rejected = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    accuracy = serializers.FloatField(allow_null=True)
    kappa = serializers.FloatField(allow_null=True)


class ReliabilityBinSerializer(serializers.Serializer[Any]):
    """Verdicts of about one confidence; ``low`` to ``high`` is the 95 % interval (Wilson)."""

    start = serializers.FloatField()
    stop = serializers.FloatField()
    count = serializers.IntegerField()
    confidence = serializers.FloatField()
    accuracy = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()


class AdmittedAtSerializer(serializers.Serializer[Any]):
    """What would be admitted if only verdicts at least this sure counted."""

    threshold = serializers.FloatField()
    admitted = serializers.IntegerField()
    held_back = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True)
    recall = serializers.FloatField(allow_null=True)
    low = serializers.FloatField()
    high = serializers.FloatField()


class MeasuredSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    confusion = ConfusionSerializer()
    bins = ReliabilityBinSerializer(many=True)
    error = serializers.FloatField(allow_null=True, help_text="Expected calibration error, 0 to 1.")
    thresholds = AdmittedAtSerializer(many=True)


class CalibrationSerializer(serializers.Serializer[Any]):
    """A side without a single verdict to compare is null."""

    judged = serializers.IntegerField()
    validator_names = serializers.ListField(child=serializers.CharField())
    truth = MeasuredSerializer(allow_null=True)
    people = MeasuredSerializer(allow_null=True)


class CalibrationDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        operation_id="calibration_retrieve",
        parameters=[
            OpenApiParameter("environment", str, description="Slug of an environment."),
            OpenApiParameter("validator", str, description="Name and version of a validator."),
        ],
        responses={200: CalibrationSerializer, 403: PROBLEM},
    )
    def get(self, request: Request) -> Response:
        """How far the validator's verdicts hold, over all playbooks of the workspace."""
        workspace = workspace_of(request)
        asked = {name: request.query_params.get(name, "") for name in ("environment", "validator")}
        found = {
            "judged": calibration.judged(workspace, **asked).count(),
            "validator_names": calibration.validators(workspace),
            "truth": calibration.measured(calibration.against_truth(workspace, **asked)),
            "people": calibration.measured(calibration.against_people(workspace, **asked)),
        }
        return Response(CalibrationSerializer(found).data)
