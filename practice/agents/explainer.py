"""The explainer on a language model: the answer of an analysis in words, one request.

What it writes is checked against the graph and the evidence (``domain.rootcause.explanation``);
nothing it says changes the answer, and when it fails the answer stands without it.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from practice.agents.calling import Line
from practice.agents.investigator import evidence_line
from practice.agents.ports import AgentError
from practice.agents.prompting import clipped, fenced
from practice.agents.role_model import RoleModel
from practice.domain.rootcause.explanation import SENTENCES, Sentence, checked, shown
from practice.domain.rootcause.types import Analysis

_NAMES = 200
_CAUSES = 5

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Said(BaseModel):
    """One sentence of the reply."""

    text: Text
    about: Annotated[list[str], Field(max_length=10)] = []
    evidence: Annotated[list[str], Field(max_length=10)]


class Explanation(BaseModel):
    """The reply."""

    sentences: Annotated[list[Said], Field(min_length=1, max_length=2 * SENTENCES)]


class ModelExplainer:
    """Has a model say what was found, and keeps of it what its evidence bears out."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def __call__(self, found: Analysis) -> tuple[Sentence, ...]:
        """The sentences that can be checked; none when the model fails or makes everything up."""
        answer = [f"{found.outcome.value}: {found.statement}"]
        answer += [
            f"{cause.rank}. {cause.node}, score {cause.score:.2f}"
            f"{', path verified' if cause.verified else ''}: {cause.statement}"
            for cause in found.causes[:_CAUSES]
        ]
        answer += [f"open: {visit.node}, {visit.reason}" for visit in found.open_visits[:_CAUSES]]
        prompt = self._model.fill(
            answer=fenced("\n".join(clipped(line, 600) for line in answer)),
            names=fenced("\n".join(node.node_id for node in found.nodes[:_NAMES])),
            evidence="\n".join(evidence_line(one) for one in shown(found)) or "(none)",
        )
        try:
            with Line(self._model) as line:
                reply, _ = line.ask(prompt, Explanation)
        except AgentError:
            return ()
        said = (
            Sentence(one.text, tuple(one.about), tuple(one.evidence)) for one in reply.sentences
        )
        return checked(said, found)
