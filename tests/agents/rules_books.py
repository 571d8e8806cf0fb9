"""A playbook of rules, and one call made to work under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.ports import SolverLimits
from practice.agents.rules.solver import RulesSolver
from practice.domain.types import Step, TaskSpec


def book(*rules: Mapping[str, Any]) -> Playbook:
    return Playbook(
        tuple(
            Bullet(f"strategies-{n:03}", "strategies", f"Rule {n}.", rule=dict(rule))
            for n, rule in enumerate(rules, start=1)
        )
    )


def solve(session: Any, playbook: Playbook, name: str, **arguments: Any) -> Sequence[Step]:
    given = TaskSpec(
        f"Make one call of {name} work.",
        "action",
        (name,),
        goal={"calls": [{"tool": name, "arguments": arguments}]},
    )
    return RulesSolver(1).solve(given, playbook, session, SolverLimits()).steps


def names(steps: Sequence[Step]) -> list[str]:
    return [step.tool for step in steps]
