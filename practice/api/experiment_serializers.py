"""What the API says of experiments and of words on verdicts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from memoryapp.api.contract import WriteRequest
from practice.api.serializers import DEFAULTS, BudgetField
from practice.models import Attempt, Experiment, Overrule
from practice.services.experiments import ALL, NONE, TASKS
from practice.services.runs import ENGINES, LIMITS

CHOSEN = "chosen"


class ExperimentSerializer(serializers.ModelSerializer[Experiment]):
    """``result`` is empty until the run has ended; ``passed`` is null where it gates nothing.

    ``result.compared`` pairs the same tasks under two arms by ``measure``: ``success``, and
    ``clean`` (success without a failed call); the gate looks at both. ``result.bullets`` says of
    each masked label what it adds to success (``effect``, a share of tasks, with its 95 % interval
    ``low`` to ``high``, tasks ``won`` and ``lost`` of ``n``, and McNemar's exact ``p``) and, under
    ``clean``, the same of clean success.
    """

    number = serializers.IntegerField(source="run.number")
    playbook = serializers.CharField(source="run.playbook.slug")
    environment = serializers.CharField(source="run.environment.slug")
    release = serializers.IntegerField(source="release.number", default=None, allow_null=True)
    engine = serializers.CharField(source="run.engine")
    status = serializers.CharField(source="run.status")
    message = serializers.CharField(source="run.message")
    tasks = serializers.IntegerField(source="run.frozen.tasks")
    attempts = serializers.IntegerField(source="run.frozen.attempts")
    attempts_total = serializers.IntegerField()
    attempts_judged = serializers.IntegerField()
    result = serializers.JSONField()
    started_at = serializers.DateTimeField(source="run.started_at")
    ended_at = serializers.DateTimeField(source="run.ended_at")

    class Meta:
        model = Experiment
        fields = (
            "number",
            "playbook",
            "release",
            "digest",
            "environment",
            "engine",
            "status",
            "message",
            "tasks",
            "attempts",
            "masked",
            "is_gate",
            "passed",
            "attempts_total",
            "attempts_judged",
            "result",
            "started_at",
            "ended_at",
        )


class ExperimentRequest(WriteRequest):
    environment = serializers.SlugField()
    playbook = serializers.SlugField()
    release = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        help_text="Its number; without one, what is approved now is measured.",
    )
    engine = serializers.ChoiceField(choices=ENGINES)
    tasks = serializers.IntegerField(default=TASKS, min_value=1, max_value=LIMITS["tasks"])
    attempts = serializers.IntegerField(default=1, min_value=1, max_value=LIMITS["attempts"])
    mask = serializers.ChoiceField(
        choices=[NONE, ALL, CHOSEN],
        default=NONE,
        help_text="Which bullets to leave out, one at a time.",
    )
    bullets = serializers.ListField(
        child=serializers.CharField(max_length=80),
        default=list,
        help_text="Labels, where mask is chosen.",
    )
    step_limit = serializers.IntegerField(
        default=DEFAULTS.step_limit, min_value=1, max_value=LIMITS["step_limit"]
    )
    parallel = serializers.IntegerField(
        default=DEFAULTS.parallel, min_value=1, max_value=LIMITS["parallel"]
    )
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)
    budget = BudgetField()
    is_gate = serializers.BooleanField(default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Labels and the mask must agree, or one of the two was a mistake."""
        if (attrs["mask"] == CHOSEN) != bool(attrs["bullets"]):
            raise serializers.ValidationError(
                {"bullets": ["Name labels where mask is chosen, and nowhere else."]}
            )
        return attrs


class OverruleRequest(WriteRequest):
    label = serializers.ChoiceField(  # type: ignore[assignment]  # a field of that very name
        choices=Attempt.Label.choices
    )
    reason = serializers.CharField(required=False, default="", allow_blank=True, max_length=1_000)


class OverruleSerializer(serializers.ModelSerializer[Overrule]):
    attempt = serializers.IntegerField(source="attempt_id")
    # Another field says what labels there are; one list of choices has one name in the schema.
    was = serializers.CharField(help_text="The validator's label when the person spoke.")
    by = serializers.CharField(source="by.username", default=None, allow_null=True)

    class Meta:
        model = Overrule
        fields = ("attempt", "was", "label", "reason", "by", "created_at", "undone_at")
