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
from practice.models.incidents import Analysis, Incident, IncidentAlert, KeptVerdict
from practice.models.observations import (
    ObservationMissing,
    ObservationUnreadable,
    StoredText,
)
from practice.models.replays import CaseSet, Replay, ReplayCase
from practice.models.retention import Retention
from practice.models.rounds import PracticeRecord, PracticeTask, Round
from practice.models.runs import LedgerEntry, Run, Unit
from practice.models.silence import ModelSilence
from practice.models.steering import Steering
from practice.models.tallies import AttemptTally, ToolTally
from practice.models.telemetry import TelemetryFile, TelemetrySource
from practice.models.traces import SentSpan, SentTrace
from practice.models.trials import Arm, Experiment, Lesson

__all__ = [
    "Analysis",
    "Arm",
    "Attempt",
    "AttemptTally",
    "CaseSet",
    "Environment",
    "EnvironmentFact",
    "EnvironmentSnapshot",
    "EnvironmentTool",
    "Experiment",
    "Incident",
    "IncidentAlert",
    "KeptVerdict",
    "LedgerEntry",
    "Lesson",
    "ModelCall",
    "ModelPrice",
    "ModelSilence",
    "ObservationMissing",
    "ObservationUnreadable",
    "Overrule",
    "PracticeRecord",
    "PracticeTask",
    "PromptTrial",
    "PromptVersion",
    "Replay",
    "ReplayCase",
    "Retention",
    "Round",
    "Run",
    "SentSpan",
    "SentTrace",
    "SentTrajectory",
    "Steering",
    "Step",
    "StoredText",
    "TelemetryFile",
    "TelemetrySource",
    "ToolTally",
    "Unit",
]
