"""How states and the sections of a playbook look and are called, wherever they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Look:
    """How one state is shown: ``tone`` is a color class, ``word`` always stands beside the icon."""

    tone: str
    icon: str
    word: str


LOOKS: dict[str, Look] = {
    # bullets and candidates
    "approved": Look("ok", "circle-check", "Approved"),
    "proposed": Look("info", "circle-dashed", "Proposed"),
    "pending": Look("info", "circle-dashed", "Waiting"),
    "rejected": Look("bad", "circle-x", "Rejected"),
    "stale": Look("warn", "triangle-alert", "Stale"),
    "retired": Look("", "archive", "Retired"),
    "removed": Look("", "archive", "Removed"),
    "superseded": Look("", "git-merge", "Superseded"),
    # runs, units and attempts
    "queued": Look("", "clock", "Queued"),
    "waiting": Look("", "clock", "Waiting"),
    "running": Look("info", "loader-circle", "Running"),
    "paused": Look("warn", "pause", "Paused"),
    "retrying": Look("warn", "rotate-ccw", "Retrying"),
    "finished": Look("ok", "circle-check", "Finished"),
    "done": Look("ok", "circle-check", "Done"),
    "failed": Look("bad", "circle-x", "Failed"),
    "delivered": Look("ok", "circle-check", "Delivered"),
    "cancelled": Look("", "ban", "Cancelled"),
    "step_limit": Look("warn", "timer", "Step limit"),
    "infrastructure_error": Look("warn", "plug", "Not judged"),
    "validated": Look("info", "shield-check", "Validated"),
    "admitted": Look("ok", "circle-check", "Admitted"),
    "not_admitted": Look("", "circle-slash-2", "Not admitted"),
    "curated": Look("ok", "circle-check", "Curated"),
    # lessons on trial
    "testing": Look("info", "loader-circle", "Being tested"),
    "kept": Look("ok", "circle-check", "Kept"),
    "refuted": Look("bad", "circle-x", "Refuted"),
    "untested": Look("warn", "circle-help", "Not tested"),
    # the validator's labels and what the attempts at one task say together
    "success": Look("ok", "circle-check", "Success"),
    "failure": Look("bad", "circle-x", "Failure"),
    "infeasible": Look("", "circle-slash-2", "Infeasible"),
    "unsolved": Look("bad", "circle-x", "Unsolved"),
    "boundary": Look("info", "git-branch", "Boundary"),
    "trivial": Look("", "check", "Trivial"),
    # regions of proposer memory
    "practised": Look("ok", "circle-check", "Practised"),
    "under_practised": Look("info", "circle-dashed", "Under-practised"),
    "never_used": Look("warn", "circle", "Never used"),
    # incidents and the verdicts on their components
    "open": Look("warn", "circle-dashed", "Not confirmed"),
    "confirmed": Look("ok", "circle-check", "Confirmed"),
    "corrected": Look("info", "pencil", "Corrected"),
    "dismissed": Look("", "circle-slash-2", "Dismissed"),
    "own": Look("bad", "target", "Own"),
    "inherited": Look("warn", "arrow-down-right", "Inherited"),
    "normal": Look("", "check", "Normal"),
    "unjudged": Look("", "circle-dashed", "Open"),
    # environments, tools, keys
    "connected": Look("ok", "plug", "Connected"),
    "unreachable": Look("bad", "plug", "Unreachable"),
    "on": Look("ok", "circle-check", "On"),
    "off": Look("warn", "lock", "Off"),
    "active": Look("ok", "circle-check", "Active"),
    "expired": Look("warn", "clock", "Expired"),
    "revoked": Look("", "ban", "Revoked"),
    # what agents say of a bullet
    "helpful": Look("ok", "circle-check", "Helpful"),
    "harmful": Look("bad", "circle-x", "Harmful"),
    "neutral": Look("", "circle", "Neutral"),
    # what hides characters or gives instructions to a model
    "quarantine": Look("warn", "triangle-alert", "Quarantine"),
    # operations of a candidate
    "ADD": Look("", "plus", "Add"),
    "UPDATE": Look("", "pencil", "Update"),
    "MERGE": Look("", "git-merge", "Merge"),
    "RETIRE": Look("", "archive", "Retire"),
}

#: How the fixed sections of a playbook are titled, and what belongs into them.
SECTIONS: dict[str, tuple[str, str]] = {
    "strategies": ("Strategies", "How to go about a request"),
    "pitfalls": ("Pitfalls", "What goes wrong, and what to do instead"),
    "apis": ("APIs", "What each tool really expects"),
    "code_snippets": ("Code snippets", "What may be copied as it stands"),
}


def look_of(state: Any) -> Look:
    """Return the look of a state; an unknown one keeps its own word and no color."""
    name = str(getattr(state, "value", state) or "")
    return LOOKS.get(name) or Look("", "circle", name.replace("_", " ").capitalize())
