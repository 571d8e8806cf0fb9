"""The proposer on a language model: what to practise next (Preping §3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints
from pydantic_ai import ModelRetry

from practice.agents.calling import Line
from practice.agents.prompting import fenced
from practice.agents.role_model import RoleModel
from practice.agents.typed import cut_at
from practice.domain.briefing import compose
from practice.domain.types import Briefing, Proposal, TaskSpec

MOST = 50
NOTHING_ASKED = "(nothing in particular)"

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class Candidate(BaseModel):
    """One practice task as the model writes it."""

    instruction: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2_000)
    ]
    kind: Literal["query", "action"]
    intended_tools: list[Words] = Field(min_length=1, max_length=20)
    entities: list[Words] = Field(default_factory=list, max_length=20)
    rationale: Annotated[
        str, cut_at(1_000), StringConstraints(strip_whitespace=True, max_length=1_000)
    ] = ""
    #: number of the seed task it was made from; 0 where it is the model's own idea.
    seed_task: int = 0


class Candidates(BaseModel):
    """The proposer's reply."""

    tasks: list[Candidate] = Field(min_length=1, max_length=MOST)


class ModelProposer:
    """Sees tools, observed facts and practice history, and nothing else."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def propose(self, briefing: Briefing) -> Proposal:
        """Return up to ``briefing.count`` candidates, each intending tools that exist.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        count = max(1, min(briefing.count, MOST))
        known = {tool.name for tool in briefing.tools}
        shown = compose(briefing)
        prompt = self._model.fill(
            tools=fenced(shown.tools.text),
            facts=fenced(shown.facts.text) or "(nothing yet)",
            history=fenced(shown.history.text),
            wishes=fenced(shown.wishes.text) or NOTHING_ASKED,
            count=str(count),
        )

        def usable(reply: Candidates) -> Candidates:
            if not any(known & set(task.intended_tools) for task in reply.tasks):
                raise ModelRetry(
                    "None of these tasks uses a tool that exists. Use the exact tool names listed."
                )
            return reply

        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Candidates, check=usable)
        seeds = briefing.steering.seed_tasks[: shown.wishes.shown]
        tasks = [_task(candidate, known, seeds) for candidate in reply.tasks]
        candidates = tuple(task for task in tasks if task.intended_tools)
        return Proposal(candidates=candidates[:count], usage=usage)


def _task(candidate: Candidate, known: set[str], seeds: Sequence[str]) -> TaskSpec:
    """Return the task, without tools that do not exist and with the text of its seed task."""
    number = candidate.seed_task
    intended = [tool for tool in candidate.intended_tools if tool in known]
    return TaskSpec(
        instruction=candidate.instruction,
        kind=candidate.kind,
        intended_tools=tuple(dict.fromkeys(intended)),
        entities=tuple(dict.fromkeys(entity for entity in candidate.entities if entity)),
        rationale=candidate.rationale,
        seed_task=seeds[number - 1] if 1 <= number <= len(seeds) else "",
    )
