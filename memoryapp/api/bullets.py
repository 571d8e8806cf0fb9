"""Bullets over REST: read, write, reword, move, retire and restore, and their revisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    one_of,
)
from memoryapp.api.permissions import HasScope, playbook_of
from memoryapp.domain.diff import word_diff
from memoryapp.domain.playbook import CONTENT_MOST, SECTION_NAME
from memoryapp.domain.seen import shown
from memoryapp.models import Bullet, BulletRevision
from memoryapp.services import bullets, curation

REFUSED: dict[int, Any] = {404: PROBLEM, 409: PROBLEM}


class CountersSerializer(serializers.Serializer[Any]):
    """Build-time votes, trials and reports of agents, kept apart."""

    practice_helpful = serializers.IntegerField()
    practice_harmful = serializers.IntegerField()
    verified_wins = serializers.IntegerField()
    verified_losses = serializers.IntegerField()
    deployed_helpful = serializers.IntegerField()
    deployed_harmful = serializers.IntegerField()


class BulletShown(serializers.Serializer[Any]):
    """Send one of them as seen with a change of just that."""

    section = serializers.CharField()
    tags = serializers.CharField()


class BulletSerializer(serializers.ModelSerializer[Bullet]):
    counters = CountersSerializer(source="*")
    revision = serializers.IntegerField(source="revision_count")
    tokens = serializers.IntegerField()
    shown = serializers.SerializerMethodField()

    class Meta:
        model = Bullet
        fields = (
            "id",
            "label",
            "section",
            "content",
            "status",
            "tags",
            "position",
            "tokens",
            "revision",
            "counters",
            "shown",
            "created_at",
            "updated_at",
        )

    @extend_schema_field(BulletShown)
    def get_shown(self, row: Bullet) -> dict[str, str]:
        return {
            "section": shown(curation.section_of(row)),
            "tags": shown(curation.tags_of(row)),
        }


class RevisionSerializer(serializers.ModelSerializer[BulletRevision]):
    author = serializers.CharField(source="author.username", default=None, allow_null=True)
    candidate = serializers.UUIDField(source="candidate_id", allow_null=True)

    class Meta:
        model = BulletRevision
        fields = (
            "number",
            "content",
            "section",
            "status",
            "author",
            "is_automatic",
            "reason",
            "candidate",
            "created_at",
        )


class DiffSegment(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["equal", "insert", "delete"])
    text = serializers.CharField()


class RevisionDiff(RevisionSerializer):
    """A revision beside another: ``equal`` and ``delete`` give that one, the rest this one."""

    against = serializers.SerializerMethodField(help_text="Null for the first revision.")
    diff = serializers.SerializerMethodField()

    class Meta(RevisionSerializer.Meta):
        fields = (*RevisionSerializer.Meta.fields, "against", "diff")  # type: ignore[assignment]

    def get_against(self, row: BulletRevision) -> int | None:
        other: BulletRevision | None = self.context["against"]
        return other.number if other else None

    @extend_schema_field(DiffSegment(many=True))
    def get_diff(self, row: BulletRevision) -> list[dict[str, str]]:
        other: BulletRevision | None = self.context["against"]
        segments = word_diff(other.content if other else "", row.content)
        return [{"kind": segment.kind, "text": segment.text} for segment in segments]


class AddRequest(WriteRequest):
    section = serializers.RegexField(f"^{SECTION_NAME.pattern}$")
    content = serializers.CharField(max_length=CONTENT_MOST)


class RewordRequest(WriteRequest):
    content = serializers.CharField(max_length=CONTENT_MOST)
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)
    revision = serializers.IntegerField(
        min_value=1, help_text="The one you read: a bullet that changed since is left alone."
    )


class ReasonRequest(WriteRequest):
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class MoveRequest(SeenRequest, ReasonRequest):
    section = serializers.CharField(max_length=60)


class PlaceRequest(WriteRequest):
    direction = serializers.ChoiceField(choices=[curation.UP, curation.DOWN])


class TagsRequest(SeenRequest):
    tags = serializers.ListField(child=serializers.CharField(max_length=60), max_length=40)


class BringBackRequest(ReasonRequest):
    revision = serializers.IntegerField(
        min_value=1, help_text="The newest one you know: a bullet that changed since is left alone."
    )


class ByLabel(NewestFirst):
    ordering = "label"


class BulletList(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=[*Bullet.Status.values]),
            OpenApiParameter("section", str),
            OpenApiParameter("tag", str),
            OpenApiParameter("cursor", str),
            OpenApiParameter("page_size", int),
        ],
        responses={200: BulletSerializer(many=True), 400: PROBLEM, 404: PROBLEM},
    )
    def get(self, request: Request, slug: str) -> Response:
        """The bullets of a playbook as they are now, retired ones too, by label, in pages."""
        rows = playbook_of(request, slug).bullets.all()
        if status := one_of(request, "status", Bullet.Status.values):
            rows = rows.filter(status=status)
        if section := request.query_params.get("section"):
            rows = rows.filter(section=section)
        if tag := request.query_params.get("tag"):
            rows = rows.filter(tags__contains=[tag])
        return ByLabel.answer(self, rows, BulletSerializer)

    @extend_schema(request=AddRequest, responses={201: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """Write a bullet by hand. Agents read it after the next release."""
        asked = AddRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        bullet = bullets.bullet_add(
            playbook=playbook_of(request, slug), by=request.user, **asked.validated_data
        )
        return Response(BulletSerializer(bullet).data, status=201)


class OneBullet(APIView):
    permission_classes = (HasScope,)
    scopes: Any = READING | WRITING
    asks: type[serializers.Serializer[Any]] = ReasonRequest

    def bullet(self, request: Request, slug: str, label: str) -> Bullet:
        rows = playbook_of(request, slug).bullets.select_related("playbook__workspace")
        return object_or_404(rows, label=label)

    def act(
        self, request: Request, slug: str, label: str, service: Callable[..., Bullet]
    ) -> Response:
        """Call one service with what was sent, and answer with the bullet as it is then."""
        asked = self.asks(data=request.data)
        asked.is_valid(raise_exception=True)
        bullet = self.bullet(request, slug, label)
        done = service(bullet=bullet, by=request.user, **asked.validated_data)
        return Response(BulletSerializer(done).data)


class BulletDetail(OneBullet):
    asks = RewordRequest

    @extend_schema(responses={200: BulletSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str, label: str) -> Response:
        """One bullet as it is now."""
        return Response(BulletSerializer(self.bullet(request, slug, label)).data)

    @extend_schema(request=RewordRequest, responses={200: BulletSerializer, **REFUSED})
    def put(self, request: Request, slug: str, label: str) -> Response:
        """Reword a bullet, from the revision you read."""
        return self.act(request, slug, label, bullets.bullet_edit)


class BulletRetire(OneBullet):
    @extend_schema(request=ReasonRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str) -> Response:
        """Leave a bullet out of the next releases, for a reason. It can be restored."""
        return self.act(request, slug, label, bullets.bullet_retire)


class BulletRestore(OneBullet):
    @extend_schema(request=ReasonRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str) -> Response:
        """Bring a retired bullet back."""
        return self.act(request, slug, label, bullets.bullet_restore)


class BulletConfirm(OneBullet):
    @extend_schema(request=ReasonRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str) -> Response:
        """Say that a stale bullet still holds."""
        return self.act(request, slug, label, bullets.bullet_confirm)


class BulletMove(OneBullet):
    asks = MoveRequest

    @extend_schema(request=MoveRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str) -> Response:
        """Put a bullet into another section, at its end. Its label stays."""
        return self.act(request, slug, label, curation.bullet_move)


class BulletPlace(OneBullet):
    asks = PlaceRequest

    @extend_schema(request=PlaceRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str) -> Response:
        """Move a bullet one place up or down in its section."""
        return self.act(request, slug, label, curation.bullet_place)


class BulletTags(OneBullet):
    asks = TagsRequest

    @extend_schema(request=TagsRequest, responses={200: BulletSerializer, **REFUSED})
    def put(self, request: Request, slug: str, label: str) -> Response:
        """Replace a bullet's tags. Agents never see them."""
        return self.act(request, slug, label, curation.bullet_tag)


class RevisionList(OneBullet):
    scopes = READING

    @extend_schema(
        parameters=[OpenApiParameter("cursor", str), OpenApiParameter("page_size", int)],
        responses={200: RevisionSerializer(many=True), 404: PROBLEM},
    )
    def get(self, request: Request, slug: str, label: str) -> Response:
        """What a bullet said over time, newest first, in pages."""
        rows = self.bullet(request, slug, label).revisions.select_related("author")
        return NewestNumber.answer(self, rows, RevisionSerializer)


class NewestNumber(NewestFirst):
    ordering = "-number"


class RevisionDetail(OneBullet):
    scopes = READING

    @extend_schema(
        parameters=[
            OpenApiParameter("against", int, description="Without it, the revision before.")
        ],
        responses={200: RevisionDiff, 404: PROBLEM},
    )
    def get(self, request: Request, slug: str, label: str, number: int) -> Response:
        """One revision, and what it changed word by word."""
        rows = self.bullet(request, slug, label).revisions.select_related("author")
        revision = object_or_404(rows, number=number)
        asked = request.query_params.get("against", "")
        against = (
            object_or_404(rows, number=asked) if asked else rows.filter(number__lt=number).first()
        )
        return Response(RevisionDiff(revision, context={"against": against}).data)


class RevisionRestore(OneBullet):
    asks = BringBackRequest

    @extend_schema(request=BringBackRequest, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str, label: str, number: int) -> Response:
        """Let a bullet say again what it said in an earlier revision."""
        asked = BringBackRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        bullet = self.bullet(request, slug, label)
        earlier = object_or_404(bullet.revisions.all(), number=number)
        done = bullets.bullet_edit(
            bullet=bullet,
            content=earlier.content,
            reason=asked.validated_data["reason"] or f"Back to revision {number}",
            revision=asked.validated_data["revision"],
            by=request.user,
        )
        return Response(BulletSerializer(done).data)
