"""Legal transitions of a candidate. Pure.

pending ──approve──▶ approved ─┐
   │ ──reject──▶ rejected ─────┤ undo
   ▲                           │
   └───────────────────────────┘
pending ──(its target changed or was retired)──▶ superseded
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


UNDOABLE = frozenset({Status.APPROVED, Status.REJECTED})

#: What a rejection may say with one key; free text may be added.
REJECT_REASONS = (
    "Not true of the environment",
    "Too specific to one task",
    "Obvious from the tool documentation",
    "Already covered by another bullet",
    "Unclear or badly worded",
)
