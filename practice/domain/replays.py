"""What a replay of a labelled set says, per kind and variant, and whether it may pass. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from practice.domain.rootcause.evaluation import Replayed, Truth, rank_of, report, scored
from practice.domain.rootcause.telemetry import (
    EdgeTable,
    LogTable,
    MetricTable,
    SpanTable,
    Telemetry,
)

WHOLE = "whole"
NO_REFERENCE = "no-reference"
#: How a case ended that failed and has no answer.
FAILED = "failed"
# So many cases are named in a sentence.
_NAMED = 5


class Kind(StrEnum):
    """What the cases of a set are: outages, or failed trajectories of agents."""

    TELEMETRY = "telemetry"
    TRAJECTORIES = "trajectories"


#: Variant to what is taken away, for each kind; the whole is always replayed.
VARIANTS = {
    Kind.TELEMETRY: {
        WHOLE: "Everything",
        "no-metrics": "Without metrics",
        "no-traces": "Without traces",
        "no-logs": "Without logs",
        "no-edges": "Without call latencies",
        "no-topology": "Without topology",
        NO_REFERENCE: "Without fault-free reference",
    },
    Kind.TRAJECTORIES: {
        WHOLE: "Everything",
        "no-task": "Without the task",
        "no-reports": "Without what actions returned",
        "no-code": "Without code",
    },
}
#: What may not get worse, and what it is called.
_COMPARED = {
    Kind.TELEMETRY: {"r_at_1": "R@1", "mrr": "MRR"},
    Kind.TRAJECTORIES: {"r_at_1": "exact step", "agent_at_1": "agent", "mrr": "MRR"},
}


def varied(telemetry: Telemetry, variant: str) -> Telemetry:
    """Telemetry of a case or of the reference under a variant: one kind of it taken away."""
    match variant:
        case "no-metrics":
            return replace(telemetry, metrics=MetricTable())
        case "no-traces":
            return replace(telemetry, spans=SpanTable())
        case "no-logs":
            return replace(telemetry, logs=LogTable())
        case "no-edges":
            return replace(telemetry, edges=EdgeTable())
        case "no-topology":
            return replace(telemetry, topology=())
        case _:
            return telemetry


def unanswered(case_id: str, why: str) -> Replayed:
    """A case that failed. It stays in the figures, as a miss that took no time."""
    return Replayed(case_id, (), 0.0, 0, outcome=FAILED, notes=(why,))


def figures(
    name: str,
    replayed: Sequence[Replayed],
    truths: Mapping[str, Truth],
    calls: Sequence[int],
    kind: Kind,
) -> dict[str, Any]:
    """``evaluation.report`` with shares of verified and withheld answers, and what it took.

    ``calls`` are the model calls of each case that was answered. A trajectory has no path of calls
    that could be verified.
    """
    found = report(name, replayed, truths or None)
    answered = [case for case in replayed if case.outcome == "found"]
    count = len(replayed) or 1
    if kind is Kind.TELEMETRY:
        verified = sum(case.verified for case in answered)
        found["verified_share"] = round(verified / (len(answered) or 1), 4)
    return found | {
        "abstention": round(1 - len(answered) / count, 4),
        "visits_median": statistics.median([c.visits for c in replayed] or [0]),
        "model_calls": sum(calls),
    }


def answered(rows: Mapping[str, Any]) -> bool:
    """Whether any case of a replay under one variant was answered."""
    return any(case["outcome"] != FAILED for case in rows["per_case"])


def gate(
    now: Mapping[str, Any],
    before: Mapping[str, Any],
    truths: Mapping[str, Truth],
    kind: Kind,
) -> dict[str, Any]:
    """Whether a replay is no worse than the baseline of its set, and which cases moved.

    It passes when neither R@1 nor MRR of the whole is lower, nor the share of right agents where
    labels name them, and no case of it failed that the baseline answers. What failed in the
    baseline says nothing of what got worse: it is left out of both. Cases are compared by rank.
    """
    if "r_at_1" not in now or "r_at_1" not in before:
        return {"passed": None, "message": "The set has no labels, so nothing can be compared."}
    left_out = _failed(before)
    held = {side: _without(rows, left_out, truths) for side, rows in (("now", now), ("b", before))}
    mine, theirs = held["now"], held["b"]
    if not mine or not theirs:
        return {
            "passed": None,
            "message": "No case with a label was answered in the baseline: choose another.",
        }
    failed = [case_id for case_id in _failed(now) if case_id not in left_out]
    words = {key: word for key, word in _COMPARED[kind].items() if key in mine and key in theirs}
    lower = [key for key in words if mine[key] < theirs[key]]
    ranks = {side: _ranks(rows, truths) for side, rows in (("now", now), ("before", before))}
    moved = [
        {"case_id": case_id, "now": rank, "before": ranks["before"][case_id]}
        for case_id, rank in ranks["now"].items()
        if case_id not in left_out
        and case_id in ranks["before"]
        and ranks["before"][case_id] != rank
    ]
    said = ", ".join(f"{word} {theirs[key]:.2f} to {mine[key]:.2f}" for key, word in words.items())
    lost = f" {len(failed)} of {now['cases']} cases failed and count as missed." if failed else ""
    return {
        "passed": not lower and not failed,
        "message": f"Against the baseline: {said}.{lost}{_left_out(left_out)}",
        "moved": sorted(moved, key=lambda row: _worse(row["now"], row["before"]), reverse=True),
    }


def _failed(rows: Mapping[str, Any]) -> list[str]:
    return [case["case_id"] for case in rows["per_case"] if case["outcome"] == FAILED]


def _without(
    rows: Mapping[str, Any], left_out: Sequence[str], truths: Mapping[str, Truth]
) -> Mapping[str, Any]:
    """The figures of a replay without some cases; nothing where no labelled one is left."""
    if not left_out:
        return rows
    kept = [
        Replayed(case["case_id"], tuple(case["ranked"]), 0.0, 0, agent=case.get("agent", ""))
        for case in rows["per_case"]
        if case["case_id"] in truths and case["case_id"] not in left_out
    ]
    return scored(kept, truths) if kept else {}


def _left_out(cases: Sequence[str]) -> str:
    """Which cases were compared with nothing, as a sentence that begins with a space."""
    if not cases:
        return ""
    more = f" and {len(cases) - _NAMED} more" if len(cases) > _NAMED else ""
    names = ", ".join(cases[:_NAMED])
    return f" Left out of both, for it failed in the baseline: {names}{more}."


def _ranks(rows: Mapping[str, Any], truths: Mapping[str, Truth]) -> dict[str, int | None]:
    return {
        case["case_id"]: rank_of(truths[case["case_id"]], case["ranked"])
        for case in rows["per_case"]
        if case["case_id"] in truths
    }


def _worse(now: int | None, before: int | None) -> float:
    return 1 / (before or 1_000) - 1 / (now or 1_000)
