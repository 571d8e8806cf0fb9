"""REST views of proposer memory: regions, facts, steering, and the artifact's two files."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WRITING, NewestFirst, WriteRequest, one_of
from memoryapp.api.permissions import HasScope, playbook_of
from memoryapp.models.tokens import Scope
from practice.api.environments import environment_of
from practice.domain.memory import Region
from practice.models import EnvironmentFact, Steering
from practice.queries import regions
from practice.services import artifact
from practice.services.facts import fact_exclude
from practice.services.steering import SEED_CAP, steering_add, steering_end

CHANGING = {"PATCH": (Scope.WRITE,)}
ENDING = {"DELETE": (Scope.WRITE,)}
FACT_STATES = ("in_use", "excluded")


class ToolRegionSerializer(serializers.Serializer[Any]):
    """Counts are in tasks, from executed calls only."""

    name = serializers.CharField(source="tool.name")
    region = serializers.ChoiceField(choices=[*Region])
    practised = serializers.IntegerField(source="counts.practised")
    worked = serializers.IntegerField(source="counts.worked")
    feasible_worked = serializers.IntegerField(source="counts.feasible_worked")
    infeasible = serializers.IntegerField(source="counts.infeasible")


class PairRegionSerializer(serializers.Serializer[Any]):
    """Two tools executed in one attempt in this order."""

    first = serializers.CharField(source="counts.first")
    second = serializers.CharField(source="counts.second")
    region = serializers.ChoiceField(choices=[*Region])
    practised = serializers.IntegerField(source="counts.practised")
    worked = serializers.IntegerField(source="counts.worked")
    feasible_worked = serializers.IntegerField(source="counts.feasible_worked")
    infeasible = serializers.IntegerField(source="counts.infeasible")


class SteeringSerializer(serializers.ModelSerializer[Steering]):
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)
    task = serializers.CharField(source="task.instruction", default=None, allow_null=True)
    run = serializers.IntegerField(source="task.round.run.number", default=None, allow_null=True)

    class Meta:
        model = Steering
        fields = (
            "id",
            "kind",
            "tool",
            "instruction",
            "note",
            "origin",
            "created_by",
            "created_at",
            "ended_at",
            "task",
            "run",
        )


class SteeringRequest(WriteRequest):
    kind = serializers.ChoiceField(choices=Steering.Kind.choices)
    tool = serializers.CharField(max_length=200, required=False, default="")
    instruction = serializers.CharField(max_length=SEED_CAP, required=False, default="")
    note = serializers.CharField(max_length=300, required=False, default="", allow_blank=True)


class MemorySerializer(serializers.Serializer[Any]):
    """``enough``: in how many feasible tasks a tool has to work to count as practised.

    ``unpaired`` ordered pairs never ran together; the likeliest of them are among ``pairs``.
    """

    enough = serializers.IntegerField()
    unpaired = serializers.IntegerField()
    tools = ToolRegionSerializer(many=True)
    pairs = PairRegionSerializer(many=True)
    steering = SteeringSerializer(many=True)


class FactSerializer(serializers.Serializer[Any]):
    """``relevance`` (0 to 1) is to what the next round should practise, within the page."""

    id = serializers.IntegerField(source="fact.pk")
    text = serializers.CharField(source="fact.text")
    source_task = serializers.CharField(source="fact.task.instruction")
    run = serializers.IntegerField(source="fact.run.number")
    tools = serializers.ListField(child=serializers.CharField(), source="fact.tools")
    seen = serializers.IntegerField(source="fact.seen_count")
    last_seen_at = serializers.DateTimeField(source="fact.last_seen_at")
    age = serializers.IntegerField(help_text="Rounds that began since it was seen last.")
    relevance = serializers.FloatField()
    excluded = serializers.BooleanField(source="fact.is_excluded")
    orders = serializers.ListField(
        child=serializers.CharField(),
        source="fact.orders",
        help_text="Phrases that read like instructions to a model; one with any is in no prompt.",
    )


class FactRequest(WriteRequest):
    excluded = serializers.BooleanField()


class ArtifactRequest(WriteRequest):
    file = serializers.ChoiceField(choices=artifact.FILES)
    playbook = serializers.SlugField()
    document = serializers.JSONField()
    dry_run = serializers.BooleanField(default=False)


class ReportRowSerializer(serializers.Serializer[Any]):
    place = serializers.CharField()
    verdict = serializers.ChoiceField(choices=artifact.VERDICTS)
    message = serializers.CharField()


class ReportSerializer(serializers.Serializer[Any]):
    """What an import did, or would do where it was a dry run."""

    file = serializers.CharField()
    is_dry_run = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())
    rows = ReportRowSerializer(many=True)


class FreshestFirst(NewestFirst):
    ordering = "-last_seen_at"


class MemoryDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: MemorySerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """The regions of an environment's proposer memory and what is asked of the proposer."""
        environment = environment_of(request, slug)
        found = regions.regions(environment)
        wishes = environment.steering.standing().select_related("created_by", "task__round__run")
        body = {
            "enough": found.enough,
            "unpaired": found.unpaired,
            "tools": found.tools,
            "pairs": found.pairs,
            "steering": wishes,
        }
        return Response(MemorySerializer(body).data)


class MemorySteering(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(
        request=SteeringRequest, responses={201: SteeringSerializer, 404: PROBLEM, 409: PROBLEM}
    )
    def post(self, request: Request, slug: str) -> Response:
        """Ask the proposer to practise a tool first, leave one alone, or begin from a task."""
        asked = SteeringRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        wish = steering_add(
            environment=environment_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(SteeringSerializer(wish).data, status=201)


class MemoryWish(APIView):
    permission_classes = (HasScope,)
    scopes = ENDING

    @extend_schema(responses={200: SteeringSerializer, 404: PROBLEM, 409: PROBLEM})
    def delete(self, request: Request, slug: str, pk: int) -> Response:
        """End a wish. It stays listed as ended."""
        rows = environment_of(request, slug).steering.select_related("environment__workspace")
        wish = steering_end(wish=object_or_404(rows, pk=pk), by=request.user)
        return Response(SteeringSerializer(wish).data)


class MemoryFacts(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("state", str, enum=FACT_STATES),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: FactSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Facts of an environment, freshest first, in pages."""
        environment = environment_of(request, slug)
        rows = environment.facts.select_related("task", "run")
        if state := one_of(request, "state", FACT_STATES):
            rows = rows.filter(is_excluded=state == "excluded")
        asked = regions.standing_steering(environment)
        return FreshestFirst.answer(
            self,
            rows,
            FactSerializer,
            made=lambda page: regions.fact_lines(environment, page, asked),
        )


class MemoryFact(APIView):
    permission_classes = (HasScope,)
    scopes = CHANGING

    @extend_schema(request=FactRequest, responses={200: FactSerializer, 404: PROBLEM})
    def patch(self, request: Request, slug: str, pk: int) -> Response:
        """Show a fact to no proposer from now on, or to all again."""
        environment = environment_of(request, slug)
        asked = FactRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        rows = EnvironmentFact.objects.filter(environment=environment)
        fact = object_or_404(rows.select_related("environment__workspace", "task", "run"), pk=pk)
        fact_exclude(fact=fact, excluded=asked.validated_data["excluded"], by=request.user)
        (line,) = regions.fact_lines(environment, [fact], regions.standing_steering(environment))
        return Response(FactSerializer(line).data)


class MemoryArtifact(APIView):
    """The files of Preping's released code."""

    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[
            OpenApiParameter("file", str, enum=artifact.FILES, required=True),
            OpenApiParameter("playbook", str, description="Slug, for playbook.json."),
        ],
        responses={200: OpenApiTypes.OBJECT, 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """``proposer_memory.json`` of the environment, or ``playbook.json`` of a playbook."""
        environment = environment_of(request, slug)
        file = one_of(request, "file", artifact.FILES)
        if not file:
            raise ValidationError({"file": [f"Choose one of: {', '.join(artifact.FILES)}."]})
        if file == artifact.MEMORY_FILE:
            return Response(artifact.memory_document(environment))
        playbook = playbook_of(request, request.query_params.get("playbook", ""))
        return Response(artifact.playbook_document(playbook))

    @extend_schema(
        request=ArtifactRequest,
        responses={200: ReportSerializer, 404: PROBLEM, 409: PROBLEM},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Import one of the two files, or say what importing it would do. Safe to repeat."""
        asked = ArtifactRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        report = artifact.artifact_import(
            environment=environment_of(request, slug),
            playbook=playbook_of(request, values.pop("playbook")),
            by=request.user,
            **values,
        )
        return Response(ReportSerializer(report).data)
