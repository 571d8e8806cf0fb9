"""The tables of practice, one module per subject."""

from practice.models.attempts import Attempt, Overrule, Step
from practice.models.calls import ModelCall, ModelPrice, PromptTrial, PromptVersion
from practice.models.deployment import SentTrajectory
from practice.models.environments import (
    Environment,
    EnvironmentFact,
    EnvironmentSnapshot,
    EnvironmentTool,
)
from practice.models.rounds import PracticeRecord, PracticeTask, Round
from practice.models.runs import LedgerEntry, Run, Unit
from practice.models.steering import Steering
from practice.models.trials import Arm, Experiment, Lesson

__all__ = [
    "Arm",
    "Attempt",
    "Environment",
    "EnvironmentFact",
    "EnvironmentSnapshot",
    "EnvironmentTool",
    "Experiment",
    "LedgerEntry",
    "Lesson",
    "ModelCall",
    "ModelPrice",
    "Overrule",
    "PracticeRecord",
    "PracticeTask",
    "PromptTrial",
    "PromptVersion",
    "Round",
    "Run",
    "SentTrajectory",
    "Steering",
    "Step",
    "Unit",
]
