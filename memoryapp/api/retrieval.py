"""Search in memory: for agents inside a release, for people and programs across playbooks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.contract import PROBLEM, READING, WriteRequest
from memoryapp.api.limits import caller_of
from memoryapp.api.permissions import HasScope, bound_to, playbooks_of, workspace_of
from memoryapp.api.pull import agent_of
from memoryapp.models import ApiKey, Bullet, RecallTrace, Release
from memoryapp.models.tokens import Scope
from memoryapp.queries.releases import heavy
from memoryapp.services.pulls import ONE_OF_TWO, SEARCH, playbook_pull, receipt_leave
from memoryapp.services.releases import PRODUCTION
from memoryapp.services.retrieval import (
    Recalled,
    epistemic_facts,
    live_scope,
    memory_retrieve,
    release_scope,
    trace_row,
)

K_MOST = 100
QUERY_MOST = 10_000


class SearchRequest(WriteRequest):
    query = serializers.CharField(max_length=QUERY_MOST, trim_whitespace=True)
    k = serializers.IntegerField(min_value=1, max_value=K_MOST, default=8)
    max_tokens = serializers.IntegerField(
        min_value=0, max_value=1_000_000, default=0, help_text="0 is no limit."
    )
    sections = serializers.ListField(
        child=serializers.CharField(max_length=60), max_length=50, default=list
    )
    trace = serializers.BooleanField(
        default=False, help_text="Keep what was found and why; its id is in the answer."
    )


class RetrieveRequest(SearchRequest):
    label = serializers.CharField(max_length=40, default=PRODUCTION)  # type: ignore[assignment]
    version = serializers.IntegerField(
        min_value=1, max_value=999_999_999, required=False, help_text="Instead of a label."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "version" in attrs and "label" in self.initial_data:
            raise serializers.ValidationError({"version": [ONE_OF_TWO]})
        return attrs


class AcrossRequest(SearchRequest):
    playbooks = serializers.ListField(
        child=serializers.SlugField(), max_length=100, default=list, help_text="None is all."
    )
    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=Bullet.Status.choices), max_length=3, default=list
    )


class LegDocument(serializers.Serializer[Any]):
    """Where one leg placed the bullet, and its score there."""

    place = serializers.IntegerField()
    score = serializers.FloatField()


class HitDocument(serializers.Serializer[Any]):
    place = serializers.IntegerField()
    bullet = serializers.UUIDField()
    revision = serializers.IntegerField()
    playbook = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that very name
    section = serializers.CharField()
    content = serializers.CharField()
    score = serializers.FloatField(help_text="By reciprocal rank fusion of both legs.")
    text = LegDocument(allow_null=True)
    vector = LegDocument(allow_null=True)
    has_every_word = serializers.BooleanField()
    helpful = serializers.IntegerField()
    harmful = serializers.IntegerField()


class EpistemicDocument(serializers.Serializer[Any]):
    """Whether the memory knows an answer; ``confidence`` is calibrated on held-out questions."""

    answer = serializers.ChoiceField(choices=["known", "weak", "unknown"])
    confidence = serializers.FloatField()
    coverage = serializers.FloatField()
    similarity = serializers.FloatField(allow_null=True)


class RecalledDocument(serializers.Serializer[Any]):
    version = serializers.IntegerField(required=False)
    release = serializers.IntegerField(required=False)
    epistemic = EpistemicDocument()
    vectors = serializers.ChoiceField(choices=["on", "off", "building", "unavailable"])
    left_out = serializers.IntegerField(help_text="Better ones that did not fit max_tokens.")
    trace = serializers.UUIDField(allow_null=True)
    remarks = serializers.ListField(
        child=serializers.CharField(), help_text="Such as a section that no bullet is in."
    )
    bullets = HitDocument(many=True)


class TraceSerializer(serializers.ModelSerializer[RecallTrace]):
    version = serializers.IntegerField(source="release.number", default=None, allow_null=True)

    class Meta:
        model = RecallTrace
        fields = ("id", "query", "version", "asked", "answer", "results", "created_at")


def _document(found: Recalled, slugs: dict[int, str], **more: Any) -> dict[str, Any]:
    return {
        **more,
        "epistemic": epistemic_facts(found.epistemic),
        "vectors": found.vectors,
        "left_out": found.left_out,
        "trace": str(found.trace) if found.trace else None,
        "remarks": [
            f"No bullet is in the section {name}, so none was searched there."
            for name in found.unknown_sections
        ],
        "bullets": [
            {
                **trace_row(hit, place),
                "playbook": slugs[hit.playbook_id],
                "section": hit.section,
                "content": hit.content,
                "helpful": hit.helpful,
                "harmful": hit.harmful,
            }
            for place, hit in enumerate(found.hits, start=1)
        ],
    }


def _key(request: Request) -> ApiKey | None:
    return request.auth if isinstance(request.auth, ApiKey) else None


class PlaybookRetrieve(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": (Scope.PULL, Scope.READ, Scope.WRITE)}

    @extend_schema(
        request=RetrieveRequest,
        responses={200: RecalledDocument, 400: PROBLEM, 404: PROBLEM, 410: PROBLEM, 429: PROBLEM},
    )
    def post(self, request: Request, slug: str) -> Response:
        """The bullets of a release that bear on a question, with the scores of each leg.

        Words and, where embeddings are on, vectors rank by themselves and are fused by place. The
        epistemic answer says whether the memory knows, perhaps knows, or does not.
        """
        asked = RetrieveRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        agent = agent_of(request)
        pulled = playbook_pull(
            workspace=workspace_of(request),
            slug=slug,
            # As a pull has it: who pulls and searches is to be given one and the same release.
            agent=agent or caller_of(request),
            label=values["label"],
            version=values.get("version"),
            bound_to=bound_to(request),
        )
        release = Release.objects.light().get(pk=pulled.release_id)
        found = memory_retrieve(
            workspace=workspace_of(request),
            query=values["query"],
            scope=release_scope(release, sections=values["sections"]),
            k=values["k"],
            max_tokens=values["max_tokens"],
            release=release,
            key=_key(request),
            keep_trace=values["trace"],
        )
        receipt_leave(
            release=release.pk, label=pulled.label, form=SEARCH, key=_key(request), agent=agent
        )
        more = {"version": pulled.number, "release": pulled.release_id}
        return Response(_document(found, {release.playbook_id: slug}, **more))


class Search(APIView):
    permission_classes = (HasScope,)
    scopes = {"POST": (Scope.READ, Scope.WRITE)}

    @extend_schema(
        request=AcrossRequest, responses={200: RecalledDocument, 400: PROBLEM, 429: PROBLEM}
    )
    def post(self, request: Request) -> Response:
        """Bullets of all playbooks as they stand now, released or not, that bear on a question."""
        asked = AcrossRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        playbooks = playbooks_of(request)
        if values["playbooks"]:
            playbooks = playbooks.filter(slug__in=values["playbooks"])
        rows = list(playbooks)
        found = memory_retrieve(
            workspace=workspace_of(request),
            query=values["query"],
            scope=live_scope(rows, sections=values["sections"], statuses=values["statuses"]),
            k=values["k"],
            max_tokens=values["max_tokens"],
            key=_key(request),
            keep_trace=values["trace"],
        )
        return Response(_document(found, {row.pk: row.slug for row in rows}))


class RecallDetail(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: TraceSerializer, 404: PROBLEM})
    def get(self, request: Request, pk: Any) -> Response:
        """What one search found and why, if it was asked to keep that."""
        rows = RecallTrace.objects.filter(workspace=workspace_of(request)).select_related("release")
        return Response(TraceSerializer(object_or_404(rows.defer(*heavy("release")), pk=pk)).data)
