"""The curator on a language model: changes to the playbook, for a person to decide on."""

from __future__ import annotations

from collections.abc import Set
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from memoryapp.domain.playbook import SECTIONS, Delta, Op, Playbook
from practice.agents.calling import Line
from practice.agents.ports import Curation
from practice.agents.prompting import fenced, playbook_block, trajectory_block
from practice.agents.role_model import RoleModel
from practice.agents.typed import cut_at
from practice.domain.types import Reflection, TaskSpec, Trajectory, Usage

MOST = 10
CONTENT_CAP = 2_000
_FEWEST_TARGETS = {Op.ADD: 0, Op.UPDATE: 1, Op.MERGE: 2, Op.RETIRE: 1}

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=CONTENT_CAP)]


class Change(BaseModel):
    """One change as the model writes it."""

    op: Literal["ADD", "UPDATE", "MERGE", "RETIRE"]
    section: Literal["strategies", "pitfalls", "apis", "code_snippets"] = "strategies"
    content: Text = ""
    targets: list[Annotated[str, StringConstraints(max_length=100)]] = Field(
        default_factory=list, max_length=20
    )
    reason: Annotated[
        str, cut_at(1_000), StringConstraints(strip_whitespace=True, max_length=1_000)
    ] = ""
    evidence: list[int] = Field(default_factory=list, max_length=60)


class Changes(BaseModel):
    """The curator's reply; no change is a good reply."""

    changes: list[Change] = Field(default_factory=list, max_length=MOST)


class ModelCurator:
    """Sees the task, the playbook, the trajectory and what the reflector found."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def curate(
        self, task: TaskSpec, playbook: Playbook, trajectory: Trajectory, reflection: Reflection
    ) -> Curation:
        """Return the changes that can be applied to this playbook as it stands.

        Nothing is asked where the reflector learned nothing: no lesson and no harmful bullet.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        if not reflection.key_insight and "harmful" not in reflection.tags.values():
            return Curation(deltas=(), usage=Usage(role="curator", model=self._model.name))
        limit = playbook.token_budget
        prompt = self._model.fill(
            sections=", ".join(SECTIONS),
            budget=f"{limit} tokens" if limit else "any number of tokens",
            size=f"{playbook.tokens} tokens in {len(playbook.live)} entries",
            playbook=playbook_block(playbook),
            kind=task.kind,
            instruction=fenced(task.instruction),
            trajectory=trajectory_block(trajectory, about=self._model.about(task)),
            analysis=fenced(_analysis(reflection)),
        )
        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Changes)
        steps = {step.number for step in trajectory.steps}
        deltas = [as_delta(change, playbook, steps) for change in reply.changes]
        return Curation(deltas=tuple(delta for delta in deltas if delta is not None), usage=usage)


def _analysis(reflection: Reflection) -> str:
    tags = ", ".join(f"{label}: {tag}" for label, tag in reflection.tags.items())
    found = {
        "What happened": reflection.what_happened,
        "Root cause": reflection.root_cause,
        "Correct approach": reflection.correct_approach,
        "Key insight": reflection.key_insight,
        "Playbook entries": tags,
    }
    return "\n".join(f"{title}: {text}" for title, text in found.items() if text)


def as_delta(change: Change, playbook: Playbook, steps: Set[int] = frozenset()) -> Delta | None:
    """Return the operation, or ``None`` where it names too few bullets or no text.

    Targets that do not exist are dropped and named in the reason; steps that do not exist are
    dropped from the evidence.
    """
    op = Op(change.op)
    shown = {bullet.label: bullet for bullet in playbook.live}
    named = tuple(dict.fromkeys(label.strip().strip("[]") for label in change.targets))
    targets = () if op is Op.ADD else tuple(label for label in named if label in shown)
    if op in (Op.UPDATE, Op.RETIRE) and len(targets) > 1:
        return None
    if len(targets) < _FEWEST_TARGETS[op] or (op is not Op.RETIRE and not change.content):
        return None
    unknown = [] if op is Op.ADD else [label for label in named if label not in shown]
    note = f" (The model also named {', '.join(unknown)}: no such bullet.)" if unknown else ""
    return Delta(
        op=op,
        section=change.section if op is Op.ADD else shown[targets[0]].section,
        content="" if op is Op.RETIRE else change.content,
        targets=targets,
        reason=change.reason + note,
        evidence=tuple(sorted(steps & set(change.evidence))),
    )
