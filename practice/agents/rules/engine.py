"""Wires the roles that need no language model into one engine."""

from __future__ import annotations

from practice.agents.ports import Engine
from practice.agents.rules.consolidator import RulesConsolidator
from practice.agents.rules.curator import RulesCurator
from practice.agents.rules.proposer import RulesProposer
from practice.agents.rules.reflector import RulesReflector
from practice.agents.rules.solver import RulesSolver
from practice.agents.rules.summariser import RulesSummariser
from practice.agents.rules.validator import RulesValidator


def build_engine(seed: int) -> Engine:
    """Return the rules engine; with one seed and one environment it always does the same."""
    return Engine(
        name="rules",
        proposer=RulesProposer(seed),
        solver=RulesSolver(seed),
        validator=RulesValidator(),
        summariser=RulesSummariser(),
        reflector=RulesReflector(),
        curator=RulesCurator(),
        consolidator=RulesConsolidator(),
    )
