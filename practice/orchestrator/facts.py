"""Storing what a round showed of its environment: new facts, and facts that were shown again."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import F
from django.utils import timezone

from practice.domain.types import Fact, Trajectory
from practice.models import EnvironmentFact, PracticeTask, Run
from practice.orchestrator.masking import masked_fact


def remember(run: Run, task: PracticeTask, trajectory: Trajectory, found: Sequence[Fact]) -> None:
    """Add new facts; count those that are known, and note that they were seen just now.

    A fact an operator excluded stays excluded.
    """
    shown = [masked_fact(run.environment, fact) for fact in found]
    by_text = {fact.text: fact for fact in shown}
    known = run.environment.facts.filter(text__in=list(by_text))
    texts = set(known.values_list("text", flat=True))
    known.update(seen_count=F("seen_count") + 1, last_seen_at=timezone.now())
    EnvironmentFact.objects.bulk_create(
        EnvironmentFact(
            environment=run.environment,
            run=run,
            task=task,
            text=fact.text,
            data=dict(fact.data),
            tools=list(_tools_of(fact, trajectory)),
        )
        for text, fact in by_text.items()
        if text not in texts
    )


def _tools_of(fact: Fact, trajectory: Trajectory) -> tuple[str, ...]:
    """The tools that showed a fact: those it names, else those that answered in its trajectory."""
    named = str(fact.data.get("tool", ""))
    if fact.tools or named:
        return fact.tools or (named,)
    return tuple(dict.fromkeys(step.tool for step in trajectory.steps if not step.is_error))
