"""The consolidator on a language model: what counting finds, and what only reading can find."""

from __future__ import annotations

from collections.abc import Sequence

from memoryapp.domain.playbook import Bullet, Delta, Op, Playbook
from practice.agents.calling import Line
from practice.agents.curator import Changes, as_delta
from practice.agents.ports import Curation
from practice.agents.prompting import clipped, fenced
from practice.agents.role_model import RoleModel
from practice.domain.consolidation import fitting, proposals
from practice.domain.types import Usage

#: findings of the run the model reads, the newest ones.
LEARNED = 40
LEARNED_CAP = 600


class ModelConsolidator:
    """Sees the playbook with its votes and the run's findings; no task and no trajectory."""

    def __init__(self, model: RoleModel) -> None:
        self._model = model

    def consolidate(self, playbook: Playbook, learned: Sequence[Delta]) -> Curation:
        """Return changes that fit the playbook, each to bullets no other one touches.

        What votes and the budget demand is proposed whatever the model says; of the rest the
        model's wording counts. Nothing is asked about fewer than two bullets.

        Raises:
            AgentError: see ``practice.agents.ports``.
        """
        counted = proposals(playbook, learned)
        if len(playbook.live) < 2:
            return Curation(counted, Usage(role="consolidator", model=self._model.name))
        limit = playbook.token_budget
        prompt = self._model.fill(
            budget=f"{limit} tokens" if limit else "any number of tokens",
            size=f"{playbook.tokens} tokens in {len(playbook.live)} entries",
            playbook="\n".join(_entry(bullet) for bullet in playbook.live),
            learned="\n".join(_finding(delta) for delta in learned[-LEARNED:]) or "(nothing)",
            counted="\n".join(_finding(delta) for delta in counted) or "(nothing)",
        )
        with Line(self._model) as line:
            reply, usage = line.ask(prompt, Changes)
        read = [as_delta(change, playbook) for change in reply.changes]
        asked = [delta for delta in read if delta is not None and delta.op is not Op.ADD]
        forced = [delta for delta in counted if delta.op is Op.RETIRE]
        return Curation(fitting(playbook, [*forced, *asked]), usage)


def _entry(bullet: Bullet) -> str:
    votes = f"{bullet.helpful} helpful, {bullet.harmful} harmful, {bullet.tokens} tokens"
    return f"- [{bullet.label}] ({bullet.section}; {votes}) {fenced(bullet.content)}"


def _finding(delta: Delta) -> str:
    about = f" {', '.join(delta.targets)}" if delta.targets else ""
    said = " ".join(filter(None, [delta.content, delta.reason]))
    return f"- {delta.op}{about}: {fenced(clipped(said, LEARNED_CAP))}"
