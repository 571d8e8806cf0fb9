"""Rounds, synthetic tasks, and what proposer memory keeps of them."""

from __future__ import annotations

from django.db import models

from practice.domain import types as domain


class Round(models.Model):
    """One cycle of a run (the paper's word): propose, solve, validate, learn, summarise."""

    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="rounds")
    number = models.PositiveIntegerField()
    #: the playbook every attempt of this round is given, as it stood when the round began.
    playbook = models.JSONField(default=list)
    #: what the proposer was shown, in bounded form: facts, history counts, steering, dropped parts.
    briefing = models.JSONField(default=dict)
    #: what became of each seed task it was given: ``asked``, the ``task`` (its instruction, empty
    #: where none was practised), words left ``unused``, parameters ``added``, and the ``reason``.
    seeds = models.JSONField(default=list, db_default=[])
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="one_round_number")]

    def __str__(self) -> str:
        return f"Round {self.number}"


class PracticeTask(models.Model):
    """One proposed task. A dropped candidate keeps its row and the reason.

    The table has one column more than the model: ``search``, a generated tsvector of the
    instruction, which only ``SearchVectorOf`` reads.
    """

    class Category(models.TextChoices):
        INFEASIBLE = domain.Category.INFEASIBLE.value, "Infeasible"
        UNSOLVED = domain.Category.UNSOLVED.value, "Unsolved"
        BOUNDARY = domain.Category.BOUNDARY.value, "Boundary"
        TRIVIAL = domain.Category.TRIVIAL.value, "Trivial"

    round = models.ForeignKey(Round, models.CASCADE, related_name="tasks", db_index=False)
    number = models.PositiveIntegerField()
    instruction = models.TextField()
    kind = models.CharField(max_length=10)
    intended_tools = models.JSONField(default=list)
    entities = models.JSONField(default=list)
    rationale = models.TextField(blank=True)
    goal = models.JSONField(default=dict)
    drop_reason = models.TextField(blank=True)
    category = models.CharField(max_length=10, choices=Category.choices, blank=True)
    #: kept for experiments: never practised, never in proposer memory.
    is_held_out = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["round", "number"], name="one_task_number")]

    def __str__(self) -> str:
        return self.instruction[:80]

    def as_spec(self) -> domain.TaskSpec:
        return domain.TaskSpec(
            instruction=self.instruction,
            kind="action" if self.kind == "action" else "query",
            intended_tools=tuple(self.intended_tools),
            entities=tuple(self.entities),
            rationale=self.rationale,
            goal=self.goal,
        )


class PracticeRecord(models.Model):
    """One practised task in proposer memory. It outlives its run: the environment remembers."""

    environment = models.ForeignKey(
        "practice.Environment", models.CASCADE, related_name="practice_records"
    )
    task = models.OneToOneField(PracticeTask, models.CASCADE, related_name="record")
    run = models.ForeignKey("practice.Run", models.CASCADE, related_name="records")
    category = models.CharField(max_length=10, choices=PracticeTask.Category.choices)
    used_tools = models.JSONField(default=list)
    #: executed calls in order, each [tool, failed, number of the attempt].
    calls = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    #: the entry of a ``proposer_memory.json`` this record was read from; empty for our own.
    imported = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.category}: {self.task}"

    def as_value(self) -> domain.PracticeRecord:
        return domain.PracticeRecord(
            instruction=self.task.instruction,
            category=domain.Category(self.category),
            intended_tools=tuple(self.task.intended_tools),
            used_tools=tuple(self.used_tools),
            reason=self.reason,
            round=self.task.round.number,
            calls=tuple((call[0], bool(call[1])) for call in self.calls),
            goal=self.task.goal,
        )
