"""What a run was asked to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

CANDIDATES_PER_TASK = 3
CANDIDATE_CAP = 50


@dataclass(frozen=True, slots=True)
class Beyond:
    """What a run may do beyond the paper, switched one by one. Everything is off by default."""

    #: the released artifact's semantics; every switch below is off then.
    faithful: bool = False
    #: "" keeps a lesson as it is learned; "lite" and "strict" ask for 2 and 3 wins in a row.
    verify: str = ""
    #: propose MERGE, UPDATE and RETIRE after each round, each with a before and after.
    consolidate: bool = False
    #: wanted share of successes, low and high; empty means no band.
    band: tuple[float, ...] = ()
    #: end after this many rounds in a row that brought nothing new; 0 never does.
    patience: int = 0
    #: held-out tasks tried with the draft after each round; 0 tries none.
    held_out: int = 0
    #: votes of a model per verdict (odd).
    votes: int = 1
    #: mark bullets stale when a tool's description changes under the run.
    drift_watch: bool = False
    #: have a model sum up long observations instead of cutting them.
    condense: bool = False
    #: tools this run is asked to practise first.
    focus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan(Beyond):
    """What a run was asked to do, frozen when it starts. Defaults are the paper's."""

    rounds: int = 10
    tasks: int = 10
    attempts: int = 1
    step_limit: int = 50
    policy: str = "feasible_only"
    parallel: int = 4
    #: tool name to schema hash, as allowed by the operator when the run began.
    tools: Mapping[str, str] = field(default_factory=dict)
    model: str = ""
    #: role to prompt version (primary key) where the environment has its own prompt.
    prompts: Mapping[str, int] = field(default_factory=dict)

    @property
    def candidates(self) -> int:
        """How many candidates a proposer is asked for each round."""
        return min(CANDIDATES_PER_TASK * self.tasks, max(CANDIDATE_CAP, self.tasks))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "tools": dict(self.tools), "prompts": dict(self.prompts)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave; what an earlier version did not know is at its default."""
        read = dict(stored)
        for name in ("band", "focus"):
            read[name] = tuple(read.get(name, ()))
        return cls(**read)
