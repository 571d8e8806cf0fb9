"""The condenser: long tool output summed up by a cheap model, its values kept as they were."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints
from pydantic_ai import ModelRetry

from practice.agents.calling import Line
from practice.agents.ports import AgentError
from practice.agents.prompting import fenced
from practice.agents.reducing import reduced
from practice.agents.role_model import RoleModel
from practice.domain.types import OBSERVATION_CAP, TaskSpec

#: what the model is shown of a long observation, and what it may write, in characters.
SHOWN = 48_000
LONGEST = 6_000
_VALUE = re.compile(r"[\w$@./:#-]*\d[\w@./:#-]*")


class Condensed(BaseModel):
    """The condenser's reply."""

    summary: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST)] = Field(
        min_length=1
    )


class Condenser:
    """Sees one task and one tool result, and nothing of the attempt around it."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def condense(self, task: TaskSpec, tool: str, observation: str) -> str:
        """Return the observation if it is short, else a summary of it that says so.

        A summary with a number or identifier that the observation does not have is refused. Where
        the model cannot be asked, the observation is reduced by its structure: no attempt fails
        for want of a summary.
        """
        if len(observation) <= OBSERVATION_CAP:
            return observation
        try:
            said = self.summary(task, tool, observation)
        except AgentError:
            return reduced(observation, OBSERVATION_CAP, about=task.instruction)
        return f"[summary of {len(observation):,} characters]\n{said}"

    def summary(self, task: TaskSpec, tool: str, observation: str) -> str:
        """Return what the model makes of an observation of any length.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        shown = reduced(observation, SHOWN, about=task.instruction)
        prompt = self._model.fill(
            instruction=fenced(task.instruction),
            tool=fenced(tool),
            size=f"{len(observation):,} characters",
            observation=fenced(shown),
        )

        known = "\n".join((observation, shown, task.instruction)).casefold()

        def faithful(reply: Condensed) -> Condensed:
            invented = [
                value
                for value in _values(reply.summary)
                if value not in known and not _is_count(value, observation)
            ]
            if invented:
                raise ModelRetry(
                    f"These values are not in the result: {', '.join(invented[:10])}. "
                    "Copy values exactly as they are written there."
                )
            return reply

        with Line(self._model) as line:
            reply, _ = line.ask(prompt, Condensed, check=faithful)
        return reply.summary


def _values(text: str) -> list[str]:
    """Identifiers and numbers of a text, in lower case."""
    found = (value.strip("./:#-").casefold() for value in _VALUE.findall(text))
    return [value for value in found if value]


def _is_count(value: str, text: str) -> bool:
    """Whether a bare number may be the model's own count: no text lists more than it parts."""
    return value.isdecimal() and int(value[:9]) <= text.count(",") + text.count("\n") + 1
