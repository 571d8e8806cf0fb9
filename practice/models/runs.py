"""Runs, their units of work, and the ledger. Rows are the truth; the broker is a doorbell."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.db.models import Max, Sum
from django.urls import reverse

from practice.domain import plans
from practice.domain import rounds as domain
from practice.domain.types import Usage
from practice.models.environments import Environment
from practice.models.work import Work, WorkQuerySet

#: the engine's name on a run that holds imported records only.
IMPORTED = "imported"
#: the role in the ledger of a model that tells how alike tasks are.
EMBEDDING = "embedding"


class RunQuerySet(models.QuerySet["Run"]):
    def create_numbered(self, *, environment: Environment, **columns: Any) -> Run:
        """Create a run with its workspace's next number. Call it inside a transaction."""
        # The row lock keeps two callers from taking one number.
        type(environment.workspace).objects.select_for_update(no_key=True).get(
            pk=environment.workspace_id
        )
        runs = self.filter(workspace=environment.workspace_id)
        newest = runs.aggregate(newest=Max("number"))["newest"] or 0
        return self.create(
            workspace_id=environment.workspace_id,
            number=newest + 1,
            environment=environment,
            **columns,
        )

    def practised(self) -> RunQuerySet:
        """Runs that practised: no experiments, no online runs, none that only holds a file."""
        return self.filter(kind=Run.Kind.PRACTICE).exclude(engine=IMPORTED)

    def unfinished(self) -> RunQuerySet:
        return self.filter(status__in=domain.UNFINISHED)


class Run(models.Model):
    """A campaign of practice rounds. ``plan`` is frozen at the start and never changes."""

    class Status(models.TextChoices):
        RUNNING = domain.RunStatus.RUNNING.value, "Running"
        PAUSED = domain.RunStatus.PAUSED.value, "Paused"
        CANCELLED = domain.RunStatus.CANCELLED.value, "Cancelled"
        FINISHED = domain.RunStatus.FINISHED.value, "Finished"
        FAILED = domain.RunStatus.FAILED.value, "Failed"

    class Kind(models.TextChoices):
        PRACTICE = domain.RunKind.PRACTICE.value, "Practice"
        EXPERIMENT = domain.RunKind.EXPERIMENT.value, "Experiment"
        ONLINE = domain.RunKind.ONLINE.value, "Online continuation"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("memoryapp.Workspace", models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.PRACTICE)
    environment = models.ForeignKey("practice.Environment", models.PROTECT, related_name="runs")
    snapshot = models.ForeignKey(
        "practice.EnvironmentSnapshot", models.PROTECT, null=True, blank=True, related_name="runs"
    )
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="runs")
    engine = models.CharField(max_length=10)
    plan = models.JSONField()
    seed = models.IntegerField(default=0)
    budget = models.DecimalField(max_digits=10, decimal_places=4, null=True, blank=True)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.RUNNING, db_index=True
    )
    message = models.TextField(blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    #: when the workspace's retention dropped the steps, and what models were asked and answered.
    steps_dropped_at = models.DateTimeField(null=True, blank=True)
    calls_dropped_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "number"], name="one_run_number")
        ]

    def __str__(self) -> str:
        return f"{'Experiment' if self.kind == self.Kind.EXPERIMENT else 'Run'} {self.number}"

    def get_absolute_url(self) -> str:
        page = "experiment-detail" if self.kind == self.Kind.EXPERIMENT else "run-detail"
        return reverse(page, args=[self.number])

    @property
    def is_unfinished(self) -> bool:
        return self.status in domain.UNFINISHED

    @property
    def frozen(self) -> plans.Plan:
        return plans.Plan.from_json(self.plan)

    def spent(self) -> Decimal:
        """US dollars in the ledger so far."""
        return self.ledger.aggregate(total=Sum("cost"))["total"] or Decimal(0)

    def uncounted_model(self) -> str:
        """A model whose answers to this run cost nobody knows what; empty where all are counted.

        Calls it did not answer are no reason to end a run with a budget: they are few. Nor are
        those of an embedding model: a round's texts are a small part of what its roles read.
        """
        unknown = (
            self.ledger.filter(cost=None, answered=True).exclude(role=EMBEDDING).order_by("pk")
        )
        return unknown.values_list("model", flat=True).first() or ""

    def move(
        self, *, to: str, frm: set[str], message: str = "", at: datetime | None = None
    ) -> bool:
        """Change the status if it is one of ``frm``; False when it is not any more."""
        changed: dict[str, Any] = {"status": to, "message": message}
        if at is not None:
            changed["ended_at"] = at
        moved = type(self).objects.filter(pk=self.pk, status__in=frm).update(**changed)
        if moved:
            self.refresh_from_db(fields=["status", "message", "ended_at"])
        return bool(moved)


class UnitQuerySet(WorkQuerySet["Unit"]):
    def claim(self, pk: int, *, now: datetime, lease: timedelta) -> Unit | None:
        """Take a unit of a run that is under way, or ``None`` when it is not ours.

        One that opens a session takes one of its environment's slots; where all are taken it stays
        waiting, to be rung for again when one is free.
        """
        for is_second_look in (False, True):
            with transaction.atomic():
                if self._has_slot(pk, alive_since=now - lease):
                    free = self.free(now, lease).filter(pk=pk, run__status=Run.Status.RUNNING)
                    taken = free.take(now)
                    return self.select_related("run").get(pk=pk) if taken else None
                if not is_second_look:
                    # Looked at again once this is stored: whoever frees a slot later will see it.
                    self.filter(pk=pk, status=Unit.Status.WAITING).update(dispatched_at=None)
        return None

    def _has_slot(self, pk: int, *, alive_since: datetime) -> bool:
        """Whether the unit may open a session; its environment stays locked until it has claimed.

        A unit whose worker fell silent holds no slot: its session died with the worker.
        """
        environment = (
            Environment.objects.select_for_update(of=("self",), no_key=True)
            .filter(runs__units__pk=pk, runs__units__stage=domain.Stage.SOLVE)
            .only("slots")
            .first()
        )
        if environment is None:
            return True
        others = self.open_sessions(environment, alive_since).exclude(pk=pk)
        return others.count() < environment.slots

    def open_sessions(self, environment: Environment, alive_since: datetime) -> UnitQuerySet:
        """Units of any run that work in an environment now."""
        return self.filter(
            stage=domain.Stage.SOLVE,
            run__environment=environment,
            status=Unit.Status.RUNNING,
            heartbeat_at__gte=alive_since,
        )


class Unit(Work):
    """One piece of a run's work, done by one worker at a time."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="units", db_index=False)
    stage = models.CharField(max_length=12, choices=[(s.value, s.value) for s in domain.Stage])
    round = models.PositiveIntegerField()
    target = models.PositiveBigIntegerField(default=0, help_text="Attempt or task, by stage.")

    objects = UnitQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "stage", "round", "target"], name="one_unit_per_piece_of_work"
            )
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.round}/{self.target}"

    def as_value(self) -> domain.UnitState:
        return domain.UnitState(
            id=self.pk,
            stage=domain.Stage(self.stage),
            round=self.round,
            target=self.target,
            status=self.status,
            tries=self.tries,
            heartbeat_at=self.heartbeat_at,
            dispatched_at=self.dispatched_at,
            not_before=self.not_before,
        )


class LedgerEntry(models.Model):
    """Tokens and money of one role call. ``cost`` is null where the price is unknown."""

    run = models.ForeignKey(Run, models.CASCADE, related_name="ledger")
    unit = models.ForeignKey(Unit, models.CASCADE, related_name="ledger")
    role = models.CharField(max_length=20)
    model = models.CharField(max_length=100)
    requests = models.PositiveIntegerField(default=0)
    input_tokens = models.PositiveIntegerField(default=0)
    output_tokens = models.PositiveIntegerField(default=0)
    cached_tokens = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True)
    #: false where nothing came back: a provider may have counted all the same.
    answered = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.role} {self.cost}"

    @classmethod
    def from_usage(cls, unit: Unit, usage: Usage) -> LedgerEntry:
        return cls(
            run_id=unit.run_id,
            unit=unit,
            role=usage.role,
            model=usage.model,
            requests=usage.requests,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_tokens=usage.cached_tokens,
            cost=usage.cost,
        )
