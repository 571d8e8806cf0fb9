"""What a run's plan asked for beyond the paper, in words and as an address that asks it again."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from memoryapp.templatetags.formats import count_of, percent
from practice.domain.plans import Plan
from practice.models import Run


def switched_on(plan: Plan) -> list[str]:
    """Every switch that is on, as a phrase; nothing for a faithful run."""
    if plan.faithful:
        return []
    said = [
        (plan.verify, f"verified lessons ({plan.verify})"),
        (plan.consolidate, "consolidation"),
        (plan.band, f"successes steered to {' to '.join(percent(end) for end in plan.band)}"),
        (plan.held_out, f"{count_of(plan.held_out, 'held-out task')} after each round"),
        (plan.patience, f"an end after {count_of(plan.patience, 'idle round')}"),
        (plan.votes > 1, f"{plan.votes} votes per verdict"),
        (plan.drift_watch, "drift watch"),
        (plan.condense, "condensed observations"),
        (plan.focus, f"first of all {', '.join(plan.focus)}"),
    ]
    return [words for is_on, words in said if is_on]


def again(run: Run) -> str:
    """The query that fills the start form with what this run was asked to do."""
    plan = run.frozen
    asked: dict[str, Any] = {
        "environment": run.environment.slug,
        "playbook": run.playbook.slug,
        "snapshot": run.snapshot_id or "",
        "engine": run.engine,
        "seed": run.seed,
        "faithful": _tick(plan.faithful),
        "consolidate": _tick(plan.consolidate),
        "drift_watch": _tick(plan.drift_watch),
        "condense": _tick(plan.condense),
        "focus": ", ".join(plan.focus),
    }
    for name in ("rounds", "tasks", "attempts", "step_limit", "parallel", "policy"):
        asked[name] = getattr(plan, name)
    for name in ("verify", "patience", "held_out", "votes"):
        asked[name] = getattr(plan, name)
    for name, share in zip(("band_low", "band_high"), plan.band, strict=False):
        asked[name] = round(share * 100)
    return urlencode({name: value for name, value in asked.items() if value != ""})


def _tick(is_on: bool) -> str:
    return "true" if is_on else "false"
