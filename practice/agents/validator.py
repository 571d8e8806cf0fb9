"""The validator on a language model: was the task feasible, was it done (Preping §3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from practice.agents.calling import Line, RoleModel
from practice.agents.prompting import (
    ANSWER_CAP,
    TOOLS_TOKENS,
    clipped,
    fenced,
    fill,
    stopped,
    trajectory_block,
)
from practice.domain.coverage import tools_block
from practice.domain.types import Check, TaskSpec, ToolSpec, Trajectory, Verdict

NO_CALL = "No tool call of this attempt succeeded, so nothing it claims is shown."

Score = Annotated[int, Field(ge=1, le=5)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Judgement(BaseModel):
    """The validator's reply."""

    feasibility_reason: Reason
    feasibility: Score
    completion_reason: Reason
    completion: Score


class ModelValidator:
    """Sees the task, the tools and the executed calls; never a playbook or proposer memory."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def validate(
        self, task: TaskSpec, trajectory: Trajectory, tools: Sequence[ToolSpec]
    ) -> Verdict:
        """Return both scores with one reason each.

        Evidence outranks the model: without one successful call completion is 1, whatever the
        agent claimed and whatever the model believed.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        prompt = fill(
            "validator",
            kind=task.kind,
            instruction=fenced(task.instruction),
            tools=fenced(tools_block(tools, token_budget=TOOLS_TOKENS)),
            outcome=stopped(trajectory.outcome),
            trajectory=trajectory_block(trajectory),
            answer=fenced(clipped(trajectory.answer, ANSWER_CAP)) or "(nothing)",
        )
        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Judgement)
        supported = tuple(step.number for step in trajectory.steps if not step.is_error)
        check = Check("a call succeeded", bool(supported), "" if supported else NO_CALL, supported)
        return Verdict(
            feasibility=reply.feasibility,
            feasibility_reason=reply.feasibility_reason,
            completion=reply.completion if supported else 1,
            completion_reason=reply.completion_reason if supported else NO_CALL,
            checks=(check,),
            validator=f"model:{self._model.name}",
            usage=usage,
        )
