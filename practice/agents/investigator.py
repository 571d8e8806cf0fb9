"""The investigator on a language model: asked of open verdicts, after the deterministic engine.

Four parts of one role, as in AMER-RCL: a trace, a metric and a log part each read their modality's
evidence; the meta part reads what they said and decides. Its answer counts only if every name is in
the graph and every citation is evidence that was shown; otherwise, and whenever the model fails,
there is no opinion and the deterministic answer stands. The words of a reason that uses other names
are not passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from practice.agents.calling import Line
from practice.agents.ports import AgentError, ProviderUnavailable
from practice.agents.prompting import clipped, fenced
from practice.agents.role_model import RoleModel
from practice.domain.rootcause.explanation import strangers
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Evidence, NotAsked, Opinion, Question, Verdict
from practice.domain.types import Usage

MAX_CALLS = 6
_SHOWN = 20
_STATEMENT_CAP = 400
_NAMES = 200
WITHHELD = "its words name what is neither in the graph nor in the evidence, so they are left out"

_PARTS: dict[Modality, str] = {
    Modality.TRACES: "read the traces: calls, times, steps that went missing.",
    Modality.METRICS: "read the metrics: resources, latencies, rates, and when they moved.",
    Modality.LOGS: "read the logs: which statements came, went or grew.",
    Modality.EDGES: "read the calls as both sides measured them, and the gap between.",
}
_META = "weigh what the other parts said against the evidence, and decide."

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Finding(BaseModel):
    """The reply of each part."""

    verdict: Literal["own", "inherited", "normal", "open"]
    reason: Reason
    inherited_from: Annotated[list[str], Field(max_length=10)] = []
    evidence: Annotated[list[str], Field(max_length=20)] = []


class ModelInvestigator:
    """Answers questions of one analysis with at most ``calls`` requests in all.

    ``usages`` are what the calls cost, in order, for the ledger.
    """

    def __init__(self, model: RoleModel, calls: int = MAX_CALLS) -> None:
        self._model = model
        self._left, self._sent = calls, 0
        self.usages: list[Usage] = []

    def __call__(self, question: Question) -> Opinion:
        """The checked opinion; an open one where there was no usable answer.

        Raises:
            NotAsked: no call is left.
        """
        if self._left <= 0:
            raise NotAsked
        before = self._sent
        modalities = sorted({one.modality for one in question.evidence})
        said = []
        if 1 < len(modalities) < self._left:
            for modality in modalities:
                mine = [one for one in question.evidence if one.modality is modality]
                reply = self._ask(question, _PARTS[modality], mine, ())
                if reply is not None:
                    said.append(f"{modality.value}: {reply.verdict}, {reply.reason}")
        decided = self._ask(question, _META, question.evidence, said)
        opinion = _opinion(decided, question) if decided is not None else None
        return replace(opinion or Opinion(Verdict.OPEN, ""), calls=self._sent - before)

    def _ask(
        self, question: Question, part: str, evidence: Sequence[Evidence], said: Sequence[str]
    ) -> Finding | None:
        if self._left <= 0:
            return None
        self._left, self._sent = self._left - 1, self._sent + 1
        prompt = self._model.fill(
            part=part,
            component=fenced(question.node),
            callees=fenced(", ".join(question.callees)) or "nothing",
            names=fenced("\n".join(question.names[:_NAMES])),
            evidence="\n".join(evidence_line(one) for one in evidence[:_SHOWN]) or "(none)",
            said=fenced("\n".join(said)) or "(nothing)",
        )
        try:
            with Line(self._model) as line:
                reply, usage = line.ask(prompt, Finding)
        except ProviderUnavailable:
            self._left = 0  # the next call would wait as long
            return None
        except AgentError:
            return None
        self.usages.append(usage)
        return reply


def evidence_line(one: Evidence) -> str:
    """One claim as a model is shown it."""
    when = f", since {one.onset:.0f}" if one.onset is not None else ""
    text = fenced(clipped(" ".join(one.statement.split()), _STATEMENT_CAP))
    return f"[{one.evidence_id}] {one.kind.value}, weight {one.weight:.1f}{when}: {text}"


def _opinion(reply: Finding, question: Question) -> Opinion | None:
    """The reply as an opinion if it keeps to the graph and the evidence, else ``None``."""
    verdict = Verdict(reply.verdict)
    shown = {one.evidence_id for one in question.evidence}
    unknown = set(reply.inherited_from) - set(question.callees)
    if verdict is Verdict.OPEN or unknown or not set(reply.evidence) <= shown:
        return None
    if (verdict is Verdict.INHERITED) != bool(reply.inherited_from):
        return None
    if verdict in (Verdict.OWN, Verdict.INHERITED) and not reply.evidence:
        return None
    known = (*question.names, *question.callees, question.node, *sorted(shown))
    said = (one.statement for one in question.evidence)
    reason = WITHHELD if strangers(reply.reason, " ".join((*known, *said))) else reply.reason
    return Opinion(verdict, reason, tuple(reply.inherited_from), tuple(reply.evidence))
