"""The environment summariser on a language model: facts that were there before the agent came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from pydantic_ai import ModelRetry

from practice.agents.calling import Line
from practice.agents.prompting import TOOLS_TOKENS, fenced, trajectory_block
from practice.agents.role_model import RoleModel
from practice.domain.coverage import tools_block
from practice.domain.types import (
    SUMMARY_OBSERVATION_CAP,
    Fact,
    Summary,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Usage,
)

#: the paper asks for two to five; where results show less, whoever must write two makes one up.
FEWEST, MOST = 2, 5
FEW = (
    "These are fewer than two facts. Add what else the results show; if that is nothing, reply the "
    "same."
)


class Facts(BaseModel):
    """The summariser's reply."""

    facts: list[
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=600)]
    ] = Field(max_length=MOST)


class ModelSummariser:
    """Sees one task and one trajectory with observations cut to 2,000 characters."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def summarise(
        self, task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
    ) -> Summary:
        """Return up to five facts; none, and no request, where no call succeeded.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        if all(step.is_error for step in trajectory.steps):
            return Summary(facts=(), usage=Usage(role="summariser", model=self._model.name))
        prompt = self._model.fill(
            instruction=fenced(task.instruction),
            tools=fenced(tools_block(tools, token_budget=TOOLS_TOKENS)),
            trajectory=trajectory_block(
                trajectory,
                observation_cap=SUMMARY_OBSERVATION_CAP,
                about=self._model.about(task),
            ),
        )
        asked: list[Facts] = []

        def enough(reply: Facts) -> Facts:
            asked.append(reply)
            if len(reply.facts) < FEWEST and len(asked) == 1:
                raise ModelRetry(FEW)
            return reply

        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Facts, check=enough)
        facts = tuple(Fact(text=text, source_task=task.instruction) for text in reply.facts)
        return Summary(facts=facts, usage=usage)
