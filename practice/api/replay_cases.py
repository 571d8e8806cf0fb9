"""REST views of the cases of a replay: what was found in each beside what is true."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, ByRow, one_of
from memoryapp.api.permissions import HasScope
from practice.api.replays import replay_of
from practice.domain.replayed_cases import beside_truth, steps_beside_truth
from practice.models import ReplayCase


class ReplayCaseRowSerializer(serializers.ModelSerializer[ReplayCase]):
    """A case under one variant. What was found is empty until it is answered.

    ``truth`` is the label: the true cause, or the decisive step. ``rank`` is its place in
    ``ranked``, from 1; null where it was not ranked, or there is no label.
    """

    outcome = serializers.CharField()
    ranked = serializers.ListField(child=serializers.CharField())
    agent = serializers.CharField()
    truth = serializers.CharField()
    true_agent = serializers.CharField()
    fault_type = serializers.CharField()
    rank = serializers.IntegerField(allow_null=True)
    score = serializers.FloatField(allow_null=True)
    verified = serializers.BooleanField(allow_null=True)
    visits = serializers.IntegerField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    notes = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ReplayCase
        fields: tuple[str, ...] = (
            *("id", "case_id", "variant", "status", "message", "outcome", "ranked", "agent"),
            *("truth", "true_agent", "fault_type", "rank", "score", "verified"),
            *("visits", "seconds", "notes"),
        )

    def to_representation(self, row: ReplayCase) -> dict[str, Any]:
        truths = self.context["truths"]
        found = self._found(row)
        told = beside_truth(found or {"ranked": []}, truths.get(row.case_id, {}))
        empty = {"outcome": "", "agent": "", "notes": []}
        plain = {name: getattr(row, name) for name in self.Meta.fields[:5]}
        return {name: plain.get(name, told.get(name, empty.get(name))) for name in self.Meta.fields}

    def _found(self, row: ReplayCase) -> Any:
        """Read beside the row, for the steps of a trajectory are most of an answer."""
        return row.found  # type: ignore[attr-defined]  # annotated


class ReplayedStepSerializer(serializers.Serializer[Any]):
    """A step; ``text`` is the beginning of it where ``is_cut``, ``statement`` the case against it.

    ``rank`` counts from 1, the step that decided most probably; null where it is not ranked.
    """

    index = serializers.IntegerField()
    agent = serializers.CharField()
    text = serializers.CharField()
    is_cut = serializers.BooleanField()
    rank = serializers.IntegerField(allow_null=True)
    statement = serializers.CharField()
    is_true = serializers.BooleanField()
    is_first = serializers.BooleanField()


class ReplayCaseSerializer(ReplayCaseRowSerializer):
    """The same with the first 300 steps of a trajectory, and how many calls a model had."""

    model_calls = serializers.IntegerField()
    steps = ReplayedStepSerializer(many=True)

    class Meta(ReplayCaseRowSerializer.Meta):
        fields = (*ReplayCaseRowSerializer.Meta.fields, "model_calls", "steps")

    def to_representation(self, row: ReplayCase) -> dict[str, Any]:
        answer = row.answer or {}
        truth = self.context["truths"].get(row.case_id, {})
        return super().to_representation(row) | {
            "model_calls": answer.get("model_calls", 0),
            "steps": steps_beside_truth(answer, truth),
        }

    def _found(self, row: ReplayCase) -> Any:
        return (row.answer or {}).get("replayed")


class ReplayCaseList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("variant", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: ReplayCaseRowSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """Cases of a replay, each beside its label, in pages; of one variant on request."""
        replay = replay_of(request, pk)
        rows = replay.cases.annotate(found=F("answer__replayed")).defer("answer")
        if variant := one_of(request, "variant", replay.variants):
            rows = rows.filter(variant=variant)
        return ByRow.answer(self, rows, ReplayCaseRowSerializer, truths=replay.case_set.truths)


class ReplayCaseDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: ReplayCaseSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int, case: int) -> Response:
        """One case of a replay, with the steps of a trajectory and the case against each."""
        replay = replay_of(request, pk)
        row = object_or_404(replay.cases.all(), pk=case)
        context = {"truths": replay.case_set.truths}
        return Response(ReplayCaseSerializer(row, context=context).data)
