"""The validator on a language model: was the task feasible, was it done (Preping §3.3).

Deterministic findings come first: they are shown to the model, and what they prove no vote undoes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from pydantic_ai.settings import ModelSettings

from practice.agents.calling import Line
from practice.agents.prompting import (
    ANSWER_CAP,
    TOOLS_TOKENS,
    Prompt,
    clipped,
    fenced,
    stopped,
    trajectory_block,
)
from practice.agents.role_model import RoleModel
from practice.agents.rules.evidence import gather
from practice.agents.typed import cut_at
from practice.domain.coverage import tools_block
from practice.domain.evidence import Weight, ceiling, tempered, weight
from practice.domain.types import (
    COMPLETION_GATE,
    FEASIBILITY_GATE,
    Check,
    Json,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Usage,
    Verdict,
    Vote,
)
from practice.domain.validation import MAX_VOTES, Tally, aggregate, settled

DETAIL_CAP = 400

Score = Annotated[int, Field(ge=1, le=5)]
Reason = Annotated[
    str, cut_at(1_000), StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)
]
Aside = Annotated[str, cut_at(1_000), StringConstraints(strip_whitespace=True, max_length=1_000)]


class Judgement(BaseModel):
    """The validator's reply. ``set_aside`` says which telling finding does not hold, and why."""

    feasibility_reason: Reason
    feasibility: Score
    completion_reason: Reason
    completion: Score
    set_aside: Aside = ""


class ModelValidator:
    """Sees the task, the tools and the executed calls; never a playbook or proposer memory.

    The rules of the bullets the solver had reach the deterministic findings only.

    ``votes`` is how often the model is asked at most: an odd number, 1 to 7.
    """

    def __init__(self, model: RoleModel, votes: int = 1) -> None:
        if votes % 2 == 0 or not 1 <= votes <= MAX_VOTES:
            raise ValueError(f"{votes} votes: it takes an odd number from 1 to {MAX_VOTES}.")
        self._model = model
        self._votes = votes

    def validate(
        self,
        task: TaskSpec,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
        rules: Sequence[Json] = (),
    ) -> Verdict:
        """Return the medians of the votes with one reason each, held to what the evidence allows.

        Voting stops when the votes to come can no longer change the label. A vote that gives a
        passing completion against a telling finding counts only with a reason for setting it
        aside. A decisive finding caps completion whatever was voted.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        checks = gather(task, trajectory, tools, rules).checks
        prompt = self._prompt(task, trajectory, tools, checks)
        votes: list[Vote] = []
        replies: list[Judgement] = []
        spent: list[Usage] = []
        while len(votes) < self._votes and not settled(votes, self._votes):
            voter = _voter(self._model, len(votes))
            with Line(voter) as line:
                reply, usage = line.ask(prompt, Judgement)
            spent.append(usage)
            replies.append(_held(reply, checks))
            votes.append(_vote(replies[-1], voter.name))
        return self._verdict(aggregate(votes), votes, replies, checks, _sum(spent))

    def _prompt(
        self,
        task: TaskSpec,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
        checks: Sequence[Check],
    ) -> Prompt:
        return self._model.fill(
            kind=task.kind,
            instruction=fenced(task.instruction),
            tools=fenced(tools_block(tools, token_budget=TOOLS_TOKENS)),
            outcome=stopped(trajectory.outcome),
            trajectory=trajectory_block(trajectory, about=self._model.about(task)),
            answer=fenced(clipped(trajectory.answer, ANSWER_CAP)) or "(nothing)",
            evidence="\n".join(_finding(check) for check in checks),
        )

    def _verdict(
        self,
        tally: Tally,
        votes: Sequence[Vote],
        replies: Sequence[Judgement],
        checks: tuple[Check, ...],
        usage: Usage,
    ) -> Verdict:
        said = replies[list(votes).index(tally.typical)]
        highest, decisive = ceiling(checks, Weight.DECISIVE)
        completion, reason = tally.completion, said.completion_reason
        if decisive is not None and highest < completion:
            completion, reason = highest, decisive.detail
        success = tally.feasibility >= FEASIBILITY_GATE and completion >= COMPLETION_GATE
        return Verdict(
            feasibility=tally.feasibility,
            feasibility_reason=said.feasibility_reason,
            completion=completion,
            completion_reason=reason,
            confidence=tempered(tally.agreement, checks, success=success),
            checks=checks,
            validator=f"model:{self._model.name}",
            votes=tuple(votes),
            usage=usage,
        )


def _finding(check: Check) -> str:
    """Return a finding as the model reads it: its weight where it fails, its name, its detail."""
    status = "holds" if check.passed else f"fails, {weight(check).value}"
    detail = " ".join(clipped(check.detail, DETAIL_CAP).split())
    return f"- [{status}] {check.name}: {fenced(detail)}"


def _held(reply: Judgement, checks: Sequence[Check]) -> Judgement:
    """Return a reply as it counts: no passing score against a telling finding without a reason."""
    highest, finding = ceiling(checks, Weight.TELLING)
    if finding is None or highest >= reply.completion or reply.set_aside:
        return reply
    return reply.model_copy(update={"completion": highest, "completion_reason": finding.detail})


def _vote(reply: Judgement, model: str) -> Vote:
    feasible = reply.feasibility >= FEASIBILITY_GATE
    reason = reply.completion_reason if feasible else reply.feasibility_reason
    if reply.set_aside:
        reason = f"{reason} Set aside: {reply.set_aside}"
    return Vote(reply.feasibility, reply.completion, reason, model)


def _voter(model: RoleModel, number: int) -> RoleModel:
    """Return the model for one vote: with a seed of its own, or every vote would be the same."""
    seed = model.settings.get("seed")
    if seed is None:
        return model
    settings: ModelSettings = {**model.settings, "seed": seed + number}
    return replace(model, settings=settings)


def _sum(spent: Sequence[Usage]) -> Usage:
    """Add up what the votes cost; unknown as soon as one of them is."""
    costs = [usage.cost for usage in spent if usage.cost is not None]
    return Usage(
        role=spent[0].role,
        model=spent[0].model,
        requests=sum(usage.requests for usage in spent),
        input_tokens=sum(usage.input_tokens for usage in spent),
        output_tokens=sum(usage.output_tokens for usage in spent),
        cached_tokens=sum(usage.cached_tokens for usage in spent),
        cost=sum(costs, Decimal(0)) if len(costs) == len(spent) else None,
    )
