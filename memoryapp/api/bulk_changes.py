"""One change to everything a filter of the memory browser matches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from memoryapp.api.bulk_jobs import JobSerializer, JobView
from memoryapp.api.contract import PROBLEM, READING, WriteRequest
from memoryapp.api.permissions import workspace_of
from memoryapp.models import BulkChange, BulkChangeOutcome, Bullet, Tally
from memoryapp.queries.browsing import DAYS, EVIDENCE, IN_USE, KINDS, TRUST, EntryFilter
from memoryapp.services import bulk_changes

ACTIONS = [action.value for action in BulkChange.Action if action != BulkChange.Action.UNDO]


def _one_of(choices: Sequence[tuple[str, str] | str]) -> serializers.ChoiceField:
    return serializers.ChoiceField(choices=[*choices], default="", allow_blank=True)


def _text(most: int, **more: Any) -> serializers.CharField:
    return serializers.CharField(default="", allow_blank=True, max_length=most, **more)


class BulkChangeRequest(WriteRequest):
    """What is empty narrows nothing: without a filter all bullets of the workspace are changed."""

    action = serializers.ChoiceField(choices=ACTIONS)
    status = _one_of([(IN_USE, "In use"), *Bullet.Status.choices])
    playbook = _text(64)
    section = _text(60)
    use = _one_of(Tally.Use.choices)
    tag = _text(40)
    trust = _one_of(TRUST)
    kind = _one_of(KINDS)
    environment = _text(200)
    evidence = _one_of(EVIDENCE)
    days = _one_of(DAYS)
    search = _text(1_000)
    chosen = serializers.ListField(child=serializers.UUIDField(), default=list)
    value = _text(60, help_text="The section to move to, or the tag.")
    reason = _text(300, help_text="Needed to retire.")


class BulkChangeSerializer(JobSerializer):
    class Meta:
        model = BulkChange
        fields = (
            "id",
            "action",
            "value",
            "query",
            "reason",
            "total",
            "done",
            "left",
            "asked_by",
            "created_at",
            "ended_at",
        )


class ChangeOutcomeSerializer(serializers.ModelSerializer[BulkChangeOutcome]):
    """``before`` and ``after`` hold status, section, tags and revision of the bullet."""

    class Meta:
        model = BulkChangeOutcome
        fields = ("bullet", "done", "message", "before", "after")


class BulkChangeView(JobView):
    serializer = BulkChangeSerializer


class BulkChangeList(BulkChangeView):
    @extend_schema(request=BulkChangeRequest, responses={201: BulkChangeSerializer, 409: PROBLEM})
    def post(self, request: Request) -> Response:
        """Change every bullet under a filter; the first ones are changed at once."""
        asked = BulkChangeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        said = dict(asked.validated_data)
        action, value, reason = (said.pop(name) for name in ("action", "value", "reason"))
        chosen, search = [str(pk) for pk in said.pop("chosen")], said.pop("search")
        row = bulk_changes.bulk_change_start(
            workspace=workspace_of(request),
            action=action,
            asked=EntryFilter(**said, q=search),
            chosen=chosen,
            value=value,
            reason=reason,
            by=request.user,
        )
        return self.told(bulk_changes.bulk_change_continue(bulk=row, by=request.user), status=201)


class BulkChangeDetail(BulkChangeView):
    scopes = READING

    @extend_schema(responses={200: BulkChangeSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """How far a bulk change is."""
        return self.told(self.job(request, pk))


class BulkChangeOutcomes(BulkChangeView):
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: ChangeOutcomeSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """What came of each bullet, in pages."""
        return self.outcomes(request, pk, ChangeOutcomeSerializer)


class BulkChangeContinue(BulkChangeView):
    @extend_schema(request=None, responses={200: BulkChangeSerializer, 404: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Change the next bullets."""
        row = bulk_changes.bulk_change_continue(bulk=self.job(request, pk), by=request.user)
        return self.told(row)


class BulkChangeUndo(BulkChangeView):
    @extend_schema(request=None, responses={201: BulkChangeSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Take back what a bulk change did; answers with the bulk change that does."""
        back = bulk_changes.bulk_change_undo(bulk=self.job(request, pk), by=request.user)
        return self.told(bulk_changes.bulk_change_continue(bulk=back, by=request.user), status=201)
