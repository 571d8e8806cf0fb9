"""Hold rankings against labels: R@k, MRR, and the same per fault type. Pure arithmetic."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from practice.domain.rootcause.trajectories import TrajectoryAnalysis
from practice.domain.rootcause.types import Analysis


@dataclass(frozen=True, slots=True)
class Truth:
    """The label of one case. The engine never sees it.

    For a trajectory ``service`` is the index of the decisive step and ``agent`` who took it.
    """

    case_id: str
    service: str
    fault_type: str = ""
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the engine answered for one case. ``seconds`` includes reading the case."""

    case_id: str
    ranked: tuple[str, ...]
    seconds: float
    visits: int
    outcome: str = ""
    score: float = 0.0
    verified: bool = False
    notes: tuple[str, ...] = field(default=())
    agent: str = ""


def ranking(analysis: Analysis) -> tuple[str, ...]:
    """Services, and hosts that have a case, best first."""
    names = (cause.service or cause.node.partition(":")[2] for cause in analysis.causes)
    return tuple(dict.fromkeys(names))


def of_telemetry(
    case_id: str, answer: Analysis, seconds: float, notes: Sequence[str] = ()
) -> Replayed:
    """What the engine said of a case of telemetry. ``notes`` are those on what was read."""
    top = answer.causes[0] if answer.causes else None
    return Replayed(
        case_id=case_id,
        ranked=ranking(answer),
        seconds=seconds,
        visits=answer.spent.visits,
        outcome=answer.outcome.value,
        score=top.score if top else 0.0,
        verified=bool(top and top.verified),
        notes=(*notes, *answer.notes),
    )


def of_trajectory(case_id: str, answer: TrajectoryAnalysis, seconds: float) -> Replayed:
    """What the engine said of a trajectory: its steps by index, the decisive one first."""
    top = answer.causes[0] if answer.causes else None
    return Replayed(
        case_id=case_id,
        ranked=tuple(str(cause.index) for cause in answer.causes),
        seconds=seconds,
        visits=len(answer.visits),
        outcome=answer.outcome.value,
        score=top.score if top else 0.0,
        agent=top.actor if top else "",
    )


def rank_of(truth: Truth, ranked: Sequence[str]) -> int | None:
    """1-based rank of the true service, ``None`` when it is not in the list."""
    return ranked.index(truth.service) + 1 if truth.service in ranked else None


def figures(ranks: Iterable[int | None]) -> dict[str, Any]:
    """R@1, R@3, R@5 and MRR of some ranks; a missing answer counts as a miss."""
    found = list(ranks)
    count = len(found)
    shares = {
        f"r_at_{k}": round(sum(r is not None and r <= k for r in found) / count, 4)
        for k in (1, 3, 5)
    }
    mrr = sum(1 / r for r in found if r is not None) / count
    return {"cases": count, **shares, "mrr": round(mrr, 4)}


def scored(cases: Sequence[Replayed], truths: Mapping[str, Truth]) -> dict[str, Any]:
    """``figures`` of labelled cases, and the share of right agents where labels name them."""
    found = figures(rank_of(truths[case.case_id], case.ranked) for case in cases)
    named = [case for case in cases if truths[case.case_id].agent]
    if named:
        right = sum(case.agent == truths[case.case_id].agent for case in named)
        found["agent_at_1"] = round(right / len(named), 4)
    return found


def report(
    name: str, replayed: Sequence[Replayed], truths: Mapping[str, Truth] | None
) -> dict[str, Any]:
    """One JSON-ready object per set. Without labels it holds the rankings and times alone."""
    seconds = [case.seconds for case in replayed if case.seconds]  # 0: never timed
    found: dict[str, Any] = {"set": name, "cases": len(replayed)}
    labelled = [case for case in replayed if truths and case.case_id in truths]
    if truths and labelled:
        found |= scored(labelled, truths) | {"cases": len(replayed)}
        by_type: dict[str, list[Replayed]] = {}
        for case in labelled:
            by_type.setdefault(truths[case.case_id].fault_type, []).append(case)
        found["by_fault_type"] = {kind: scored(by_type[kind], truths) for kind in sorted(by_type)}
    if seconds:
        found["seconds_median"] = round(statistics.median(seconds), 4)
        found["seconds_max"] = round(max(seconds), 4)
    found["per_case"] = [
        {
            "case_id": case.case_id,
            "ranked": list(case.ranked),
            "seconds": round(case.seconds, 4),
            "visits": case.visits,
            "outcome": case.outcome,
            "score": round(case.score, 4),
            "verified": case.verified,
            **({"agent": case.agent} if case.agent else {}),
            **({"notes": list(case.notes)} if case.notes else {}),
        }
        for case in replayed
    ]
    return found
