"""A playbook as a whole over REST: made, changed, merged in, cleared of a run, its labels' past."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from memoryapp.access import object_or_404
from memoryapp.api.bullets import REFUSED, BulletSerializer
from memoryapp.api.contract import PROBLEM, READING, WRITING, SeenRequest, WriteRequest
from memoryapp.api.permissions import HasScope, administers, playbook_of
from memoryapp.api.serving import LabelSerializer, label_facts
from memoryapp.domain.errors import UnableToUndo
from memoryapp.domain.playbook import CONTENT_MOST
from memoryapp.domain.seen import shown
from memoryapp.models import LabelMove, Playbook
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import releases as release_queries
from memoryapp.services import curation, playbooks, releases, restoring, undoing

MOST_MERGED = 20


class SettingsSerializer(SeenRequest, serializers.ModelSerializer[Playbook]):
    """``token_budget`` 0 means no limit."""

    token_budget = serializers.IntegerField(min_value=0, max_value=1_000_000)
    shown = serializers.SerializerMethodField(
        help_text="Of name, description and token budget. Send it as seen with a change: it is "
        "refused if somebody else changed them since."
    )

    class Meta:
        model = Playbook
        fields = ("name", "description", "token_budget", "requires_evaluation", "shown", "seen")

    def get_shown(self, row: Playbook) -> str:
        return shown(curation.settings_of(row))


class ChangeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["added", "reworded", "moved", "retired"])
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that very name
    section = serializers.CharField()
    before = serializers.CharField(help_text="Empty for an added one.")
    after = serializers.CharField(help_text="Empty for a retired one.")
    moved_from = serializers.CharField(help_text="The section a moved one was in.")


class DraftSerializer(serializers.Serializer[Any]):
    """What the next release would be, and what it changes against the newest one."""

    shown = serializers.CharField(
        help_text="Send it as seen when you publish: nothing is, if the draft changed since."
    )
    version = serializers.IntegerField(source="next_number")
    bullets = serializers.IntegerField(source="bullet_count")
    tokens = serializers.IntegerField()
    is_changed = serializers.BooleanField(help_text="Whether there is anything to publish.")
    changes = ChangeSerializer(many=True)


class BulletsMergeRequest(WriteRequest):
    """The first label survives with ``content``; without it, with its own text."""

    labels = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=2, max_length=MOST_MERGED
    )
    content = serializers.CharField(max_length=CONTENT_MOST, required=False)

    def validate_labels(self, labels: list[str]) -> list[str]:
        if len(set(labels)) < 2:
            raise serializers.ValidationError("Name at least two different bullets.")
        return labels


class MergeDecision(BulletsMergeRequest):
    seen = serializers.CharField(max_length=4_000, help_text="The preview's seen.")
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class MergePreview(serializers.Serializer[Any]):
    seen = serializers.CharField()
    content = serializers.CharField()
    tokens_before = serializers.IntegerField(help_text="Of the whole playbook.")
    tokens_after = serializers.IntegerField()
    bullets = BulletSerializer(many=True)


class UndoRunRequest(WriteRequest):
    origin = serializers.CharField(max_length=300, help_text="A candidate's origin_link.")


class UndoRunDecision(UndoRunRequest):
    seen = serializers.CharField(max_length=100, help_text="The preview's seen.")
    reason = serializers.CharField(max_length=300)


class RunRestoredSerializer(serializers.Serializer[Any]):
    bullets = serializers.SerializerMethodField(help_text="Labels of those as before the undo.")
    spared = serializers.SerializerMethodField(help_text="Labels of those changed since.")
    waiting = serializers.SerializerMethodField(help_text="How many proposals wait again.")

    def get_bullets(self, done: restoring.StandingUndo) -> list[str]:
        return [row.bullet.label for row in done.rows]

    def get_spared(self, done: restoring.StandingUndo) -> list[str]:
        return [bullet.label for bullet in done.spared]

    def get_waiting(self, done: restoring.StandingUndo) -> int:
        return len(done.waiting)


class UndoneSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(source="bullet.label")  # type: ignore[assignment]
    effect = serializers.ChoiceField(choices=["retire", "revert", "spare", "nothing"])
    revision = serializers.IntegerField(
        source="revision.number",
        default=None,
        help_text="The one that comes back, or a person's that is spared.",
    )
    before = serializers.CharField(source="bullet.content")
    after = serializers.CharField()


class UndoReportSerializer(serializers.Serializer[Any]):
    seen = serializers.CharField()
    changing = serializers.IntegerField()
    spared = serializers.IntegerField()
    waiting = serializers.IntegerField(help_text="Proposals that are withdrawn.")
    bullets = UndoneSerializer(source="rows", many=True)


class LabelMoveSerializer(serializers.ModelSerializer[LabelMove]):
    from_version = serializers.IntegerField(
        source="from_release.number", default=None, allow_null=True
    )
    to_version = serializers.IntegerField(source="to_release.number")
    moved_by = serializers.CharField(source="moved_by.username", default=None, allow_null=True)

    class Meta:
        model = LabelMove
        fields = ("name", "from_version", "to_version", "moved_by", "created_at")


class RevertRequest(WriteRequest):
    version = serializers.IntegerField(
        min_value=1,
        max_value=999_999_999,
        help_text="Where the label points now: one that moved meanwhile is left alone.",
    )


class PlaybookSettings(APIView):
    permission_classes = (HasScope,)
    scopes = READING | WRITING

    @extend_schema(responses={200: SettingsSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """Name, description, token budget, and whether publishing needs an evaluation."""
        return Response(SettingsSerializer(playbook_of(request, slug)).data)

    @extend_schema(
        request=SettingsSerializer, responses={200: SettingsSerializer, 403: PROBLEM, **REFUSED}
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change the settings that are sent, all or none. The address stays.

        Whether publishing needs an evaluation is for admins; what stays as it is may be sent along.
        """
        playbook = playbook_of(request, slug)
        asked = SettingsSerializer(playbook, data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        wanted = dict(asked.validated_data)
        required, seen = (wanted.pop(name, None) for name in ("requires_evaluation", "seen"))
        if required is not None and not administers(request):
            if required != playbook.requires_evaluation:
                raise PermissionDenied(
                    "Only admins can change whether publishing needs an evaluation. Nothing was "
                    "changed."
                )
            required = None
        if required is None and not wanted:
            raise ValidationError("The request names nothing to change. Send at least one setting.")
        with transaction.atomic():
            playbook = curation.settings_lock(playbook=playbook, seen=seen)
            kept = curation.settings_of(playbook)
            others = kept | wanted != kept
            if others or required is None:
                playbook = curation.playbook_change(playbook=playbook, by=request.user, **wanted)
            if required is not None and (required != playbook.requires_evaluation or not others):
                playbook = playbooks.playbook_require_evaluation(
                    playbook=playbook, required=required, by=request.user
                )
        return Response(SettingsSerializer(playbook).data)


class PlaybookDraft(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: DraftSerializer, 404: PROBLEM})
    def get(self, request: Request, slug: str) -> Response:
        """What the next release would say, and what it changes."""
        return Response(DraftSerializer(playbook_queries.draft(playbook_of(request, slug))).data)


class BulletsMergePreview(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=BulletsMergeRequest, responses={200: MergePreview, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """What merging would change. Nothing is changed yet."""
        asked = BulletsMergeRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        playbook = playbook_of(request, slug)
        rows = curation.bullets_named(playbook, asked.validated_data["labels"])
        labels = [row.label for row in rows]
        content = asked.validated_data.get("content") or (rows[0].content if rows else "")
        before, after = curation.merge_preview(playbook=playbook, labels=labels, content=content)
        found = {
            "seen": curation.merge_digest(rows),
            "content": content,
            "tokens_before": before,
            "tokens_after": after,
            "bullets": rows,
        }
        return Response(MergePreview(found).data)


class BulletsMerge(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=MergeDecision, responses={200: BulletSerializer, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """Make several bullets one, as previewed; the others are retired."""
        asked = MergeDecision(data=request.data)
        asked.is_valid(raise_exception=True)
        said, playbook = asked.validated_data, playbook_of(request, slug)
        rows = curation.bullets_named(playbook, said["labels"])
        bullet = curation.bullets_merge(
            playbook=playbook,
            labels=[row.label for row in rows],
            content=said.get("content") or (rows[0].content if rows else ""),
            seen=said["seen"],
            reason=said["reason"],
            by=request.user,
        )
        return Response(BulletSerializer(bullet).data)


class RunUndoPreview(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=UndoRunRequest, responses={200: UndoReportSerializer, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """What undoing all that a run did to a playbook would change. Nothing is changed yet."""
        asked = UndoRunRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        playbook, origin = _of_run(request, slug, asked.validated_data["origin"])
        report = undoing.job_preview(playbook=playbook, origin_link=origin)
        return Response(UndoReportSerializer(report).data)


class RunUndo(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=UndoRunDecision, responses={200: UndoReportSerializer, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """Take back all a run did, as previewed; what people changed since is spared."""
        asked = UndoRunDecision(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        playbook, origin = _of_run(request, slug, said["origin"])
        report = undoing.job_undo(
            playbook=playbook,
            origin_link=origin,
            reason=said["reason"],
            seen=said["seen"],
            by=request.user,
        )
        return Response(UndoReportSerializer(report).data)


class RunRestore(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=UndoRunRequest, responses={200: RunRestoredSerializer, **REFUSED})
    def post(self, request: Request, slug: str) -> Response:
        """Take the last undo of a run back; what was changed after it is spared."""
        asked = UndoRunRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        playbook, origin = _of_run(request, slug, asked.validated_data["origin"])
        standing = restoring.standing_undo(playbook=playbook, origin_link=origin)
        if standing is None:
            raise UnableToUndo(
                "This run has not been undone in this playbook, so there is nothing to bring back."
            )
        done = restoring.job_restore(
            playbook=playbook, origin_link=origin, undo=standing.event.pk, by=request.user
        )
        return Response(RunRestoredSerializer(done).data)


class LabelHistory(APIView):
    permission_classes = (HasScope,)
    scopes = READING

    @extend_schema(responses={200: LabelMoveSerializer(many=True), 404: PROBLEM})
    def get(self, request: Request, slug: str, name: str) -> Response:
        """Who moved a label from what to what, newest first: the last 200 moves."""
        moves = playbook_of(request, slug).label_moves.filter(name=name)
        rows = release_queries.label_moves(moves)[:200]
        return Response(LabelMoveSerializer(rows, many=True).data)


class LabelRevert(APIView):
    permission_classes = (HasScope,)
    scopes = WRITING

    @extend_schema(request=RevertRequest, responses={200: LabelSerializer, **REFUSED})
    def post(self, request: Request, slug: str, name: str) -> Response:
        """Move a label back to where its last move came from."""
        asked = RevertRequest(data=request.data)
        asked.is_valid(raise_exception=True)
        label = releases.label_revert(
            label=object_or_404(playbook_of(request, slug).labels.all(), name=name),
            version=asked.validated_data["version"],
            by=request.user,
        )
        return Response(LabelSerializer(label_facts(label)).data)


def _of_run(request: Request, slug: str, origin: str) -> tuple[Playbook, str]:
    """A playbook and the address of a run that proposed something to it, else 404."""
    playbook = playbook_of(request, slug)
    proposed = playbook.candidates.filter(origin_link=origin).exclude(origin_link="")
    return playbook, object_or_404(proposed.order_by("created_at")[:1]).origin_link
