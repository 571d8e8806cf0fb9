"""Dry runs of a prompt: one role, one stored attempt, nothing kept as memory.

A trial is claimed by a conditional update, so that a message delivered twice asks once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from memoryapp.domain.playbook import Delta
from memoryapp.queries.playbooks import draft_playbook
from practice.agents.ports import AgentError, Engine, SolverLimits
from practice.domain.plans import Plan
from practice.domain.prompts import PromptText
from practice.domain.types import Label, Reflection, ToolSpec
from practice.models import Attempt, PromptTrial
from practice.orchestrator.briefings import prepare
from practice.orchestrator.calls import trial_recorder
from practice.orchestrator.consolidation import findings
from practice.orchestrator.engines import model_library, model_settings
from practice.orchestrator.frozen import thaw
from practice.orchestrator.worlds import tools_of, world_of

logger = logging.getLogger(__name__)

NAME = "dry run"
STEPS = 20
CANDIDATES = 6
FEWEST_BULLETS = 2
#: longer than any trial takes: one that still runs has lost its worker.
OVERDUE = timedelta(hours=1)
LOST = "Its worker stopped before it was done. Nothing was saved; try again."


def perform(trial_id: int) -> None:
    """Run a waiting trial and store what the role said, or why it could not."""
    claimed = PromptTrial.objects.filter(pk=trial_id, status=PromptTrial.Status.WAITING).update(
        status=PromptTrial.Status.RUNNING, started_at=timezone.now()
    )
    if not claimed:
        return
    trial = PromptTrial.objects.select_related(
        "environment", "attempt__task__round", "attempt__run__environment"
    ).get(pk=trial_id)
    try:
        trial.result = _said(trial)
        trial.status = PromptTrial.Status.DONE
    except AgentError as error:
        trial.status, trial.message = PromptTrial.Status.FAILED, str(error)
    except Exception as error:
        logger.exception("prompt trial %s failed", trial.pk)
        trial.status = PromptTrial.Status.FAILED
        trial.message = f"An internal error stopped it: {type(error).__name__}: {error}"
    trial.ended_at = timezone.now()
    trial.save(update_fields=["result", "status", "message", "ended_at"])


def sweep() -> list[int]:
    """Fail trials whose worker is gone. Returns those that still wait for one."""
    now = timezone.now()
    # The release before notes no start.
    began = Q(started_at__lt=now - OVERDUE) | Q(started_at=None, created_at__lt=now - OVERDUE)
    PromptTrial.objects.filter(began, status=PromptTrial.Status.RUNNING).update(
        status=PromptTrial.Status.FAILED, message=LOST, ended_at=now
    )
    waiting = PromptTrial.objects.filter(status=PromptTrial.Status.WAITING)
    return list(waiting.values_list("pk", flat=True))


def not_tried(role: str, attempt: Attempt) -> str:
    """Say why a role has nothing to do for an attempt; empty if it has."""
    if role in {"proposer", "solver"}:
        return ""
    if role == "consolidator":
        few = attempt.run.playbook.bullets.live().count() < FEWEST_BULLETS
        return "The playbook has fewer than two bullets: nothing to consolidate." if few else ""
    if not attempt.outcome:
        return "This attempt has not ended, so there is no trajectory yet. Choose another one."
    if attempt.steps_gone:
        return f"{attempt.steps_gone} Choose another one."
    if role in {"reflector", "curator"} and not attempt.label:
        return "This attempt was not judged. Choose one that was."
    if role == "curator" and not attempt.reflection:
        return "Nothing was learned from this attempt, so there is no analysis to curate."
    if role in {"condenser", "summariser"} and not attempt.steps.exists():
        return "This attempt called no tool. Choose another one."
    return ""


def _said(trial: PromptTrial) -> dict[str, Any]:
    attempt = trial.attempt
    if attempt is None:
        raise AgentError("The attempt this was to be tried on is gone.")
    llm = model_library()
    chosen = llm.ModelSettings(**model_settings(trial.environment.workspace_id))
    wiring = llm.Wiring(
        prompts={trial.role: PromptText.read(NAME, trial.text)},
        record=trial_recorder(trial),
        condenses=_plan(attempt).condense,
        masks_named=not trial.environment.is_made_up,
    )
    if trial.role == "condenser":
        return _condensed(llm.condenser(chosen, attempt.run.seed, wiring), attempt)
    engine = llm.build_engine(chosen, attempt.run.seed, wiring)
    return _ROLES[trial.role](engine, attempt, tools_of(attempt.run.environment, _plan(attempt)))


def _plan(attempt: Attempt) -> Plan:
    return attempt.run.frozen


def _proposed(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    """Ask for a few tasks as the attempt's round would be proposed today."""
    prepared = prepare(attempt.run, attempt.task.round.number, tools)
    proposal = engine.proposer.propose(replace(prepared.briefing, count=CANDIDATES))
    return {
        "tasks": [
            {
                "instruction": task.instruction,
                "kind": task.kind,
                "intended_tools": list(task.intended_tools),
                "rationale": task.rationale,
            }
            for task in proposal.candidates
        ]
    }


def _solved(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    """Solve the task anew in a fresh session of the environment."""
    with world_of(attempt.run.environment, _plan(attempt), attempt.run.snapshot).open() as session:
        trajectory = engine.solver.solve(
            attempt.task.as_spec(),
            thaw(attempt.task.round.playbook),
            session,
            SolverLimits(steps=min(STEPS, _plan(attempt).step_limit)),
        )
    return {
        "answer": trajectory.answer,
        "outcome": trajectory.outcome.value,
        "steps": [
            {
                "number": step.number,
                "tool": step.tool,
                "arguments": dict(step.arguments),
                "is_error": step.is_error,
            }
            for step in trajectory.steps
        ],
    }


def _judged(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    verdict = engine.validator.validate(attempt.task.as_spec(), attempt.as_trajectory(), tools)
    return {
        "feasibility": verdict.feasibility,
        "feasibility_reason": verdict.feasibility_reason,
        "completion": verdict.completion,
        "completion_reason": verdict.completion_reason,
    }


def _reflected(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    reflection = engine.reflector.reflect(
        attempt.task.as_spec(),
        Label(attempt.label),
        thaw(attempt.task.round.playbook),
        attempt.as_trajectory(),
        tools,
    )
    return {
        "what_happened": reflection.what_happened,
        "root_cause": reflection.root_cause,
        "correct_approach": reflection.correct_approach,
        "key_insight": reflection.key_insight,
        "tags": dict(reflection.tags),
    }


def _curated(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    playbook = draft_playbook(attempt.run.playbook, origin_link="")
    curation = engine.curator.curate(
        attempt.task.as_spec(),
        playbook,
        attempt.as_trajectory(),
        Reflection(**attempt.reflection),
    )
    return {"changes": [_change(delta) for delta in curation.deltas]}


def _consolidated(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    """Consolidate the run's playbook as it is today."""
    playbook = attempt.run.playbook.as_value()
    curation = engine.consolidator.consolidate(playbook, findings(attempt.run))
    return {"changes": [_change(delta) for delta in curation.deltas]}


def _change(delta: Delta) -> dict[str, Any]:
    return {
        "op": delta.op.value,
        "section": delta.section,
        "content": delta.content,
        "targets": list(delta.targets),
        "reason": delta.reason,
    }


def _summed_up(engine: Engine, attempt: Attempt, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    summary = engine.summariser.summarise(attempt.task.as_spec(), attempt.as_trajectory(), tools)
    return {"facts": [fact.text for fact in summary.facts]}


def _condensed(condenser: Any, attempt: Attempt) -> dict[str, Any]:
    """Sum up the longest observation, however long it is."""
    step = max(attempt.as_trajectory().steps, key=lambda step: len(step.observation))
    said = condenser.summary(attempt.task.as_spec(), step.tool, step.observation)
    return {"step": step.number, "tool": step.tool, "summary": said}


_ROLES: dict[str, Callable[[Engine, Attempt, tuple[ToolSpec, ...]], dict[str, Any]]] = {
    "proposer": _proposed,
    "solver": _solved,
    "validator": _judged,
    "reflector": _reflected,
    "curator": _curated,
    "consolidator": _consolidated,
    "summariser": _summed_up,
}
