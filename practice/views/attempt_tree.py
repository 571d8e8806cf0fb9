"""An attempt as a tree: its phases, their model calls and their steps, on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from practice.models import ModelCall, Step

#: phase to the roles whose calls belong to it.
PHASES = (
    ("Solve", ("solver", "condenser")),
    ("Judge", ("validator",)),
    ("Learn", ("reflector", "curator")),
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One step or one model call. ``started_ms`` is None where it is not on the axis."""

    kind: str
    name: str
    url: str
    duration_ms: int
    tokens: int
    cost: Decimal | None = None
    started_ms: int | None = None
    is_error: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase with what happened in it; sums are over its leaves."""

    name: str
    leaves: Sequence[Leaf] = field(default_factory=tuple)

    @property
    def duration_ms(self) -> int:
        return sum(leaf.duration_ms for leaf in self.leaves)

    @property
    def _paid(self) -> Sequence[Leaf]:
        """What was paid for: a step of ours has the tokens of its call, which is here as well."""
        return [leaf for leaf in self.leaves if leaf.kind == "model"] or self.leaves

    @property
    def tokens(self) -> int:
        return sum(leaf.tokens for leaf in self._paid)

    @property
    def cost(self) -> Decimal | None:
        """What it cost; None where nothing was priced."""
        priced = [leaf.cost for leaf in self._paid if leaf.cost is not None]
        return sum(priced, Decimal(0)) if priced else None

    @property
    def steps(self) -> int:
        return sum(leaf.kind == "tool" for leaf in self.leaves)

    @property
    def calls(self) -> int:
        return len(self.leaves) - self.steps

    @property
    def errors(self) -> int:
        return sum(leaf.is_error for leaf in self.leaves)


def phases(steps: Sequence[Step], calls: Sequence[ModelCall]) -> list[Phase]:
    """Group what happened in an attempt; phases without anything are left out."""
    known = {role for _, roles in PHASES for role in roles}
    found = []
    for name, roles in PHASES:
        leaves = [_call(call) for call in calls if call.role in roles]
        if name == "Solve":
            leaves = [*map(_step, steps), *leaves]
        found.append(Phase(name, leaves))
    found.append(Phase("Other calls", [_call(call) for call in calls if call.role not in known]))
    return [phase for phase in found if phase.leaves]


def _step(step: Step) -> Leaf:
    return Leaf(
        kind="tool",
        name=step.tool,
        url=f"#step-{step.number}",
        duration_ms=step.duration_ms,
        tokens=step.input_tokens + step.output_tokens,
        cost=step.cost,
        started_ms=step.started_ms,
        is_error=step.is_error,
        note=f"step {step.number}" + (f", in step {step.parent}" if step.parent else ""),
    )


def _call(call: ModelCall) -> Leaf:
    return Leaf(
        kind="model",
        name=call.role,
        url=call.get_absolute_url(),
        duration_ms=call.latency_ms,
        tokens=call.input_tokens + call.output_tokens,
        cost=call.cost,
        is_error=call.is_failed,
        note=call.model,
    )
