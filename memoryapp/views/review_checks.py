"""The checks of Review: what a reviewer would have to look up otherwise; warnings first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from memoryapp.domain import playbook as domain
from memoryapp.domain.playbook import DeltaRefused, Op
from memoryapp.domain.provenance import WORDS, Trust
from memoryapp.domain.retrieval import near_duplicates
from memoryapp.domain.shares import percent
from memoryapp.domain.text import looks_like_instruction
from memoryapp.domain.warnings import warnings_of
from memoryapp.models import Candidate, Evidence

#: Where the page says that a bullet moved on since its change was proposed.
MOVED = "#moved"
#: Near duplicates that are named.
MOST_TWINS = 5


def checks_of(
    candidate: Candidate,
    value: domain.Playbook,
    evidence: Sequence[Evidence],
    moved: Sequence[Mapping[str, Any]],
    blind: bool,
    twins: int,
) -> list[dict[str, Any]]:
    """Every check of a candidate; the validator's are left out while ``blind``.

    ``twins`` is how many other candidates that wait say nearly the same.
    """
    found = [
        *_provenance_checks(candidate),
        *_target_checks(candidate, moved),
        *([] if blind else _validator_checks(candidate.scores)),
        *_text_checks(candidate.content, evidence),
        *_twin_checks(candidate, value),
        *_waiting_checks(candidate, twins),
        *_apply_checks(candidate, value),
    ]
    return sorted(found, key=lambda check: check["ok"])


def _provenance_checks(candidate: Candidate) -> list[dict[str, Any]]:
    return [_check(candidate.trust >= Trust.PRACTICE, WORDS[Trust(candidate.trust)])]


def _target_checks(
    candidate: Candidate, moved: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found = [
        _check(
            False,
            f"`{row['bullet'].label}` moved on from revision {row['then']} to {row['now']} since "
            "this was proposed; you see the change against its text of today",
            MOVED,
        )
        for row in moved
    ]
    if candidate.proposed_against and not moved:
        found.append(_check(True, "The playbook is as it was when this was proposed"))
    return found


def check_name(said: Mapping[str, Any]) -> str:
    """The name of a validator's check in words: ``tools_exist`` is said as ``Tools exist``."""
    return str(said.get("name", "")).replace("_", " ").capitalize()


def _validator_checks(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for row in said.get("checks") or []:
        words = ": ".join(filter(None, (check_name(row), str(row.get("detail", "")))))
        found.append(_check(bool(row.get("passed")), words))
    return found


def _text_checks(content: str, evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Hidden characters, orders to a model and secrets, in the text and in what it cites."""
    warned = warnings_of(content)
    found = [_check(False, warning.text) for warning in warned]
    kinds = {warning.kind for warning in warned}
    for row in evidence:
        for phrase in looks_like_instruction(row.excerpt):
            text = f"Step {row.number} contains what reads like instructions: “{phrase}”"
            found.append(_check(False, text, row.link, "Open"))
            kinds.add("order")
    passed = {
        "hidden": "No hidden characters",
        "order": "Nothing reads like instructions to a model",
        "secret": "Nothing looks like a secret",
    }
    return found + [_check(True, text) for kind, text in passed.items() if kind not in kinds]


def _twin_checks(candidate: Candidate, value: domain.Playbook) -> list[dict[str, Any]]:
    if candidate.op == Op.RETIRE or not candidate.is_pending:
        return []
    targets = {bullet.label for bullet in candidate.targets.all()}
    others = ((b.label, b.content) for b in value.live if b.label not in targets)
    near = near_duplicates(candidate.content, others)[:MOST_TWINS]
    if not near:
        return [_check(True, "No other bullet says nearly the same")]
    return [
        _check(
            False,
            f"Close to `{label}`, {percent(score)} the same",
            reverse("bullet-detail", args=[candidate.playbook.slug, label]),
        )
        for label, score in near
    ]


def _waiting_checks(candidate: Candidate, twins: int) -> list[dict[str, Any]]:
    if not candidate.is_pending or candidate.op == Op.RETIRE:
        return []
    if not twins:
        return [_check(True, "Nothing else that waits says nearly the same")]
    others = "Another candidate that waits says" if twins == 1 else f"{twins} others that wait say"
    return [_check(False, f"{others} nearly the same", "#twins", "Put together")]


def _apply_checks(candidate: Candidate, value: domain.Playbook) -> list[dict[str, Any]]:
    """Whether approving would work, asked of the very function that approves."""
    if not candidate.is_pending:
        return []
    try:
        domain.apply(value, candidate.as_delta())
    except DeltaRefused as refusal:
        return [_check(False, f"Approving it as it stands would be refused. {refusal}")]
    budget = f"Fits the budget of {value.token_budget:,} tokens" if value.token_budget else ""
    return [_check(True, budget or "The playbook can take it")]


def _check(ok: bool, text: str, url: str = "", url_text: str = "") -> dict[str, Any]:
    return {"ok": ok, "text": text, "url": url, "url_text": url_text}
