"""The model engine: the roles on language models, behind the same protocols as the rules."""

from __future__ import annotations

from collections.abc import Callable

from practice.agents.condenser import Condenser
from practice.agents.consolidator import ModelConsolidator
from practice.agents.curator import ModelCurator
from practice.agents.ports import Engine
from practice.agents.proposer import ModelProposer
from practice.agents.reflector import ModelReflector
from practice.agents.role_model import RoleModel
from practice.agents.solver import ModelSolver
from practice.agents.summariser import ModelSummariser
from practice.agents.validator import ModelValidator


def assemble(name: str, model_of: Callable[[str], RoleModel], votes: int = 1) -> Engine:
    """Return the engine; ``model_of(role)`` gives the model each role works with.

    ``votes`` is how often the validator asks its model about one attempt, at most.

    Nothing is connected here: each call of a role opens and closes its own line.
    """
    solver = model_of("solver")
    condenser = Condenser(model_of("condenser")) if solver.condenses else None
    return Engine(
        name=name,
        proposer=ModelProposer(model_of("proposer")),
        solver=ModelSolver(solver, condenser),
        validator=ModelValidator(model_of("validator"), votes),
        summariser=ModelSummariser(model_of("summariser")),
        reflector=ModelReflector(model_of("reflector")),
        curator=ModelCurator(model_of("curator")),
        consolidator=ModelConsolidator(model_of("consolidator")),
    )
