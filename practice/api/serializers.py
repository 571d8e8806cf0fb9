"""What the API says of environments, runs and attempts."""

from __future__ import annotations

from dataclasses import asdict, fields
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from memoryapp.api.contract import WriteRequest
from practice.domain.plans import Plan
from practice.domain.validation import MAX_VOTES, Admission
from practice.models import Attempt, Lesson, Run, Step
from practice.queries.progress import attempts_done, seed_outcomes
from practice.services.runs import ENGINES, LIMITS
from practice.services.switches import MAX_HELD_OUT, MAX_PATIENCE, VERIFY, Switches, refused_by

DEFAULTS = Plan()
VOTES = range(1, MAX_VOTES + 1, 2)


class BudgetField(serializers.DecimalField):
    """What a run may cost, in US dollars; null for no limit."""

    default_error_messages = {
        "min_value": "A budget must be above $0.00; leave it out for no limit."
    }

    def __init__(self) -> None:
        super().__init__(
            max_digits=10,
            decimal_places=4,
            min_value=Decimal("0.0001"),
            required=False,
            allow_null=True,
            default=None,
        )


class RunSerializer(serializers.ModelSerializer[Run]):
    environment = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    playbook = serializers.SlugRelatedField[Any](slug_field="slug", read_only=True)
    snapshot = serializers.SlugRelatedField[Any](
        slug_field="number", read_only=True, allow_null=True
    )

    class Meta:
        model = Run
        fields = (
            "number",
            "kind",
            "environment",
            "snapshot",
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


class ProgressSerializer(serializers.Serializer[Any]):
    """Attempts made to their end, of those planned; cancelled ones do not count."""

    done = serializers.IntegerField()
    total = serializers.IntegerField()


class SeedSerializer(serializers.Serializer[Any]):
    """What became of a seed task: practised as ``task``, or not for a ``reason``."""

    round = serializers.IntegerField()
    asked = serializers.CharField()
    task = serializers.CharField(help_text="What is practised for it; empty where nothing is.")
    unused = serializers.ListField(
        child=serializers.CharField(), help_text="Words of it that the task leaves out."
    )
    added = serializers.ListField(
        child=serializers.CharField(), help_text="Parameters whose values it does not state."
    )
    reason = serializers.CharField()


class RunDetailSerializer(RunSerializer):
    progress = serializers.SerializerMethodField()
    seed_tasks = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = (*RunSerializer.Meta.fields, "progress", "seed_tasks")  # type: ignore[assignment]

    @extend_schema_field(SeedSerializer(many=True))
    def get_seed_tasks(self, run: Run) -> list[dict[str, Any]]:
        """What became of the seed tasks operators gave."""
        return seed_outcomes(run)

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: Run) -> dict[str, int]:
        done, total = attempts_done(run)
        return {"done": done, "total": total}


class SwitchesRequest(WriteRequest):
    """What a run does beyond the paper. Valid, it is one ``switches`` value."""

    faithful = serializers.BooleanField(
        default=False,
        help_text="Run as the paper's code does: no switch below may be asked for.",
    )
    verify = serializers.ChoiceField(
        choices=VERIFY,
        default="",
        help_text="Lessons must win 2 (lite) or 3 (strict) trials in a row before review.",
    )
    consolidate = serializers.BooleanField(
        default=False, help_text="Propose to merge, reword and retire bullets after each round."
    )
    band = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1),
        default=list,
        max_length=2,
        help_text="Wanted share of successes, low and high, such as [0.3, 0.7]; empty for none.",
    )
    patience = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=MAX_PATIENCE,
        help_text="End after this many rounds in a row that brought nothing new; 0 never does.",
    )
    held_out = serializers.IntegerField(
        default=0,
        min_value=0,
        max_value=MAX_HELD_OUT,
        help_text="Held-out tasks tried with the draft after each round.",
    )
    votes = serializers.ChoiceField(
        choices=VOTES, default=1, help_text="Votes per verdict; more than 1 needs a model."
    )
    drift_watch = serializers.BooleanField(
        default=True, help_text="Mark bullets stale when a tool they cite changes under the run."
    )
    condense = serializers.BooleanField(
        default=False, help_text="Have the model sum up long observations instead of cutting them."
    )
    focus = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=list,
        max_length=100,
        help_text="Names of tools to practise first.",
    )

    def validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Turn the switches into one value; refuse what the chosen engine cannot do."""
        given: dict[str, Any] = {f.name: asked.pop(f.name) for f in fields(Switches)}
        band, focus = tuple(given.pop("band")), tuple(dict.fromkeys(given.pop("focus")))
        if band and (len(band) != 2 or band[0] >= band[1]):
            raise serializers.ValidationError({"band": ["Give two shares, the lower one first."]})
        switches = Switches(band=band, focus=focus, **given)
        if switches.faithful and (beyond := self._asked_beyond(switches)):
            why = "Faithful to the paper it is off. Leave it out, or turn faithful off."
            raise serializers.ValidationError({name: [why] for name in beyond})
        if refused := refused_by(asked["engine"], switches):
            raise serializers.ValidationError({name: [why] for name, why in refused.items()})
        return {**asked, "switches": switches}

    def _asked_beyond(self, switches: Switches) -> list[str]:
        """Return the switches that were asked for by name, beyond the paper."""
        off = asdict(Switches(faithful=True))
        return [n for n, v in asdict(switches).items() if v != off[n] and n in self.initial_data]


class RunRequest(SwitchesRequest):
    environment = serializers.SlugField()
    snapshot = serializers.IntegerField(
        required=False,
        allow_null=True,
        default=None,
        min_value=1,
        help_text="Number of the environment's snapshot to begin from.",
    )
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
    budget = BudgetField()


class StepSerializer(serializers.ModelSerializer[Step]):
    is_head = serializers.BooleanField(
        help_text="Whether `observation` is only the beginning of what the agent read."
    )
    text_bytes = serializers.IntegerField(
        source="text.size",
        default=None,
        allow_null=True,
        help_text="Size of all the tool answered, where `observation` is not all of it; read it "
        "at `attempts/{id}/steps/{number}/text`.",
    )

    class Meta:
        model = Step
        fields = (
            "number",
            "thought",
            "tool",
            "arguments",
            "observation",
            "is_head",
            "text_bytes",
            "is_error",
            "started_ms",
            "duration_ms",
            "input_tokens",
            "output_tokens",
            "cost",
            "parent",
        )
        extra_kwargs = {
            "cost": {
                "help_text": "US dollars for the model call that asked for it; of several steps, "
                "on the first. Null where nobody knows."
            },
            "parent": {
                "help_text": "The number of the step that started it, such as that of a subagent."
            },
        }


class StepTextSerializer(serializers.Serializer[Any]):
    """All of what a tool answered in one step."""

    number = serializers.IntegerField()
    text = serializers.CharField()
    bytes = serializers.IntegerField(help_text="Of UTF-8.")
    sha256 = serializers.CharField()


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    run = serializers.IntegerField(source="run.number")
    round = serializers.IntegerField(source="task.round.number")
    instruction = serializers.CharField(source="task.instruction")
    arm = serializers.CharField(
        source="arm.name", default=None, allow_null=True, help_text="The memory a trial was given."
    )

    class Meta:
        model = Attempt
        fields = (
            "id",
            "run",
            "round",
            "instruction",
            "arm",
            "number",
            "status",
            "message",
            "label",
            "feasibility",
            "feasibility_reason",
            "completion",
            "completion_reason",
            "validator",
            "truth",
            "answer",
            "cost",
            "step_count",
            "error_count",
            "duration_ms",
            "created_at",
        )
        extra_kwargs = {
            "cost": {
                "help_text": "US dollars, as a deployed agent says that all of it cost; null where "
                "it does not, and in practice, whose calls have costs of their own."
            },
        }


class TrajectorySerializer(AttemptSerializer):
    steps = serializers.SerializerMethodField()
    steps_dropped_at = serializers.DateTimeField(
        source="run.steps_dropped_at",
        read_only=True,
        allow_null=True,
        help_text="Since when there are no steps, by the workspace's retention; null while kept.",
    )

    class Meta(AttemptSerializer.Meta):
        fields = (*AttemptSerializer.Meta.fields, "votes", "steps", "steps_dropped_at")  # type: ignore[assignment]

    def get_steps(self, attempt: Attempt) -> list[dict[str, Any]]:
        """The steps of the try that counts, in order."""
        rows = attempt.steps.filter(try_number=attempt.current_try).select_related("text")
        return list(StepSerializer(rows, many=True).data)


class TrialSerializer(serializers.ModelSerializer[Attempt]):
    arm = serializers.CharField(
        source="arm.kind", help_text="The memory it had: lesson, before or after."
    )
    instruction = serializers.CharField(source="task.instruction")
    url = serializers.CharField(source="get_absolute_url", help_text="Page of the trajectory.")

    class Meta:
        model = Attempt
        fields = (
            "id",
            "arm",
            "number",
            "instruction",
            "status",
            "label",
            "completion_reason",
            "step_count",
            "error_count",
            "url",
        )


class LessonSerializer(serializers.ModelSerializer[Lesson]):
    """A proposed operation and what its trials said. ``result`` counts wins and trials."""

    attempt = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    candidate = serializers.PrimaryKeyRelatedField[Any](read_only=True)
    trials = serializers.SerializerMethodField()

    class Meta:
        model = Lesson
        fields = (
            "id",
            "round",
            "number",
            "kind",
            "status",
            "op",
            "section",
            "content",
            "targets",
            "reason",
            "wins_needed",
            "result",
            "message",
            "attempt",
            "candidate",
            "trials",
            "created_at",
            "settled_at",
        )

    @extend_schema_field(TrialSerializer(many=True))
    def get_trials(self, lesson: Lesson) -> list[dict[str, Any]]:
        """Every trial in the order it was queued."""
        found = [trial for arm in lesson.arms.all() for trial in arm.attempts.all()]
        return list(TrialSerializer(sorted(found, key=lambda t: t.pk), many=True).data)
