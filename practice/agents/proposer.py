"""The proposer on a language model: what to practise next (Preping §3.2)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints
from pydantic_ai import ModelRetry

from practice.agents.calling import Line, RoleModel
from practice.agents.prompting import fenced, fill
from practice.domain.coverage import facts_block, history_block, tools_block
from practice.domain.types import Briefing, Proposal, TaskSpec

MOST = 50
FACTS = 10
#: shares of the briefing's token budget; what remains is the prompt itself.
TOOLS_SHARE, FACTS_SHARE, HISTORY_SHARE = 0.5, 0.12, 0.28

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class Candidate(BaseModel):
    """One practice task as the model writes it."""

    instruction: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=8, max_length=2_000)
    ]
    kind: Literal["query", "action"]
    intended_tools: list[Words] = Field(min_length=1, max_length=20)
    entities: list[Words] = Field(default_factory=list, max_length=20)
    rationale: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1_000)] = ""


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
        budget = briefing.token_budget
        prompt = fill(
            "proposer",
            tools=fenced(tools_block(briefing.tools, token_budget=int(budget * TOOLS_SHARE))),
            facts=fenced(
                facts_block(briefing.facts, limit=FACTS, token_budget=int(budget * FACTS_SHARE))
            )
            or "(nothing yet)",
            history=fenced(
                history_block(
                    briefing.history, briefing.tools, token_budget=int(budget * HISTORY_SHARE)
                )
            ),
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
        tasks = [_task(candidate, known) for candidate in reply.tasks]
        candidates = tuple(task for task in tasks if task.intended_tools)
        return Proposal(candidates=candidates[:count], usage=usage)


def _task(candidate: Candidate, known: set[str]) -> TaskSpec:
    """Return the task, without tools that do not exist."""
    intended = [tool for tool in candidate.intended_tools if tool in known]
    return TaskSpec(
        instruction=candidate.instruction,
        kind=candidate.kind,
        intended_tools=tuple(dict.fromkeys(intended)),
        entities=tuple(dict.fromkeys(entity for entity in candidate.entities if entity)),
        rationale=candidate.rationale,
    )
