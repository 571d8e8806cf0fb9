"""The role protocols and the environment port. Two engines implement the roles: rules and model.

What a role may read is its signature: the proposer never sees a target task, the validator sees of
the playbook only which calls its rules put before others (in a faithful run not even these), the
solver never sees proposer memory (Preping §3, asymmetric memories).

    AgentError
    ├── ProviderUnavailable      the provider cannot serve now: retry later
    │   └── ModelSilent          nothing came back at all
    ├── ProviderRefused          the model answered and will not do it: do not retry
    ├── NoLongerWanted           the run ended meanwhile: nothing to judge or retry
    ├── MalformedReply           the model kept answering in a form we cannot use
    └── EnvironmentUnavailable   the tool server failed: retry later, judge nothing
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from memoryapp.domain.playbook import Delta, Playbook
from practice.domain.types import (
    STEP_LIMIT,
    Briefing,
    Json,
    Label,
    Observation,
    Proposal,
    Reflection,
    Step,
    Summary,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Usage,
    Verdict,
)


class AgentError(Exception):
    """A role could not do its work. ``str(error)`` is a sentence for the operator."""


class ProviderUnavailable(AgentError):
    """The model provider did not answer (time-out, 429, 5xx, cut connection).

    ``retry_after`` is in seconds where the provider said so.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ModelSilent(ProviderUnavailable):
    """No answer in time (``timed_out``), or nobody to talk to at the address."""

    def __init__(self, message: str, *, timed_out: bool) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class ProviderRefused(AgentError):
    """The provider answered and refused (content filter, bad key, unknown model)."""


class NoLongerWanted(AgentError):
    """Whoever asked does not wait for the answer any more, such as a run that was cancelled."""


class MalformedReply(AgentError):
    """The model's replies could not be read as the typed output after its retries."""


class EnvironmentUnavailable(AgentError):
    """The tool server did not start, hung, died or spoke nonsense. Nothing may be judged."""


class EnvironmentSession(Protocol):
    """One live, freshly reset environment. Not thread-safe; one attempt owns it."""

    def tools(self) -> tuple[ToolSpec, ...]:
        """The tools the operator allows, as the server describes them now."""

    def call(self, tool: str, arguments: Json) -> Observation:
        """Call a tool. A tool's own error is an observation with ``is_error``.

        Raises:
            EnvironmentUnavailable: the server itself failed.
        """


@runtime_checkable
class Oracle(Protocol):
    """A session that knows what carrying out a task looks like. Few environments do."""

    def truth(self, task: TaskSpec) -> bool | None:
        """Whether the world is now as the task's goal would have it; ``None`` if nobody knows."""


class Environment(Protocol):
    """Somewhere to practise. Each ``open`` is a reset: a fresh process over a fresh seed copy."""

    def open(self) -> AbstractContextManager[EnvironmentSession]: ...


@dataclass(frozen=True, slots=True)
class SolverLimits:
    """``steps`` caps executed calls; ``on_step`` is told of each step as it happens."""

    steps: int = STEP_LIMIT
    on_step: Callable[[Step], None] = lambda step: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True)
class Curation:
    """Operations a curator proposes on the playbook; a person decides later."""

    deltas: tuple[Delta, ...]
    usage: Usage = field(default_factory=lambda: Usage(role="curator"))


class Proposer(Protocol):
    def propose(self, briefing: Briefing) -> Proposal: ...


class Solver(Protocol):
    def solve(
        self,
        task: TaskSpec,
        playbook: Playbook,
        session: EnvironmentSession,
        limits: SolverLimits,
    ) -> Trajectory: ...


class Validator(Protocol):
    def validate(
        self,
        task: TaskSpec,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
        rules: Sequence[Json] = (),
    ) -> Verdict:
        """Judge an attempt. ``rules`` are those of the bullets the solver had.

        They say which calls the memory asks for, so that following it is not held against an
        attempt; no bullet is ever evidence that something was done.
        """
        ...


class Summariser(Protocol):
    def summarise(
        self, task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
    ) -> Summary: ...


class Reflector(Protocol):
    def reflect(
        self,
        task: TaskSpec,
        label: Label,
        playbook: Playbook,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
    ) -> Reflection: ...


class Curator(Protocol):
    def curate(
        self,
        task: TaskSpec,
        playbook: Playbook,
        trajectory: Trajectory,
        reflection: Reflection,
    ) -> Curation: ...


class Consolidator(Protocol):
    def consolidate(self, playbook: Playbook, learned: Sequence[Delta]) -> Curation:
        """Propose to merge, reword and retire bullets; never to add one.

        ``learned`` are the findings of the run so far that wait for a person or were kept.
        """


@dataclass(frozen=True, slots=True)
class Engine:
    """The roles of one run, ready to work. ``name`` is what the operator sees."""

    name: str
    proposer: Proposer
    solver: Solver
    validator: Validator
    summariser: Summariser
    reflector: Reflector
    curator: Curator
    consolidator: Consolidator
