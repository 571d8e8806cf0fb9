"""Trajectories: every attempt by filter, and one of them step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.excerpts import laid_out
from memoryapp.domain.text import looks_like_instruction, task_reads_like_order
from memoryapp.models import Bullet, Candidate, Evidence, Workspace
from memoryapp.queries.origins import bullets_of, evidence_from
from memoryapp.queries.playbooks import DRAFT, drafts_named
from memoryapp.templatetags.formats import arguments
from memoryapp.views.links import Chip, changed, chips, parameter
from memoryapp.views.review_checks import check_name
from memoryapp.views.saved_views import saved_views
from practice.domain.comparing import Likeness, compare
from practice.domain.types import COMPLETION_GATE, FEASIBILITY_GATE
from practice.models import Attempt, EnvironmentTool, Step
from practice.queries.calls import spent_on
from practice.queries.overrules import standing, standing_label
from practice.queries.trajectories import (
    BOTH,
    HEAVY,
    TRIALS,
    UNJUDGED,
    TrajectoryFilter,
    attempt_counts,
    attempt_page,
    cost_of_attempt,
    place_of,
    steps_by_try,
    why_unlearned,
)
from practice.services.observations import step_text
from practice.views.attempt_tree import phases
from practice.views.paging import PAGE_SIZE
from practice.views.states import shown_state

#: labels for which one may ask what decided them.
FAILED = (Attempt.Label.FAILURE, Attempt.Label.INFEASIBLE)
LABELS = [*Attempt.Label.choices, (UNJUDGED, "Not judged")]


@require_safe
@gate(Right.READ)
def trajectory_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = TrajectoryFilter.from_query(request.GET)
    found = asked.apply(workspace).annotate(overruled=standing_label())
    page = attempt_page(
        found,
        older_than=_key(request, "after"),
        newer_than=_key(request, "before"),
        size=PAGE_SIZE,
    )
    counts = attempt_counts(workspace, asked, count_all=parameter(request, "counts") == "all")
    query = asked.as_query()
    context = {
        "rows": [(attempt, shown_state(attempt)) for attempt in page.rows],
        "asked": asked,
        "query": query,
        "is_filtered": bool(query),
        "counts": counts,
        "chips": chips(request, "label", LABELS, counts.labels) if counts.is_exact else (),
        "count_all_url": with_more(query, counts="all"),
        "first_url": with_more(query),
        "previous_url": with_more(query, before=str(page.newer)) if page.newer else "",
        "next_url": with_more(query, after=str(page.older)) if page.older else "",
        **saved_views(request, "trajectory-list", query),
        "statuses": Attempt.Status.choices,
        "kinds": [("", "Practice"), (TRIALS, "Trials and experiments"), (BOTH, "All attempts")],
        **_choices(workspace, asked),
    }
    return render(request, "practice/trajectory_list.html", context)


#: runs offered in the select; older ones are reached from their own list.
RUNS_OFFERED = 30


def with_more(query: str, **more: str) -> str:
    """The list's address with its filter and something besides."""
    extra = "&".join(f"{name}={value}" for name, value in more.items())
    joined = "&".join(part for part in (query.lstrip("?"), extra) if part)
    url = reverse("trajectory-list")
    return f"{url}?{joined}" if joined else url


def _key(request: HttpRequest, name: str) -> int:
    """The key of an attempt in the address; 0 for anything else."""
    asked = parameter(request, name)
    return int(asked) if asked.isdecimal() and len(asked) <= 18 else 0


def _choices(workspace: Workspace, asked: TrajectoryFilter) -> dict[str, Any]:
    tools = EnvironmentTool.objects.filter(environment__workspace=workspace)
    # The key of the workspace is fetched as well: a related manager asks each row for it.
    runs = workspace.runs.only("number", "kind", "workspace").order_by("-number")
    offered = list(runs[:RUNS_OFFERED])
    if asked.run.isdecimal() and asked.run not in {str(run.number) for run in offered}:
        offered += runs.filter(number=int(asked.run[:9]))
    names = tools.order_by("name").values_list("name", flat=True).distinct()
    return {
        "environments": workspace.environments.order_by("name").values_list("slug", "name"),
        "runs": [(run.number, run) for run in offered],
        "tools": [(name, name) for name in names],
    }


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with its observation laid out. ``raw`` is set where that differs from the text."""

    step: Step
    observation: str
    raw: str
    #: candidates that cite it, each with the labels of the bullets it made or changed.
    cited_by: Sequence[tuple[Candidate, str]] = ()
    #: checks of the verdict that failed on it; those that passed name their steps themselves.
    checks: Sequence[str] = ()
    #: how often the words somebody looks for occur in it.
    matches: int = 0
    #: phrases of the answer that read like orders to a model.
    orders: tuple[str, ...] = ()

    @property
    def is_cited(self) -> bool:
        return bool(self.cited_by)

    @property
    def tokens(self) -> int:
        return self.step.input_tokens + self.step.output_tokens


@dataclass(frozen=True, slots=True)
class Had:
    """A bullet the attempt was given, and what its reflection says of it.

    One that its run had only proposed has no label; its proposal may be gone by now.
    """

    tag: str
    label: str
    proposal: Candidate | None


@require_safe
@gate(Right.READ)
def trajectory_detail(request: HttpRequest, pk: int) -> HttpResponse:
    workspace = workspace_of(request)
    asked = TrajectoryFilter.from_query(request.GET)
    rows = Attempt.objects.filter(run__workspace=workspace).select_related(
        "task__round", "run__environment", "run__playbook", "arm"
    )
    attempt = object_or_404(rows.defer(*HEAVY), pk=pk)
    steps, earlier = steps_by_try(attempt)
    evidence = list(evidence_from(workspace, attempt.get_absolute_url()))
    candidates = {row.candidate_id: row.candidate for row in evidence}
    became = bullets_of(list(candidates.values()))
    others = attempt.task.attempts.exclude(pk=attempt.pk).select_related("arm").order_by("pk")
    spent = spent_on(attempt)
    find = parameter(request, "find")[:200]
    shown = _with_links(steps, evidence, attempt.checks, find, became)
    is_tree = parameter(request, "view") == "tree"
    is_open = attempt.ended_at is None or (not attempt.label and attempt.run.is_unfinished)
    is_kept = is_open and not attempt.steps_gone
    dropped = 0 if is_kept else max(0, attempt.step_count - len(steps))
    context = {
        "attempt": attempt,
        "run": attempt.run,
        "state": shown_state(attempt),
        "task_orders": task_reads_like_order(attempt.task.instruction),
        "overrule": standing(attempt),
        "spent": spent,
        "phases": phases(steps, spent.calls) if is_tree else None,
        "find": find,
        "found": [item for item in shown if item.matches],
        **_looks(request, asked, is_tree=is_tree),
        "labels": Attempt.Label.choices,
        "may_review": membership_of(request).may_review,
        "incident": attempt.incidents.first() if attempt.label in FAILED else None,
        "checks": [_said(check) for check in attempt.checks],
        "feasibility_gate": FEASIBILITY_GATE,
        "completion_gate": COMPLETION_GATE,
        "steps": shown,
        "total_ms": _length(steps),
        "dropped": dropped,
        # One that was cut off has no count.
        "is_gone": dropped or (attempt.steps_gone and not steps and attempt.ended_at is None),
        "tokens": sum(step.input_tokens + step.output_tokens for step in steps),
        "cost": cost_of_attempt(attempt, steps),
        "used_tools": list(dict.fromkeys(step.tool for step in steps)),
        "earlier": [
            (number, [_shown(step, find) for step in tried], _length(tried))
            for number, tried in earlier
        ],
        "had": _had(attempt),
        "why_none": "" if candidates else why_unlearned(attempt),
        "candidates": [
            (
                candidate,
                sorted({r.number for r in evidence if r.candidate_id == key}),
                became.get(key, ()),
            )
            for key, candidate in candidates.items()
        ],
        "others": [(other, shown_state(other)) for other in others],
        "place": place_of(attempt, workspace, asked),
        "query": asked.as_query(),
        "is_open": is_open,
    }
    return render(request, "practice/trajectory_detail.html", context)


def _looks(request: HttpRequest, asked: TrajectoryFilter, *, is_tree: bool) -> dict[str, Any]:
    """How the steps are shown, and the parameters that a search among them keeps."""
    is_raw = parameter(request, "raw") == "1"
    kept = asdict(asked) | {"view": "tree" if is_tree else "", "raw": "1" if is_raw else ""}
    return {
        "is_raw": is_raw,
        "looks": [
            Chip("Tree", None, changed(request, view="" if is_tree else "tree"), is_tree, is_tree),
            Chip("Raw", None, changed(request, raw="" if is_raw else "1"), is_raw, is_raw),
        ],
        "kept": [(name, value) for name, value in kept.items() if value],
    }


def _had(attempt: Attempt) -> list[Had]:
    tags: Mapping[str, str] = (attempt.reflection or {}).get("tags", {})
    drafts = drafts_named(attempt.run.playbook, tags)
    return [
        Had(tag=tag, proposal=drafts.get(label), label="" if label.startswith(DRAFT) else label)
        for label, tag in tags.items()
    ]


def _said(check: dict[str, Any]) -> dict[str, Any]:
    """A check with its name in words; the steps it ends with are links beside it."""
    steps = ", ".join(map(str, check.get("steps") or ()))
    detail = (check.get("detail") or "").replace(f": step {steps}.", ".")
    return {**check, "name": check_name(check), "detail": detail}


def _length(steps: list[Step]) -> int:
    """The end of the time axis in milliseconds."""
    return max((step.started_ms + step.duration_ms for step in steps), default=0)


def _with_links(
    steps: Sequence[Step],
    evidence: Sequence[Evidence],
    checks: Any,
    find: str,
    became: Mapping[Any, Sequence[Bullet]],
) -> list[ShownStep]:
    """The steps with what cites each of them, both ways."""
    cited: dict[int, dict[Any, Candidate]] = {}
    for row in evidence:
        cited.setdefault(row.number, {})[row.candidate_id] = row.candidate
    labels = {key: ", ".join(bullet.label for bullet in made) for key, made in became.items()}
    named: dict[int, list[str]] = {}
    for check in checks:
        for number in () if check.get("passed") else check.get("steps", ()):
            named.setdefault(number, []).append(_said(check)["name"])
    return [
        replace(
            _shown(step, find),
            cited_by=tuple(
                (candidate, labels.get(key, ""))
                for key, candidate in cited.get(step.number, {}).items()
            ),
            checks=tuple(named.get(step.number, ())),
        )
        for step in steps
    ]


def _shown(step: Step, find: str = "") -> ShownStep:
    formatted = laid_out(step.observation)
    searched = f"{step.tool}\n{arguments(step.arguments)}\n{step.thought}\n{formatted}".lower()
    return ShownStep(
        step=step,
        observation=formatted,
        raw=step.observation if formatted != step.observation else "",
        matches=searched.count(find.lower()) if find else 0,
        orders=looks_like_instruction(step.observation),
    )


@require_safe
@gate(Right.READ)
def trajectory_step(request: HttpRequest, pk: int, step: int) -> HttpResponse:
    """All of what a tool answered, by the step's row: earlier tries have steps too."""
    attempts = Attempt.objects.filter(run__workspace=workspace_of(request)).select_related("run")
    if (attempt := attempts.filter(pk=pk).first()) and attempt.steps_gone:
        return redirect(attempt)  # its page says why
    rows = Step.objects.filter(attempt__run__workspace=workspace_of(request), attempt=pk)
    found = object_or_404(rows.select_related("attempt__task", "text"), pk=step)
    problem, said = "", found.observation
    try:
        said = step_text(found).text
    except UnableTo as error:
        problem = str(error)
    said = laid_out(said)
    context = {"attempt": found.attempt, "step": found, "said": said, "problem": problem}
    return render(request, "practice/trajectory_step.html", context)


@require_safe
@gate(Right.READ)
def trajectory_compare(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """Two attempts, step beside step. Of one task they answer best, but any two may be compared."""
    rows = Attempt.objects.filter(run__workspace=workspace_of(request)).select_related(
        "task__round", "run__environment", "arm"
    )
    left, right = object_or_404(rows, pk=pk), object_or_404(rows, pk=other)
    sides = [(attempt, shown_state(attempt), spent_on(attempt)) for attempt in (left, right)]
    pairs = compare(*(side.as_trajectory(whole=False).steps for side in (left, right)))
    context = {
        "left": left,
        "right": right,
        "sides": sides,
        "pairs": pairs,
        "different": sum(pair.likeness is not Likeness.SAME for pair in pairs),
        "is_one_task": left.task_id == right.task_id,
        "feasibility_gate": FEASIBILITY_GATE,
        "completion_gate": COMPLETION_GATE,
    }
    return render(request, "practice/trajectory_compare.html", context)
