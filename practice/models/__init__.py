"""The tables of practice, one module per subject."""

from practice.models.attempts import Attempt, Step
from practice.models.environments import Environment, EnvironmentFact, EnvironmentTool
from practice.models.rounds import PracticeRecord, PracticeTask, Round
from practice.models.runs import LedgerEntry, Run, Unit

__all__ = [
    "Attempt",
    "Environment",
    "EnvironmentFact",
    "EnvironmentTool",
    "LedgerEntry",
    "PracticeRecord",
    "PracticeTask",
    "Round",
    "Run",
    "Step",
    "Unit",
]
