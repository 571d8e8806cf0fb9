"""Attempts and their steps: the trajectories."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse

from practice.domain import types as domain
from practice.domain.faithful import Judgement
from practice.domain.validation import Judged


class Attempt(models.Model):
    """One solver's try at one task.

    ``infrastructure_error`` is a state of its own: retried, never judged, never in proposer memory.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        FINISHED = "finished", "Finished"
        STEP_LIMIT = "step_limit", "Step limit"
        INFRASTRUCTURE_ERROR = "infrastructure_error", "Infrastructure error"
        CANCELLED = "cancelled", "Cancelled"
        VALIDATED = "validated", "Validated"
        ADMITTED = "admitted", "Admitted"
        NOT_ADMITTED = "not_admitted", "Not admitted"
        CURATED = "curated", "Curated"

    class Label(models.TextChoices):
        SUCCESS = domain.Label.SUCCESS.value, "Success"
        FAILURE = domain.Label.FAILURE.value, "Failure"
        INFEASIBLE = domain.Label.INFEASIBLE.value, "Infeasible"

    task = models.ForeignKey(
        "practice.PracticeTask", models.CASCADE, related_name="attempts", db_index=False
    )
    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="attempts")
    #: the memory a trial was given; empty for practice, which gets the round's playbook.
    arm = models.ForeignKey(
        "practice.Arm", models.CASCADE, null=True, blank=True, related_name="attempts"
    )
    number = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    message = models.TextField(blank=True)
    #: which try the steps and the answer belong to; earlier tries stay for inspection.
    current_try = models.PositiveIntegerField(default=0)
    answer = models.TextField(blank=True)
    outcome = models.CharField(max_length=10, blank=True)
    label = models.CharField(max_length=10, choices=Label.choices, blank=True, db_index=True)
    feasibility = models.PositiveSmallIntegerField(null=True, blank=True)
    feasibility_reason = models.TextField(blank=True)
    completion = models.PositiveSmallIntegerField(null=True, blank=True)
    completion_reason = models.TextField(blank=True)
    confidence = models.FloatField(null=True, blank=True)
    checks = models.JSONField(default=list)
    validator = models.CharField(max_length=100, blank=True)
    #: single opinions behind the verdict, as ``Vote`` writes them.
    votes = models.JSONField(default=list)
    #: whether the environment's own checker says it succeeded; None where there is no checker.
    truth = models.BooleanField(null=True, blank=True)
    is_representative = models.BooleanField(default=False)
    reflection = models.JSONField(default=dict)
    duration_ms = models.PositiveIntegerField(default=0)
    #: what a deployed agent says that all of it cost, in US dollars; what calls of ours cost is
    #: theirs to say.
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    step_count = models.PositiveIntegerField(default=0)
    error_count = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["label", "-id"], name="attempt_label"),
            models.Index(fields=["status", "-id"], name="attempt_status"),
            models.Index(fields=["outcome", "-id"], name="attempt_outcome"),
            models.Index(fields=["created_at"], name="attempt_made"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["task", "arm", "number"],
                nulls_distinct=False,
                name="one_attempt_number",
            )
        ]

    def __str__(self) -> str:
        return f"Attempt {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("trajectory-detail", args=[self.pk])

    def as_trajectory(self, *, whole: bool = True) -> domain.Trajectory:
        """The steps of the current try, as the validator and the reflector read them.

        Raises:
            ObservationUnreadable: an answer that is an object cannot be read. Never without
                ``whole``, which stands for what the rows hold.
        """
        steps = self.steps.filter(try_number=self.current_try).select_related("text")
        return domain.Trajectory(
            steps=tuple(step.as_value(whole=whole) for step in steps),
            answer=self.answer,
            outcome=domain.Outcome(self.outcome or domain.Outcome.FINISHED),
        )

    @property
    def steps_gone(self) -> str:
        """Why there are no steps to look at any more, as a sentence; empty while there are."""
        if self.run.steps_dropped_at is None:
            return ""
        return f"The steps of trajectory {self.pk} were dropped, as Settings, Retention says."

    def as_judged(self) -> Judged:
        """A validated attempt as admission looks at it."""
        return Judged(
            trajectory=self.as_trajectory(),
            verdict=domain.Verdict(
                feasibility=self.feasibility or 1,
                feasibility_reason=self.feasibility_reason,
                completion=self.completion or 1,
                completion_reason=self.completion_reason,
            ),
        )

    def as_judgement(self) -> Judgement:
        """Its scores and reasons, as the paper's rules look at them."""
        return Judgement(
            feasibility=self.feasibility or 1,
            completion=self.completion or 1,
            feasibility_reason=self.feasibility_reason,
            completion_reason=self.completion_reason,
        )


class Overrule(models.Model):
    """A person's word against a verdict. The newest one that stands is the label people see."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="overrules")
    label = models.CharField(max_length=10, choices=Attempt.Label.choices)
    reason = models.TextField(blank=True)
    #: the validator's label when the person spoke.
    was = models.CharField(max_length=10, choices=Attempt.Label.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.was} → {self.label}"


class Step(models.Model):
    """One executed tool call, written as it happened and never changed."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="steps", db_index=False)
    try_number = models.PositiveIntegerField(default=1)
    number = models.PositiveIntegerField()
    thought = models.TextField(blank=True)
    tool = models.CharField(max_length=200)
    arguments = models.JSONField(default=dict)
    observation = models.TextField(blank=True)
    #: the object that holds all of the answer, where the row does not.
    text = models.ForeignKey(
        "practice.StoredText",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="steps",
        db_index=False,
    )
    #: whether ``observation`` is only the beginning of what the agent read, which is ``text`` then.
    is_head = models.BooleanField(default=False, db_default=False)
    is_error = models.BooleanField(default=False)
    started_ms = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    #: US dollars for the model call that these tokens are of; null where nobody knows.
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    #: the number of the step that started it, where one did, such as that of a subagent.
    parent = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["attempt", "try_number", "number"]
        indexes = [
            models.Index(fields=["tool", "-attempt"], name="step_tool"),
            models.Index(fields=["text"], name="step_text", condition=Q(text__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "try_number", "number"], name="one_step_number_per_try"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.tool}"

    def read(self) -> str:
        """What the agent read, wherever it stands.

        Raises:
            ObservationUnreadable: it is an object, and that is gone or cannot be reached.
        """
        return self.text.read() if self.is_head and self.text else self.observation

    @property
    def row_text(self) -> str:
        """What the row holds of it, and where that is not all, which text the rest is."""
        if not (self.is_head and self.text):
            return self.observation
        more = f"[the beginning of {self.text.size:,} bytes, SHA-256 {self.text.digest[:12]}]"
        return f"{self.observation}\n{more}"

    def as_value(self, *, whole: bool = True) -> domain.Step:
        """The step as agents and rules look at it; without ``whole``, as far as the row holds it.

        Raises:
            ObservationUnreadable: see ``read``.
        """
        return domain.Step(
            number=self.number,
            tool=self.tool,
            arguments=self.arguments,
            observation=self.read() if whole else self.row_text,
            is_error=self.is_error,
            thought=self.thought,
            started_ms=self.started_ms,
            duration_ms=self.duration_ms,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost=self.cost,
        )
