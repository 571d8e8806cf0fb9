"""What the API says of environments, runs and attempts."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from practice.domain.rounds import Plan
from practice.domain.validation import Admission
from practice.models import Attempt, Environment, Run, Step
from practice.services.runs import ENGINES, LIMITS

DEFAULTS = Plan()


class EnvironmentSerializer(serializers.ModelSerializer[Environment]):
    """Secrets are never part of it; only their names are."""

    class Meta:
        model = Environment
        fields = (
            "slug",
            "name",
            "transport",
            "command",
            "url",
            "secret_names",
            "status",
            "message",
            "server_name",
            "server_version",
            "checked_at",
        )


class RunSerializer(serializers.ModelSerializer[Run]):
    environment = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    playbook = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)

    class Meta:
        model = Run
        fields = (
            "number",
            "environment",
            "playbook",
            "engine",
            "plan",
            "seed",
            "budget",
            "status",
            "message",
            "started_at",
            "ended_at",
        )


class RunRequest(serializers.Serializer[Any]):
    environment = serializers.SlugField()
    playbook = serializers.SlugField()
    engine = serializers.ChoiceField(choices=ENGINES)
    rounds = serializers.IntegerField(
        default=DEFAULTS.rounds, min_value=1, max_value=LIMITS["rounds"]
    )
    tasks = serializers.IntegerField(default=DEFAULTS.tasks, min_value=1, max_value=LIMITS["tasks"])
    attempts = serializers.IntegerField(
        default=DEFAULTS.attempts, min_value=1, max_value=LIMITS["attempts"]
    )
    step_limit = serializers.IntegerField(
        default=DEFAULTS.step_limit, min_value=1, max_value=LIMITS["step_limit"]
    )
    parallel = serializers.IntegerField(
        default=DEFAULTS.parallel, min_value=1, max_value=LIMITS["parallel"]
    )
    policy = serializers.ChoiceField(choices=[*Admission], default=Admission.FEASIBLE_ONLY)
    seed = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)
    budget = serializers.DecimalField(
        max_digits=10, decimal_places=4, required=False, allow_null=True, default=None
    )


class StepSerializer(serializers.ModelSerializer[Step]):
    class Meta:
        model = Step
        fields = (
            "number",
            "thought",
            "tool",
            "arguments",
            "observation",
            "is_error",
            "started_ms",
            "duration_ms",
            "input_tokens",
            "output_tokens",
        )


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    run = serializers.IntegerField(source="run.number")
    round = serializers.IntegerField(source="task.round.number")
    instruction = serializers.CharField(source="task.instruction")

    class Meta:
        model = Attempt
        fields = (
            "id",
            "run",
            "round",
            "instruction",
            "number",
            "status",
            "message",
            "label",
            "feasibility",
            "feasibility_reason",
            "completion",
            "completion_reason",
            "validator",
            "answer",
            "step_count",
            "error_count",
            "duration_ms",
            "created_at",
        )


class TrajectorySerializer(AttemptSerializer):
    steps = serializers.SerializerMethodField()

    class Meta(AttemptSerializer.Meta):
        fields = (*AttemptSerializer.Meta.fields, "steps")  # type: ignore[assignment]

    def get_steps(self, attempt: Attempt) -> list[dict[str, Any]]:
        """The steps of the try that counts, in order."""
        rows = attempt.steps.filter(try_number=attempt.current_try)
        return list(StepSerializer(rows, many=True).data)
