"""The consolidator without a model: votes, rules, likeness and the token budget."""

from __future__ import annotations

from collections.abc import Sequence

from memoryapp.domain.playbook import Delta, Playbook
from practice.agents.ports import Curation
from practice.domain.consolidation import proposals
from practice.domain.types import Usage


class RulesConsolidator:
    """Proposes what can be counted or compared; see ``practice.domain.consolidation``."""

    def consolidate(self, playbook: Playbook, learned: Sequence[Delta]) -> Curation:
        """Return at most ``LIMIT`` changes, each to bullets no other one touches."""
        return Curation(proposals(playbook, learned), Usage(role="consolidator"))
