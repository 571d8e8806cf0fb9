"""What is served under which name: labels, releases on trial, releases taken out of use."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, SeenRequest, WriteRequest
from memoryapp.api.permissions import HasScope, playbook_of
from memoryapp.api.serializers import ReleaseSerializer
from memoryapp.domain.seen import shown
from memoryapp.models import Playbook, Release, ReleaseLabel
from memoryapp.queries.releases import heavy
from memoryapp.queries.serving import trial_of
from memoryapp.services import canaries, withdrawals


class OutcomesSerializer(serializers.Serializer[Any]):
    """Reported outcomes since the trial began. ``interval``: of the share of successes, 95 %."""

    successes = serializers.IntegerField()
    failures = serializers.IntegerField()
    interval = serializers.ListField(child=serializers.FloatField(), min_length=2, max_length=2)


class CanarySerializer(serializers.Serializer[Any]):
    version = serializers.IntegerField()
    share = serializers.IntegerField(help_text="Percent of the agents that pull the label.")
    since = serializers.DateTimeField()
    outcomes = OutcomesSerializer()
    outcomes_of_the_label = OutcomesSerializer()
    difference = serializers.ListField(
        child=serializers.FloatField(),
        help_text="Of the shares of success, with its interval of three standard errors: the trial "
        "ends by itself once all of it is below 0 on at least ten outcomes each.",
    )


class LabelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.IntegerField()
    updated_at = serializers.DateTimeField()
    canary = CanarySerializer(allow_null=True)
    shown = serializers.CharField(
        help_text="Of what is on trial: send it as seen to start, change or promote a trial."
    )


class CanaryRequest(SeenRequest):
    version = serializers.IntegerField(min_value=1, max_value=999_999_999)
    share = serializers.IntegerField(min_value=1, max_value=99)


class WithdrawRequest(WriteRequest):
    kind = serializers.ChoiceField(choices=["retired", "recalled"])
    reason = serializers.CharField(max_length=300)
    replacement = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=999_999_999,
        help_text="A version; without it the newest earlier one in use.",
    )


def label_facts(label: ReleaseLabel) -> dict[str, Any]:
    """A label with what is on trial under it and how both releases do."""
    trial, canary = trial_of(label), None
    if trial is not None:
        canary = {
            "version": trial.canary.release.number,
            "share": trial.canary.share,
            "since": trial.since,
            "outcomes": trial.canary.outcomes,
            "outcomes_of_the_label": trial.stable.outcomes,
            "difference": trial.difference,
        }
    return {
        "name": label.name,
        "version": label.release.number,
        "updated_at": label.updated_at,
        "canary": canary,
        "shown": shown(canaries.trial_said(label)),
    }


def _labels(playbook: Playbook) -> QuerySet[ReleaseLabel]:
    ends = ("release", "canary")
    rows = ReleaseLabel.objects.filter(playbook=playbook).select_related(*ends)
    return rows.defer(*heavy(*ends))


def _label(request: Request, slug: str, name: str) -> ReleaseLabel:
    playbook = playbook_of(request, slug)
    return object_or_404(_labels(playbook), name=name)


def _release(request: Request, slug: str, version: int, named_in: str = "") -> Release:
    playbook = playbook_of(request, slug)
    return object_or_404(playbook.releases.light(), named_in, number=version)


class LabelList(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: LabelSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The labels of a playbook, with what is on trial under each."""
        playbook = playbook_of(request, slug)
        rows = _labels(playbook)
        return Response(LabelSerializer([label_facts(row) for row in rows], many=True).data)


class Canary(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=CanaryRequest, responses={200: LabelSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, slug: str, name: str) -> Response:
        """Give a release to a share of the agents that pull this label.

        It ends by itself when the outcomes agents report are credibly worse than the label's own.
        """
        asked = CanaryRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        label = canaries.canary_start(
            label=_label(request, slug, name),
            release=_release(request, slug, asked.validated_data["version"], "version"),
            share=asked.validated_data["share"],
            seen=asked.validated_data.get("seen"),
            by=request.user,
        )
        return Response(LabelSerializer(label_facts(label)).data)

    @extend_schema(responses={200: LabelSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, slug: str, name: str) -> Response:
        """End the trial: all agents get the label's own release again."""
        label = canaries.canary_end(label=_label(request, slug, name), by=request.user)
        return Response(LabelSerializer(label_facts(label)).data)


class CanaryPromote(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=SeenRequest, responses={200: LabelSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Point the label at the release on trial."""
        asked = SeenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        label = canaries.canary_promote(
            label=_label(request, slug, name), by=request.user, **asked.validated_data
        )
        return Response(LabelSerializer(label_facts(label)).data)


class ReleaseWithdraw(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=WithdrawRequest, responses={200: ReleaseSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str, version: int) -> Response:
        """Retire or recall a release: who pulls it gets 410 and the version that replaces it."""
        asked = WithdrawRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        wanted = values.get("replacement")
        release = withdrawals.release_withdraw(
            release=_release(request, slug, version),
            kind=values["kind"],
            reason=values["reason"],
            by=request.user,
            replacement=_release(request, slug, wanted, "replacement") if wanted else None,
        )
        return Response(ReleaseSerializer(release).data)


class ReleaseReinstate(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=None, responses={200: ReleaseSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, slug: str, version: int) -> Response:
        """Let a withdrawn release be pulled again; labels stay where they are."""
        release = withdrawals.release_reinstate(
            release=_release(request, slug, version), by=request.user
        )
        return Response(ReleaseSerializer(release).data)
