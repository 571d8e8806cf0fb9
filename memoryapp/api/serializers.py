"""What the API says of playbooks, releases and candidates."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from memoryapp.api.contract import WriteRequest
from memoryapp.domain.provenance import Trust
from memoryapp.models import Candidate, Evaluation, Evidence, Playbook, Release
from memoryapp.services.votes import is_blind


class PlaybookSerializer(serializers.ModelSerializer[Playbook]):
    labels = serializers.SerializerMethodField()
    live_bullets = serializers.IntegerField(source="live_count")
    waiting_candidates = serializers.IntegerField(source="waiting_count")

    class Meta:
        model = Playbook
        fields = (
            "slug",
            "name",
            "description",
            "token_budget",
            "requires_evaluation",
            "live_bullets",
            "waiting_candidates",
            "labels",
        )

    def get_labels(self, playbook: Playbook) -> dict[str, int]:
        """Label name to release number."""
        return {label.name: label.release.number for label in playbook.labels.all()}


class ReleaseSerializer(serializers.ModelSerializer[Release]):
    labels = serializers.SlugRelatedField[Any](slug_field="name", many=True, read_only=True)
    replacement = serializers.IntegerField(
        source="replacement.number", default=None, allow_null=True
    )
    published_by = serializers.CharField(
        source="published_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Release
        fields = (
            "number",
            "notes",
            "bullet_count",
            "tokens",
            "digests",
            "labels",
            "withdrawal",
            "withdrawal_reason",
            "replacement",
            "published_by",
            "created_at",
        )


class EvaluationSerializer(serializers.ModelSerializer[Evaluation]):
    """``digest`` names the bullets measured; ``passed`` is null where it gates nothing."""

    release = serializers.IntegerField(source="release.number", default=None, allow_null=True)

    class Meta:
        model = Evaluation
        fields = (
            "name",
            "link",
            "release",
            "digest",
            "passed",
            "message",
            "figures",
            "created_at",
        )


class BulletDocument(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field of that very name
    content = serializers.CharField()
    helpful = serializers.IntegerField()
    harmful = serializers.IntegerField()
    sha256 = serializers.CharField()


class SectionDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    bullets = BulletDocument(many=True)


class PlaybookName(serializers.Serializer[Any]):
    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()


class PlaybookDocument(serializers.Serializer[Any]):
    """A released playbook as JSON; the stored document is served as it is."""

    schema_version = serializers.IntegerField()
    playbook = PlaybookName()
    version = serializers.IntegerField()
    tokens = serializers.IntegerField()
    sha256 = serializers.CharField(
        required=False,
        help_text="Of a line `section label sha256` for each bullet, in order.",
    )
    left_out = serializers.IntegerField(
        required=False, help_text="Bullets that did not fit max_tokens."
    )
    sections = SectionDocument(many=True)


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    class Meta:
        model = Evidence
        fields = ("kind", "link", "group", "number", "tool", "arguments", "excerpt", "is_error")


class CandidateSerializer(serializers.ModelSerializer[Candidate]):
    playbook = serializers.SlugRelatedField[Playbook](slug_field="slug", read_only=True)
    targets = serializers.SlugRelatedField[Any](slug_field="label", many=True, read_only=True)
    evidence = EvidenceSerializer(many=True, read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", default=None, allow_null=True)
    policy = serializers.IntegerField(
        source="policy.number",
        default=None,
        allow_null=True,
        help_text="The policy that decided, if one did.",
    )
    assigned_to = serializers.CharField(
        source="assigned_to.username", default=None, allow_null=True
    )
    scores = serializers.SerializerMethodField(help_text="Empty while it is kept blind.")
    trust = serializers.SerializerMethodField(
        help_text="Of the weakest source: quarantined, outside, practice or person."
    )
    shown = serializers.SerializerMethodField(
        help_text="Send it as seen with a decision: it is refused if what you read has changed."
    )

    def get_scores(self, candidate: Candidate) -> dict[str, Any]:
        if candidate.is_pending and is_blind(candidate):
            return {}
        return dict(candidate.scores)

    def get_trust(self, candidate: Candidate) -> str:
        return Trust(candidate.trust).name.lower()

    def get_shown(self, candidate: Candidate) -> str:
        return candidate.shown()

    class Meta:
        model = Candidate
        fields = (
            "id",
            "playbook",
            "op",
            "section",
            "content",
            "targets",
            "reason",
            "seen_count",
            "scores",
            "status",
            "decided_by",
            "decided_at",
            "decision_reason",
            "decided_content",
            "policy",
            "audit",
            "trust",
            "assigned_to",
            "shown",
            "origin_link",
            "evidence",
            "created_at",
        )


class ApproveRequest(WriteRequest):
    content = serializers.CharField(required=False, help_text="The reworded bullet, if edited.")
    seen = serializers.CharField(required=False, default="", help_text="The candidate's shown.")


class RejectRequest(WriteRequest):
    reason = serializers.CharField(max_length=300)
    seen = serializers.CharField(required=False, default="", help_text="The candidate's shown.")


class PlaybookRequest(WriteRequest):
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(
        required=False, default="", max_length=300, allow_blank=True
    )
    token_budget = serializers.IntegerField(
        required=False, default=8_000, min_value=0, max_value=1_000_000, help_text="0 is no limit."
    )


def _points_at() -> serializers.IntegerField:
    return serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=999_999_999,
        help_text="The version the label was seen to point at, 0 for none: one that moved since is "
        "left alone, and nothing is done.",
    )


class PublishRequest(WriteRequest):
    notes = serializers.CharField(required=False, default="", max_length=500, allow_blank=True)
    label = serializers.CharField(  # type: ignore[assignment]  # a field of that very name
        required=False, default="", allow_blank=True
    )
    seen = serializers.CharField(
        required=False,
        default=None,
        allow_null=True,
        max_length=100,
        help_text="The draft's shown: a draft that changed since is not published.",
    )
    points_at = _points_at()


class LabelRequest(WriteRequest):
    version = serializers.IntegerField(min_value=1)
    points_at = _points_at()
