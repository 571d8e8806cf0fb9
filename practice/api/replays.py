"""REST views of the evaluation of root causes: labelled sets and their replays."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import (
    PROBLEM,
    READING,
    WRITING,
    NewestFirst,
    SeenRequest,
    WriteRequest,
)
from memoryapp.api.permissions import HasScope, workspace_of
from memoryapp.domain.seen import shown
from practice.api.incident_serializers import NamedSerializer, RenameRequest
from practice.api.permissions import MayDelete
from practice.api.telemetry import BytesParser, body_of
from practice.domain.replays import VARIANTS
from practice.models import CaseSet, Replay
from practice.services import case_sets, holdings, replays


class CaseSetSerializer(serializers.ModelSerializer[CaseSet]):
    cases = serializers.ListField(child=serializers.CharField())
    is_labelled = serializers.SerializerMethodField()

    class Meta:
        model = CaseSet
        fields: tuple[str, ...] = (
            "id",
            "name",
            "kind",
            "digest",
            "size",
            "status",
            "percent",
            "message",
            "cases",
            "is_labelled",
            "notes",
            "created_at",
        )

    def get_is_labelled(self, row: CaseSet) -> bool:
        return bool(row.truths)


class CaseSetGoesSerializer(serializers.Serializer[Any]):
    """What goes with a set."""

    cases = serializers.IntegerField()
    replays = serializers.IntegerField()


class CaseSetDetailSerializer(NamedSerializer, CaseSetSerializer):
    """A labelled set, and what would be deleted with it."""

    goes = serializers.SerializerMethodField()

    class Meta(CaseSetSerializer.Meta):
        fields = (*CaseSetSerializer.Meta.fields, "goes", "shown_name")

    @extend_schema_field(CaseSetGoesSerializer)
    def get_goes(self, row: CaseSet) -> dict[str, Any]:
        return holdings.case_set_holds(row)


class ReplayGoesSerializer(serializers.Serializer[Any]):
    """What goes with a replay; of the baseline, that later ones are held against none."""

    answers = serializers.IntegerField()
    is_baseline = serializers.BooleanField()


class ReplaySerializer(serializers.ModelSerializer[Replay]):
    """``result`` is empty until the replay has ended; ``passed`` is null without a baseline."""

    case_set = serializers.IntegerField(source="case_set_id")
    state = serializers.ChoiceField(choices=["running", "finished", "cancelled"])
    shown = serializers.SerializerMethodField(
        help_text="Of the baseline of its set: send it as seen to make another one that."
    )

    class Meta:
        model = Replay
        fields: tuple[str, ...] = (
            "id",
            "case_set",
            "number",
            "name",
            "state",
            "variants",
            "is_baseline",
            "shown",
            "passed",
            "result",
            "started_at",
            "ended_at",
        )

    def get_shown(self, replay: Replay) -> str:
        return shown(replays.baseline_of(replay.case_set))


class ReplayRowSerializer(ReplaySerializer):
    """A replay without its figures; ``message`` says what it was held against, and how it stood."""

    message = serializers.CharField(source="result.gate.message", default="")

    class Meta(ReplaySerializer.Meta):
        fields = tuple(
            "message" if name == "result" else name
            for name in ReplaySerializer.Meta.fields
            if name != "shown"
        )


class ReplayRequest(WriteRequest):
    """Each kind of set has variants of its own."""

    variants = serializers.ListField(
        child=serializers.ChoiceField(
            choices=list(dict.fromkeys(name for names in VARIANTS.values() for name in names))
        ),
        default=list,
    )


class CaseSetList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING
    parser_classes = (BytesParser,)

    @extend_schema(responses={200: CaseSetSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Labelled sets, newest first."""
        rows = CaseSet.objects.filter(workspace=workspace_of(request)).defer("archive")
        return Response(CaseSetSerializer(rows, many=True).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("name", str, description="Else it is called as the folder in it.")
        ],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: CaseSetSerializer, 422: PROBLEM},
    )
    def post(self, request: Request) -> Response:
        """Send a set, of outages or of failed trajectories, as one .zip or .tar.gz to be read."""
        name = request.query_params.get("name", "").strip()
        case_set = case_sets.case_set_send(
            workspace=workspace_of(request),
            name=name or "set",
            is_named=bool(name),
            data=body_of(request),
            by=request.user,
        )
        return Response(CaseSetSerializer(case_set).data, status=201)


class CaseSetDetail(APIView):
    """One set: what goes with it, another name for it, and its end."""

    permission_classes = (MayDelete,)
    scopes = READING | WRITING

    @extend_schema(responses={200: CaseSetDetailSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One labelled set, and what would go with it."""
        return Response(CaseSetDetailSerializer(_case_set(request, pk)).data)

    @extend_schema(
        request=RenameRequest,
        responses={200: CaseSetDetailSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Rename a set."""
        asked = RenameRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row = holdings.case_set_rename(
            case_set=_case_set(request, pk), by=request.user, **asked.validated_data
        )
        return Response(CaseSetDetailSerializer(row).data)

    @extend_schema(responses={200: CaseSetGoesSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """Delete a set with its labels and replays. Returns what was deleted."""
        goes = holdings.case_set_delete(case_set=_case_set(request, pk), by=request.user)
        return Response(CaseSetGoesSerializer(goes).data)


class CaseSetReading(APIView):
    """How far the reading of one set is; begun anew by POST, ended by DELETE."""

    permission_classes = (HasScope,)
    scopes = READING | WRITING | {"DELETE": WRITING["POST"]}

    @extend_schema(responses={200: CaseSetSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One labelled set and how far its reading is."""
        return Response(CaseSetSerializer(_case_set(request, pk)).data)

    @extend_schema(request=None, responses={202: CaseSetSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Read a set again whose reading failed or was cancelled."""
        row = case_sets.case_set_read_again(case_set=_case_set(request, pk), by=request.user)
        return Response(CaseSetSerializer(row).data, status=202)

    @extend_schema(responses={200: CaseSetSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """End the reading of a set; it stays as it was sent."""
        row = case_sets.case_set_cancel(case_set=_case_set(request, pk), by=request.user)
        return Response(CaseSetSerializer(row).data)


class NewestReplayFirst(NewestFirst):
    ordering = "-number"


class ReplayList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: ReplayRowSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, pk: int) -> Response:
        """Replays of a set, newest first, in pages."""
        return NewestReplayFirst.answer(
            self, _case_set(request, pk).replays.all(), ReplayRowSerializer
        )

    @extend_schema(
        request=ReplayRequest, responses={202: ReplaySerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Replay a set, whole and under each variant."""
        asked = ReplayRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        replay = replays.replay_start(
            case_set=_case_set(request, pk),
            variants=asked.validated_data["variants"],
            by=request.user,
        )
        return Response(ReplaySerializer(replay).data, status=202)


class ReplayDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(responses={200: ReplaySerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """One replay with its figures per variant."""
        return Response(ReplaySerializer(replay_of(request, pk)).data)

    @extend_schema(responses={200: ReplaySerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, pk: int) -> Response:
        """Cancel a replay; nothing is compared, and it stays in the list."""
        row = replays.replay_cancel(replay=replay_of(request, pk), by=request.user)
        return Response(ReplaySerializer(row).data)

    @extend_schema(
        request=RenameRequest, responses={200: ReplaySerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Name a replay, so that lists say what it was made for."""
        asked = RenameRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row = holdings.replay_rename(
            replay=replay_of(request, pk), by=request.user, **asked.validated_data
        )
        return Response(ReplaySerializer(row).data)


class ReplayDelete(APIView):
    """The end of a replay that has ended: DELETE of its own address cancels one under way."""

    permission_classes = (MayDelete,)
    scopes = READING | WRITING

    @extend_schema(responses={200: ReplayGoesSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: int) -> Response:
        """What would go with a replay."""
        goes = holdings.replay_holds(replay_of(request, pk))
        return Response(ReplayGoesSerializer(goes).data)

    @extend_schema(request=None, responses={200: ReplayGoesSerializer, 404: PROBLEM, 409: PROBLEM})
    def post(self, request: Request, pk: int) -> Response:
        """Delete a replay with its figures. Returns what was deleted."""
        goes = holdings.replay_delete(replay=replay_of(request, pk), by=request.user)
        return Response(ReplayGoesSerializer(goes).data)


class ReplayBaseline(APIView):
    permission_classes = (HasScope,)
    scopes = {"PUT": WRITING["POST"]}

    @extend_schema(
        request=SeenRequest, responses={200: ReplaySerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def put(self, request: Request, pk: int) -> Response:
        """Make a finished replay what later ones of its set are held against."""
        asked = SeenRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        row = replays.baseline_set(
            replay=replay_of(request, pk), seen=asked.validated_data.get("seen"), by=request.user
        )
        return Response(ReplaySerializer(row).data)


def replay_of(request: Request, pk: int) -> Replay:
    """A replay of the caller's workspace; its labels are read only where they are asked for."""
    rows = Replay.objects.filter(case_set__workspace=workspace_of(request))
    light = rows.select_related("case_set__workspace").defer(
        "case_set__archive", "case_set__truths"
    )
    return object_or_404(light, pk=pk)


def _case_set(request: Request, pk: int) -> CaseSet:
    rows = CaseSet.objects.filter(workspace=workspace_of(request)).defer("archive")
    return object_or_404(rows.select_related("workspace"), pk=pk)
