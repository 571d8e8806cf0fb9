"""Trajectories: every attempt by filter, and one of them step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.text import looks_like_instruction
from memoryapp.models import Workspace
from memoryapp.queries.facets import facet
from memoryapp.queries.origins import evidence_from
from practice.domain.types import COMPLETION_GATE, FEASIBILITY_GATE
from practice.models import Attempt, EnvironmentTool, Step
from practice.queries.calls import spent_on
from practice.queries.overrules import standing, standing_label
from practice.queries.trajectories import (
    BOTH,
    TRIALS,
    UNJUDGED,
    TrajectoryFilter,
    place_of,
    steps_by_try,
)
from practice.views.filters import PAGE_SIZE, chips
from practice.views.states import shown_state

LABELS = [*Attempt.Label.choices, (UNJUDGED, "Not judged")]


@require_safe
@gate(Right.READ)
def trajectory_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = TrajectoryFilter.from_query(request.GET)
    found = asked.apply(workspace).annotate(overruled=standing_label())
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    counts = facet(asked.changed(label="").apply(workspace), "label")
    counts[UNJUDGED] = counts.pop("", 0)
    context = {
        "page": page,
        "rows": [(attempt, shown_state(attempt)) for attempt in page.object_list],
        "asked": asked,
        "query": asked.as_query(),
        "is_filtered": bool(asked.as_query()),
        "chips": chips(request, "label", LABELS, counts),
        "statuses": Attempt.Status.choices,
        "kinds": [("", "Practice"), (TRIALS, "Trials and experiments"), (BOTH, "All attempts")],
        **_choices(workspace),
    }
    return render(request, "practice/trajectory_list.html", context)


def _choices(workspace: Workspace) -> dict[str, Any]:
    tools = EnvironmentTool.objects.filter(environment__workspace=workspace)
    return {
        "environments": workspace.environments.order_by("name"),
        "runs": workspace.runs.only("number", "kind").order_by("-number"),
        "tools": tools.order_by("name").values_list("name", flat=True).distinct(),
    }


@dataclass(frozen=True, slots=True)
class ShownStep:
    """A step with its observation laid out. ``raw`` is set where that differs from the text."""

    step: Step
    observation: str
    raw: str
    is_cited: bool
    #: phrases of the answer that read like orders to a model.
    orders: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        return self.step.input_tokens + self.step.output_tokens


@require_safe
@gate(Right.READ)
def trajectory_detail(request: HttpRequest, pk: int) -> HttpResponse:
    workspace = workspace_of(request)
    asked = TrajectoryFilter.from_query(request.GET)
    rows = Attempt.objects.filter(run__workspace=workspace).select_related(
        "task__round", "run__environment", "run__playbook", "arm"
    )
    attempt = object_or_404(rows, pk=pk)
    steps, earlier = steps_by_try(attempt)
    evidence = list(evidence_from(workspace, attempt.get_absolute_url()))
    cited = {row.number for row in evidence}
    candidates = {row.candidate_id: row.candidate for row in evidence}
    others = attempt.task.attempts.exclude(pk=attempt.pk).select_related("arm").order_by("pk")
    context = {
        "attempt": attempt,
        "run": attempt.run,
        "state": shown_state(attempt),
        "task_orders": looks_like_instruction(attempt.task.instruction),
        "overrule": standing(attempt),
        "spent": spent_on(attempt),
        "labels": Attempt.Label.choices,
        "may_review": membership_of(request).may_review,
        "checks": [_said(check) for check in attempt.checks],
        "feasibility_gate": FEASIBILITY_GATE,
        "completion_gate": COMPLETION_GATE,
        "steps": [_shown(step, cited) for step in steps],
        "total_ms": _length(steps),
        "tokens": sum(step.input_tokens + step.output_tokens for step in steps),
        "used_tools": list(dict.fromkeys(step.tool for step in steps)),
        "earlier": [
            (number, [_shown(step, set()) for step in tried], _length(tried))
            for number, tried in earlier
        ],
        "candidates": [
            (candidate, sorted({r.number for r in evidence if r.candidate_id == key}))
            for key, candidate in candidates.items()
        ],
        "others": [(other, shown_state(other)) for other in others],
        "place": place_of(attempt, asked.apply(workspace)),
        "query": asked.as_query(),
        "is_open": attempt.ended_at is None or (not attempt.label and attempt.run.is_unfinished),
    }
    return render(request, "practice/trajectory_detail.html", context)


def _said(check: dict[str, Any]) -> dict[str, Any]:
    """A check with its name in words: ``tools_exist`` is said as ``Tools exist``."""
    return {**check, "name": str(check.get("name", "")).replace("_", " ").capitalize()}


def _length(steps: list[Step]) -> int:
    """The end of the time axis in milliseconds."""
    return max((step.started_ms + step.duration_ms for step in steps), default=0)


def _shown(step: Step, cited: set[int]) -> ShownStep:
    laid_out = _laid_out(step.observation)
    return ShownStep(
        step=step,
        observation=laid_out,
        raw=step.observation if laid_out != step.observation else "",
        is_cited=step.number in cited,
        orders=looks_like_instruction(step.observation),
    )


def _laid_out(text: str) -> str:
    """JSON with indents; any other text, and JSON that was cut, as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
