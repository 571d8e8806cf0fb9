"""The model engine: six roles on language models, behind the same protocols as the rules."""

from __future__ import annotations

from collections.abc import Callable

from practice.agents.calling import RoleModel
from practice.agents.curator import ModelCurator
from practice.agents.ports import Engine
from practice.agents.proposer import ModelProposer
from practice.agents.reflector import ModelReflector
from practice.agents.solver import ModelSolver
from practice.agents.summariser import ModelSummariser
from practice.agents.validator import ModelValidator


def assemble(name: str, model_of: Callable[[str], RoleModel]) -> Engine:
    """Return the engine; ``model_of(role)`` gives the model each role works with.

    Nothing is connected here: each call of a role opens and closes its own line.
    """
    return Engine(
        name=name,
        proposer=ModelProposer(model_of("proposer")),
        solver=ModelSolver(model_of("solver")),
        validator=ModelValidator(model_of("validator")),
        summariser=ModelSummariser(model_of("summariser")),
        reflector=ModelReflector(model_of("reflector")),
        curator=ModelCurator(model_of("curator")),
    )
