"""The words of practice as values: tools, tasks, steps, trajectories, verdicts, usage.

Source: Preping (arXiv 2605.13880) §3; the names are the field's own. Pure: no Django, no IO.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from practice.domain.docstrings import documented
from practice.domain.schemas import unfolded

Json = Mapping[str, Any]

FEASIBILITY_GATE = 5
COMPLETION_GATE = 4
OBSERVATION_CAP = 10_000
WHOLE_CAP = 200_000
SUMMARY_OBSERVATION_CAP = 2_000
STEP_LIMIT = 50


class Effect(StrEnum):
    """What calling a tool may do to the world, from its MCP annotations."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"
    UNKNOWN = "unknown"

    @property
    def is_cautious(self) -> bool:
        """Whether a person has to allow such a tool before practice may call it."""
        return self in (Effect.DESTRUCTIVE, Effect.UNKNOWN)


class Label(StrEnum):
    """The validator's judgement of one attempt (Preping §3.3)."""

    INFEASIBLE = "infeasible"
    SUCCESS = "success"
    FAILURE = "failure"


class Category(StrEnum):
    """What several attempts at one task say together."""

    INFEASIBLE = "infeasible"
    UNSOLVED = "unsolved"
    BOUNDARY = "boundary"
    TRIVIAL = "trivial"


class Outcome(StrEnum):
    """How a solver stopped."""

    FINISHED = "finished"
    STEP_LIMIT = "step_limit"


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool as the environment describes it. ``input_schema`` is a JSON Schema object.

    ``parameters`` and ``required`` are what can be relied on of it, whatever a server wrote there:
    each parameter has an object for a schema, with what its references point to in their place
    and what the description says of it where its schema does not, and whatever is required is a
    parameter.
    """

    name: str
    description: str = ""
    input_schema: Json = field(default_factory=dict)
    annotations: Json = field(default_factory=dict)
    output_schema: Json | None = None
    parameters: Mapping[str, Json] = field(init=False, repr=False, compare=False)
    #: the output schema with what its references point to in their place.
    promised: Json | None = field(init=False, repr=False, compare=False)
    required: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        written: Any = self.input_schema
        schema = written if isinstance(written, Mapping) else {}
        told = schema.get("properties")
        properties = told if isinstance(told, Mapping) else {}
        listed = schema.get("required")
        names = listed if isinstance(listed, list | tuple) else ()
        required = tuple(dict.fromkeys(name for name in names if isinstance(name, str)))
        parameters = {
            name: documented(name, unfolded(properties[name], schema), self.description)
            if isinstance(properties.get(name), Mapping)
            else {}
            for name in (*properties, *required)
        }
        object.__setattr__(self, "parameters", parameters)
        object.__setattr__(self, "required", required)
        told_back: Any = self.output_schema
        is_schema = isinstance(told_back, Mapping)
        promised = unfolded(told_back, told_back) if is_schema else told_back
        object.__setattr__(self, "promised", promised)

    @property
    def effect(self) -> Effect:
        """Un-annotated tools are unknown, which every policy treats like destructive."""
        if self.annotations.get("readOnlyHint") is True:
            return Effect.READ
        destructive = self.annotations.get("destructiveHint")
        if destructive is True:
            return Effect.DESTRUCTIVE
        if destructive is False:
            return Effect.WRITE
        return Effect.UNKNOWN

    @property
    def schema_hash(self) -> str:
        """SHA-256 (hex) over what an agent relies on: name, description and both schemas."""
        seen = [self.name, self.description, self.input_schema, self.output_schema]
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()

    @property
    def undescribed(self) -> tuple[str, ...]:
        """Parameters that the schema requires and does not describe."""
        written: Any = self.input_schema
        schema = written if isinstance(written, Mapping) else {}
        told = schema.get("properties")
        known = told if isinstance(told, Mapping) else {}
        return tuple(name for name in self.required if name not in known)


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """One synthetic practice task.

    ``goal`` is the structured form of the instruction where the proposer has one (the rules engine:
    ``{"calls": [{"tool": ..., "arguments": {...}}], ...}``); a language model leaves it empty.
    """

    instruction: str
    kind: Literal["query", "action"] = "query"
    intended_tools: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    rationale: str = ""
    goal: Json = field(default_factory=dict)
    #: the seed task of an operator this one was made from; empty for the proposer's own ideas.
    seed_task: str = ""
    #: words of the seed task that this task leaves out, and parameters whose values it made up.
    unused: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def signature(self) -> str:
        """The sorted intended tools: two tasks with one signature practise the same thing."""
        return "+".join(sorted(set(self.intended_tools)))


@dataclass(frozen=True, slots=True)
class Observation:
    """What the environment answered, redacted and cut to ``OBSERVATION_CAP`` characters.

    ``whole`` is a text that was cut, up to ``WHOLE_CAP`` characters, for a reader that sums it up.
    """

    text: str
    is_error: bool = False
    structured: Any = None
    truncated: bool = False
    whole: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One solver step: a thought and one executed tool call. ``number`` is 1-based.

    ``started_ms`` counts from the start of the attempt. ``observation`` is what the agent read;
    ``whole`` is all of it where that was cut or summed up, for those who look at the attempt later.
    ``cost`` is US dollars for the model call that asked for it, ``None`` where nobody knows.
    """

    number: int
    tool: str
    arguments: Json
    observation: str
    is_error: bool = False
    thought: str = ""
    started_ms: int = 0
    duration_ms: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal | None = None
    whole: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one call of a role cost. ``cost`` is US dollars, ``None`` where the price is unknown."""

    role: str
    model: str = "rules"
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal | None = Decimal(0)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Everything a solver did at one task, in order, and what it answered."""

    steps: tuple[Step, ...] = ()
    answer: str = ""
    outcome: Outcome = Outcome.FINISHED
    usage: Usage = Usage(role="solver")

    @property
    def used_tools(self) -> tuple[str, ...]:
        """Tools in first-use order, from executed calls only, never from text."""
        return tuple(dict.fromkeys(step.tool for step in self.steps))


@dataclass(frozen=True, slots=True)
class Check:
    """One deterministic finding of the validator. ``steps`` are the step numbers it rests on."""

    name: str
    passed: bool
    detail: str = ""
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """One model's scores for one attempt, before they are put together."""

    feasibility: int
    completion: int
    reason: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Feasibility and completion, 1 to 5 each with a reason (Preping §3.3).

    ``confidence`` is 0 to 1; ``votes`` are the single opinions where a model was asked.
    """

    feasibility: int
    feasibility_reason: str
    completion: int
    completion_reason: str
    confidence: float = 1.0
    checks: tuple[Check, ...] = ()
    validator: str = "rules-1"
    votes: tuple[Vote, ...] = ()
    usage: Usage = Usage(role="validator")


@dataclass(frozen=True, slots=True)
class Fact:
    """Something true of the environment before the agent acted, and the task that showed it.

    ``data`` is the machine-readable form the rules engine keeps:
    ``{"field": str, "values": [...], "tool": str, "records": [...]}``.
    ``tools`` are the tools that showed it, ``seen`` how often it was shown, and ``age`` how many
    rounds have passed since it was shown last (0 = in the round before this one).
    """

    text: str
    source_task: str = ""
    data: Json = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    seen: int = 1
    age: int = 0


@dataclass(frozen=True, slots=True)
class PracticeRecord:
    """What proposer memory keeps of one practised task."""

    instruction: str
    category: Category
    intended_tools: tuple[str, ...] = ()
    used_tools: tuple[str, ...] = ()
    reason: str = ""
    round: int = 0
    #: executed (tool, had_error) pairs, so that coverage knows practised from solved.
    calls: tuple[tuple[str, bool], ...] = ()
    goal: Json = field(default_factory=dict)
    #: whether a tool it is about has been described anew since.
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class Steering:
    """What operators ask of the proposer: tools to practise or leave alone, tasks to begin from.

    ``difficulty`` is where the difficulty band wants the next round: easier or harder tasks.
    """

    focus: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    seed_tasks: tuple[str, ...] = ()
    difficulty: Literal["", "easier", "harder"] = ""


@dataclass(frozen=True, slots=True)
class ToolCounts:
    """How often one tool was executed over all records, counted in tasks.

    ``worked`` are tasks in which a call of it worked, ``feasible_worked`` those of them that were
    judged feasible, ``infeasible`` the tasks with a call of it that were judged infeasible.
    """

    name: str
    practised: int = 0
    worked: int = 0
    feasible_worked: int = 0
    infeasible: int = 0


@dataclass(frozen=True, slots=True)
class HistoryCounts:
    """All of practice history in numbers, where a briefing holds its newest records only."""

    total: int
    categories: Mapping[Category, int]
    tools: Mapping[str, ToolCounts]


@dataclass(frozen=True, slots=True)
class Briefing:
    """All a proposer may know: tools, environment facts, practice history. Never target tasks."""

    tools: tuple[ToolSpec, ...]
    facts: tuple[Fact, ...] = ()
    history: tuple[PracticeRecord, ...] = ()
    #: how many candidates to write (three times the tasks of the round, at most 50).
    count: int = 30
    seed: int = 0
    token_budget: int = 12_000
    steering: Steering = Steering()
    #: counts over all records; without it ``history`` is all there is.
    counts: HistoryCounts | None = None
    #: the paper's view of history: every category, and no list of tools never used.
    faithful: bool = False
    #: names of tools that are offered and off, where a seed task may ask for one.
    off: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposer's candidates before novelty selection.

    ``unmet`` holds (seed task, reason) of the seed tasks it could write no task for, ``untried``
    (tool, reason) of the tools in focus that no candidate uses, where a reason is known.
    """

    candidates: tuple[TaskSpec, ...]
    unmet: tuple[tuple[str, str], ...] = ()
    untried: tuple[tuple[str, str], ...] = ()
    usage: Usage = Usage(role="proposer")


@dataclass(frozen=True, slots=True)
class Summary:
    """Facts an environment summariser extracted (two to five per trajectory)."""

    facts: tuple[Fact, ...]
    usage: Usage = Usage(role="summariser")


@dataclass(frozen=True, slots=True)
class Reflection:
    """What a reflector learned from one trajectory.

    ``tags`` maps a bullet label to helpful, harmful or neutral.
    ``lessons`` are the engine's structured findings, handed to the curator as they are.
    """

    what_happened: str
    root_cause: str = ""
    correct_approach: str = ""
    key_insight: str = ""
    tags: Mapping[str, Literal["helpful", "harmful", "neutral"]] = field(default_factory=dict)
    lessons: tuple[Json, ...] = ()
    usage: Usage = Usage(role="reflector")
