"""Legal transitions of a candidate, and who or what may make them. Pure.

pending ──approve──▶ approved ─┐
   │ ──reject──▶ rejected ─────┤ undo
   ▲                           │
   └───────────────────────────┘
pending ──(its target changed or was retired)──▶ superseded ──(that is undone)──▶ pending
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from memoryapp.domain.playbook import Op
from memoryapp.domain.shares import percent


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
    "Unsafe or private",
)

#: What a policy may admit alone: retiring and merging take something away from agents.
ADMISSIBLE_OPS = frozenset({Op.ADD, Op.UPDATE})
#: Gates of the validator (Preping, arXiv 2605.13880 §3.3): feasible from 5, success from 4, of 5.
FEASIBLE, SUCCESS = 5, 4


@dataclass(frozen=True, slots=True)
class Policy:
    """Who or what may admit candidates to one playbook. Shares are fractions in 0..1.

    ``admit_from`` is the validator's confidence from which nobody is asked; ``None``: people
    review everything. ``protected_labels`` name releases whose playbook needs more people.
    """

    reviewers: int = 1
    protected_labels: tuple[str, ...] = ()
    protected_reviewers: int = 2
    admit_from: float | None = None
    audit_share: float = 0.1
    blind_share: float = 0.0

    def facts(self) -> dict[str, Any]:
        """The policy as the audit log keeps it; ``domain.seen.shown`` of it is ``seen``."""
        return {**asdict(self), "protected_labels": list(self.protected_labels)}

    def gate(self) -> dict[str, Any]:
        """The same of its gate alone."""
        return {"admit_from": self.admit_from}

    def needed(self, labels: Collection[str]) -> int:
        """How many people must agree, for a playbook that agents read through ``labels``."""
        protected = any(name in labels for name in self.protected_labels)
        return max(self.reviewers, self.protected_reviewers if protected else 1)


@dataclass(frozen=True, slots=True)
class Cast:
    """One person's standing word. ``content`` is the wording an approval is for."""

    decision: Status
    content: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the words so far come to. ``decision`` is ``None`` while more are needed."""

    decision: Status | None
    content: str
    missing: int
    #: approvals for different wordings: people have to agree on one.
    wordings: int


def outcome(casts: Sequence[Cast], needed: int) -> Outcome:
    """Settle a candidate: one rejection is enough, an approval needs ``needed`` equal wordings."""
    if any(cast.decision is Status.REJECTED for cast in casts):
        return Outcome(Status.REJECTED, "", 0, 0)
    counted: dict[str, int] = {}
    for cast in casts:
        counted[cast.content] = counted.get(cast.content, 0) + 1
    content, most = max(counted.items(), key=lambda item: item[1], default=("", 0))
    if most >= needed:
        return Outcome(Status.APPROVED, content, 0, len(counted))
    return Outcome(None, "", needed - most, len(counted))


def sampled(identifier: str, share: float, purpose: str) -> bool:
    """Whether a row is in a sample: the same answer every time, independent per purpose."""
    drawn = hashlib.sha256(f"{purpose} {identifier}".encode()).digest()[:8]
    return int.from_bytes(drawn, "big") < share * 2**64


def reasons_to_ask(
    policy: Policy,
    *,
    op: Op,
    scores: Mapping[str, Any],
    warnings: Sequence[str],
    evidence: int,
    labels: Collection[str],
) -> list[str]:
    """Why a person has to decide; empty if the policy may admit the candidate alone."""
    if policy.admit_from is None:
        return ["People review everything here."]
    sure = scores.get("confidence")
    asked = (
        (policy.needed(labels) > 1, "More than one person has to agree."),
        (op not in ADMISSIBLE_OPS, f"{op.title()} takes something away from agents."),
        (not isinstance(sure, int | float), "The validator said nothing."),
        (
            isinstance(sure, int | float) and sure < policy.admit_from,
            f"The validator is less sure than {percent(policy.admit_from)}.",
        ),
        ((scores.get("feasibility") or 0) < FEASIBLE, "The task was not found feasible."),
        ((scores.get("completion") or 0) < SUCCESS, "The task was not found completed."),
        (not evidence, "No step is cited."),
    )
    return [said for holds, said in asked if holds] + list(warnings)


def moved_on(against: Mapping[str, int], now: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """Target label to its revision when it was proposed and now, where the two differ."""
    return {
        label: (revision, now[label])
        for label, revision in against.items()
        if label in now and now[label] != revision
    }


def shown(content: str, revisions: Iterable[tuple[str, int]]) -> str:
    """Return what a reviewer is shown as a digest: the proposal and the targets as they are."""
    said = "|".join(f"{label} {number}" for label, number in sorted(revisions))
    return hashlib.sha256(f"{content}|{said}".encode()).hexdigest()
