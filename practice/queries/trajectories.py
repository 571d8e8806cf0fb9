"""Attempts by filter, and the place of one among those that match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum

from memoryapp.models import Workspace
from memoryapp.models.entries import SearchVectorOf, search_query
from memoryapp.queries.asked import Asked, on_day
from memoryapp.queries.facets import first_facets
from practice.domain import faithful
from practice.domain.prices import Total, total
from practice.domain.rounds import Stage
from practice.models import Attempt, AttemptTally, PracticeTask, Run, Step

#: What a list shows of attempts; their plans, checks and verdicts are most of their rows.
LISTED = (
    "label",
    "status",
    "outcome",
    "feasibility",
    "completion",
    "duration_ms",
    "step_count",
    "error_count",
    "created_at",
    "ended_at",
    "task__instruction",
    "task__intended_tools",
    "task__round__number",
    "run__number",
    "run__kind",
    "arm__kind",
    "arm__name",
)
#: What surrounds an attempt and no page about it shows: whole playbooks, briefings, secrets.
HEAVY = (
    *(f"task__round__{column}" for column in ("playbook", "briefing", "seeds")),
    *(f"run__environment__{column}" for column in ("arguments", "options", "secrets")),
    "arm__playbook",
)
#: The label filter's word for attempts no validator has judged.
UNJUDGED = "unjudged"
#: The arm filter's words: attempts of experiments and lesson trials, or those and practice.
TRIALS, BOTH = "trials", "all"


@dataclass(frozen=True, slots=True)
class TrajectoryFilter(Asked):
    """What a query string asks for; empty fields ask for nothing."""

    label: str = ""
    run: str = ""
    environment: str = ""
    status: str = ""
    tool: str = ""
    q: str = ""
    #: empty asks for practice alone, ``trials`` for attempts under an arm, ``all`` for both.
    arm: str = ""
    #: made on this day, as 2026-11-25 in the time zone of the product.
    day: str = ""

    def apply(self, workspace: Workspace) -> QuerySet[Attempt]:
        """The attempts of a workspace that match, newest first, with what a list shows of them."""
        found = Attempt.objects.filter(run__workspace=workspace)
        if self.label == UNJUDGED:
            found = found.filter(label="")
        elif self.label:
            found = found.filter(label=self.label)
        if self.run:
            found = found.filter(run__number=self.run) if self.run.isdecimal() else found.none()
        if self.environment:
            found = found.filter(run__environment__slug=self.environment)
        if self.status == Attempt.Status.STEP_LIMIT:
            # A judged attempt has moved on to another status; how it stopped stays.
            found = found.filter(outcome=Attempt.Status.STEP_LIMIT)
        elif self.status:
            found = found.filter(status=self.status)
        if self.tool:
            found = found.filter(_calls(self.tool))
        if self.arm == TRIALS:
            found = found.exclude(arm=None)
        elif self.arm != BOTH:
            # Who asks for an experiment by its number asks for trials.
            practised = Q(arm=None)
            if self.run:
                practised |= Q(run__kind=Run.Kind.EXPERIMENT)
            found = found.filter(practised)
        if self.day:
            found = on_day(found, "created_at", self.day)
        if self.q:
            found = found.filter(task__in=_tasks_with(self.q))
        found = found.select_related("task__round", "run", "arm").only(*LISTED)
        return found.order_by("-pk")


#: tasks up to which a search names them to the database, which takes a rare word for a common one
#: and would look for it from attempt to attempt.
FEW = 200


def _tasks_with(words: str) -> QuerySet[Any, Any] | list[int]:
    """The tasks that hold every one of the words: their keys where they are few."""
    tasks = PracticeTask.objects.alias(words=SearchVectorOf("pk")).filter(words=search_query(words))
    keys = tasks.order_by().values_list("pk", flat=True)
    few = list(keys[: FEW + 1])
    return few if len(few) <= FEW else keys


#: steps up to which their attempts are named to the database. Of a rare tool it knows a share by
#: luck, and with bad luck looks for it from attempt to attempt.
FEW_STEPS = 1_000


def _calls(tool: str) -> Q | Exists:
    """The attempts with a step that called the tool: by their keys where the steps are few."""
    steps = Step.objects.filter(tool=tool).order_by()
    few = list(steps.values_list("attempt", flat=True)[: FEW_STEPS + 1])
    if len(few) <= FEW_STEPS:
        return Q(pk__in=set(few))
    return Exists(steps.filter(attempt=OuterRef("pk")))


#: rows that are counted while somebody waits for the page, where no tally holds the total.
COUNTED = 2_000


@dataclass(frozen=True, slots=True)
class AttemptCounts:
    """The total of a filter, and what choosing each label would show.

    ``is_exact`` is false where counting stopped at ``COUNTED``: there are more than ``total``.
    """

    total: int
    labels: Counter[str]
    is_exact: bool = True


def attempt_counts(
    workspace: Workspace, asked: TrajectoryFilter, *, count_all: bool = False
) -> AttemptCounts:
    """Count a filter. ``count_all`` counts every row, however long that takes."""
    if not (asked.tool or asked.q or asked.day):
        labels = _from_tallies(workspace, asked)
    else:
        limit = None if count_all else COUNTED + 1
        found = asked.changed(label="").apply(workspace).order_by().values_list("label")
        labels = Counter(
            dict(
                first_facets(found, ["label"], limit)
                if limit
                else found.annotate(total=Count("pk"))
            )
        )
        if limit and labels.total() > COUNTED:
            return AttemptCounts(COUNTED, Counter(), is_exact=False)
    labels[UNJUDGED] = labels.pop("", 0)
    return AttemptCounts(labels[asked.label] if asked.label else labels.total(), labels)


def _from_tallies(workspace: Workspace, asked: TrajectoryFilter) -> Counter[str]:
    """Attempts per label where run, environment, status and arm are all that is asked."""
    parts = AttemptTally.objects.filter(workspace=workspace)
    run = None
    if asked.run:
        number = int(asked.run) if asked.run.isdecimal() and len(asked.run) < 10 else 0
        run = workspace.runs.select_related("environment").filter(number=number).first()
        if run is None or asked.environment not in {"", run.environment.slug}:
            return Counter()
        parts = parts.filter(run=run, environment=run.environment_id)
    elif asked.environment:
        found = workspace.environments.filter(slug=asked.environment).first()
        if found is None:
            return Counter()
        parts = parts.filter(environment=found, run=None)
    else:
        parts = parts.filter(environment=None, run=None)
    if asked.status == Attempt.Status.STEP_LIMIT:
        parts = parts.filter(outcome=Attempt.Status.STEP_LIMIT)
    elif asked.status:
        parts = parts.filter(status=asked.status)
    if asked.arm == TRIALS:
        parts = parts.filter(is_trial=True)
    elif asked.arm != BOTH and not (run and run.kind == Run.Kind.EXPERIMENT):
        parts = parts.filter(is_trial=False)
    summed = parts.order_by().values_list("label").annotate(total=Sum("amount"))
    return Counter({label: total for label, total in summed if total})


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """Attempts newest first; ``newer`` and ``older`` are keys to go on from, 0 where none is."""

    rows: Sequence[Attempt]
    newer: int = 0
    older: int = 0


def attempt_page(
    found: QuerySet[Attempt], *, older_than: int = 0, newer_than: int = 0, size: int
) -> AttemptPage:
    """The page of a filter beside an attempt that was seen, or the first one."""
    if newer_than:
        rows = list(found.filter(pk__gt=newer_than).order_by("pk")[: size + 1])
        more, rows = len(rows) > size, rows[:size][::-1]
        return AttemptPage(rows, rows[0].pk if rows and more else 0, rows[-1].pk if rows else 0)
    rows = list((found.filter(pk__lt=older_than) if older_than else found)[: size + 1])
    more, rows = len(rows) > size, rows[:size]
    newer = rows[0].pk if rows and older_than else 0
    return AttemptPage(rows, newer, rows[-1].pk if more else 0)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt stands in a filtered list.

    ``position`` is 0 when it does not match, and when more than ``COUNTED`` newer ones do; whether
    it matches is ``inside``.
    """

    position: int
    counts: AttemptCounts
    inside: bool
    previous: Attempt | None
    next: Attempt | None


def place_of(attempt: Attempt, workspace: Workspace, asked: TrajectoryFilter) -> Place:
    """Find the neighbors of ``attempt`` in a list ordered newest first."""
    # Of the neighbours a page needs their addresses.
    found = asked.apply(workspace).select_related(None).only("pk")
    newer, older = found.filter(pk__gt=attempt.pk), found.filter(pk__lt=attempt.pk)
    inside = found.filter(pk=attempt.pk).exists()
    before = newer.order_by("pk").values("pk")[: COUNTED + 1].count() if inside else 0
    return Place(
        position=before + 1 if inside and before <= COUNTED else 0,
        counts=attempt_counts(workspace, asked),
        inside=inside,
        previous=newer.order_by("pk").first(),
        next=older.first(),
    )


def why_unlearned(attempt: Attempt) -> str:
    """Why a judged attempt gave rise to no candidate; empty where nothing in it was new."""
    if attempt.arm_id is not None:
        return "A trial teaches nothing: it shows what a memory is worth."
    run, judged = attempt.run, Attempt.Status
    if attempt.status == judged.NOT_ADMITTED and run.frozen.faithful:
        tried = attempt.task.attempts.filter(arm=None).exclude(label="").order_by("pk")
        found = faithful.diagnose(
            [each.as_judgement() for each in tried],
            planned=run.frozen.attempts,
            policy=run.frozen.policy,
        )
        return _by_the_paper(found)
    if attempt.status == judged.ADMITTED:
        unit = run.units.filter(stage=Stage.LEARN, target=attempt.pk).first()
        if unit is None:
            return "Another attempt at its task was learned from."
        return (
            f"Learning from it failed: {unit.message}" if unit.status == unit.Status.FAILED else ""
        )
    return ""


def _by_the_paper(found: faithful.Diagnosis) -> str:
    if found.invalid:
        return "Faithful to the paper, a task that an attempt found infeasible teaches nothing."
    if found.category in ("trivial", "unsolved_feasible"):
        alike = "succeeded, so it is trivial" if found.successes else "failed"
        return (
            "Faithful to the paper, a task with several attempts teaches only where some succeed "
            f"and some fail (here: missing mixed outcomes). All of this one {alike}."
        )
    return "Faithful to the paper and its policy here, only an attempt that succeeds teaches."


def steps_by_try(attempt: Attempt) -> tuple[list[Step], list[tuple[int, list[Step]]]]:
    """The steps of the try that counts, and earlier tries (newest first) with theirs."""
    tries: dict[int, list[Step]] = {}
    for step in attempt.steps.select_related("text").order_by("try_number", "number"):
        tries.setdefault(step.try_number, []).append(step)
    current = tries.pop(attempt.current_try, [])
    return current, sorted(tries.items(), reverse=True)


def cost_of_attempt(attempt: Attempt, steps: Iterable[Step]) -> Total | None:
    """What it cost, as its agent says, else what its steps add up to; ``None`` if nobody knows."""
    if attempt.cost is not None:
        return Total(attempt.cost)
    paid = [step for step in steps if step.input_tokens or step.output_tokens or step.cost]
    found = total(step.cost for step in paid)
    return None if found.is_unknown or not paid else found
