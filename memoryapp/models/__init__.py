"""The tables of memoryapp, one module per subject."""

from memoryapp.models.bulk_changes import BulkChange, BulkChangeOutcome
from memoryapp.models.candidates import Candidate, Evidence
from memoryapp.models.entries import Bullet, BulletRevision
from memoryapp.models.evaluations import Evaluation
from memoryapp.models.events import Event
from memoryapp.models.exports import ExportPiece, WorkspaceExport
from memoryapp.models.playbooks import Playbook
from memoryapp.models.receipts import (
    IdempotentRequest,
    PullCount,
    PullReceipt,
    ReceiptSource,
    Report,
    Vote,
)
from memoryapp.models.releases import LabelMove, Release, ReleaseLabel
from memoryapp.models.reviewing import (
    BulkDecision,
    BulkOutcome,
    Note,
    Reservation,
    ReviewPolicy,
    ReviewVote,
    Trail,
)
from memoryapp.models.saved_views import SavedView
from memoryapp.models.tallies import Tally
from memoryapp.models.tokens import ApiKey
from memoryapp.models.vectors import BulletVector, EmbeddingModel, RecallTrace
from memoryapp.models.webhooks import Delivery, DeliveryTry, Webhook
from memoryapp.models.workspaces import Invitation, Membership, Role, Workspace

__all__ = [
    "ApiKey",
    "BulkChange",
    "BulkChangeOutcome",
    "BulkDecision",
    "BulkOutcome",
    "Bullet",
    "BulletRevision",
    "BulletVector",
    "Candidate",
    "Delivery",
    "DeliveryTry",
    "EmbeddingModel",
    "Evaluation",
    "Event",
    "Evidence",
    "ExportPiece",
    "IdempotentRequest",
    "Invitation",
    "LabelMove",
    "Membership",
    "Note",
    "Playbook",
    "PullCount",
    "PullReceipt",
    "RecallTrace",
    "ReceiptSource",
    "Release",
    "ReleaseLabel",
    "Report",
    "Reservation",
    "ReviewPolicy",
    "ReviewVote",
    "Role",
    "SavedView",
    "Tally",
    "Trail",
    "Vote",
    "Webhook",
    "Workspace",
    "WorkspaceExport",
]
