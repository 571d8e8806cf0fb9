"""The reflector on a language model: what an attempt teaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from memoryapp.domain.playbook import Playbook
from practice.agents.calling import Line
from practice.agents.prompting import (
    ANSWER_CAP,
    TOOLS_TOKENS,
    clipped,
    fenced,
    playbook_block,
    stopped,
    trajectory_block,
)
from practice.agents.role_model import RoleModel
from practice.agents.typed import cut_at
from practice.domain.coverage import tools_block
from practice.domain.types import Label, Reflection, TaskSpec, ToolSpec, Trajectory

Text = Annotated[str, cut_at(4_000), StringConstraints(strip_whitespace=True, max_length=4_000)]


class Tag(BaseModel):
    """How one playbook entry served the attempt."""

    label: Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
    tag: Literal["helpful", "harmful", "neutral"]


class Analysis(BaseModel):
    """The reflector's reply."""

    what_happened: Annotated[Text, Field(min_length=1)]
    root_cause: Text = ""
    correct_approach: Text = ""
    key_insight: Text = ""
    tags: list[Tag] = Field(default_factory=list, max_length=200)


class ModelReflector:
    """Sees the task, its label, the playbook and the trajectory."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def reflect(
        self,
        task: TaskSpec,
        label: Label,
        playbook: Playbook,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
    ) -> Reflection:
        """Return the analysis; tags of bullets that do not exist are dropped.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        prompt = self._model.fill(
            kind=task.kind,
            instruction=fenced(task.instruction),
            label=label.value,
            playbook=playbook_block(playbook),
            tools=fenced(tools_block(tools, token_budget=TOOLS_TOKENS)),
            outcome=stopped(trajectory.outcome),
            trajectory=trajectory_block(trajectory, about=self._model.about(task)),
            answer=fenced(clipped(trajectory.answer, ANSWER_CAP)) or "(nothing)",
        )
        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Analysis)
        shown = {bullet.label for bullet in playbook.live}
        return Reflection(
            what_happened=reply.what_happened,
            root_cause=reply.root_cause,
            correct_approach=reply.correct_approach,
            key_insight=reply.key_insight,
            tags={each.label: each.tag for each in reply.tags if each.label in shown},
            usage=usage,
        )
