"""Choose the candidates worth practising: far from everything practised and from each other.

Source: Preping (arXiv 2605.13880) §3.1, greedy farthest-first; a hard cosine cut, a check of tools
and entities, cached vectors and a stated reason for every dropped candidate are added here, because
the released artifact lets near-identical tasks through and forgets why it dropped the others.

Pure and deterministic for a seed.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from practice.domain.likeness import Dense, Embed, Lexical
from practice.domain.types import Json, PracticeRecord, TaskSpec

#: tasks whose words are at least this alike repeat each other. By words also where vectors tell the
#: distance: those of one request about two orders (.97 to .99 by MiniLM) lie closer than those of
#: one wish in other words (.80), so no cut through them would tell a repetition.
COSINE_CUT = 0.92
#: tasks at least this alike (cosine) are one task in other words.
NEAR_DUPLICATE = 0.95
SIGNATURES_PER_ROUND = 2
#: more new tools than this in one task do not make it better: long tasks teach less per tool.
MOST_NEW = 2
#: a tool that never worked counts as new until it was tried this often.
MOST_TRIES = 2


@dataclass(frozen=True, slots=True)
class Selection:
    """What was chosen, in order of choice, and every other candidate with the reason in words."""

    selected: tuple[TaskSpec, ...]
    dropped: tuple[tuple[TaskSpec, str], ...]


def select(
    candidates: Sequence[TaskSpec],
    past: Sequence[PracticeRecord],
    count: int,
    *,
    seed: int = 0,
    embed: Embed | None = None,
    cosine_cut: float = COSINE_CUT,
) -> Selection:
    """Select up to ``count`` candidates, each the farthest from all past and selected tasks.

    A tool that never worked is tried once a round as long as there are other tasks: what the first
    try shows is known in the next round.
    Tasks whose tools nobody has practised yet go first; among equals the distance decides.

    Args:
        candidates: what the proposer wrote, in its order.
        past: every practised task.
        count: how many to select; fewer come back where the rest are too alike.
        seed: breaks ties, and nothing else.
        embed: texts to vectors of equal length, for candidates then past; lexical when absent.
        cosine_cut: a candidate whose words are at least this close (0..1) to those of a past or
            selected task is dropped.
    """
    words, space = _words(candidates, past), _space(candidates, past, embed)
    order = list(range(len(candidates)))
    random.Random(seed).shuffle(order)
    rank = {index: place for place, index in enumerate(order)}
    nearest = {i: space.to_past(i) for i in range(len(candidates))}
    alike = {i: words.to_past(i) for i in range(len(candidates))}
    dropped = _dropped_against_past(candidates, past, alike, cosine_cut)
    open_ = [i for i in range(len(candidates)) if i not in dropped]
    chosen: list[int] = []
    used, proven = _practised(past), _proven(past)
    chosen_tools: set[str] = set()
    while open_ and len(chosen) < count:
        best = min(
            open_,
            key=lambda i: (
                _tried_now(candidates[i], proven, chosen_tools),
                -_unpractised(candidates[i], used),
                round(nearest[i][0], 9),
                rank[i],
            ),
        )
        chosen.append(best)
        used.update(candidates[best].intended_tools)
        chosen_tools.update(candidates[best].intended_tools)
        open_.remove(best)
        signatures = Counter(candidates[i].signature for i in chosen)
        for i in list(open_):
            near = space.between(i, best)
            if near > nearest[i][0]:
                nearest[i] = (near, best)
            said = words.between(i, best)
            reason = _too_alike(candidates[i], candidates[best], said, cosine_cut, "this round's")
            if not reason and signatures[candidates[i].signature] >= SIGNATURES_PER_ROUND:
                reason = (
                    f"This round already practises {_names(candidates[i].signature)} "
                    f"{SIGNATURES_PER_ROUND} times."
                )
            if reason:
                dropped[i] = reason
                open_.remove(i)
    for i in open_:
        dropped[i] = _no_place(count, nearest[i][0])
    return Selection(
        selected=tuple(candidates[i] for i in chosen),
        dropped=tuple((candidates[i], dropped[i]) for i in sorted(dropped)),
    )


def farthest_first(
    candidates: Sequence[TaskSpec],
    past: Sequence[PracticeRecord],
    count: int,
    *,
    embed: Embed | None = None,
) -> Selection:
    """Select ``count`` candidates greedily by distance alone, as the paper does: nothing is cut.

    Among equally distant candidates the first one wins. The arguments are those of ``select``.
    """
    space = _space(candidates, past, embed)
    nearest = {i: space.to_past(i)[0] for i in range(len(candidates))}
    open_ = list(nearest)
    chosen: list[int] = []
    while open_ and len(chosen) < count:
        best = min(open_, key=lambda i: (nearest[i], i))
        open_.remove(best)
        chosen.append(best)
        nearest |= {i: max(nearest[i], space.between(i, best)) for i in open_}
    return Selection(
        selected=tuple(candidates[i] for i in chosen),
        dropped=tuple(
            (
                candidates[i],
                _no_place(count, nearest[i]),
            )
            for i in open_
        ),
    )


def _no_place(count: int, near: float) -> str:
    went = "only place went to a task" if count == 1 else f"{count} places went to tasks"
    return f"The {went} farther from what was practised (closest similarity here {near:.2f})."


def without_repeats(
    candidates: Sequence[TaskSpec], held_out: Sequence[PracticeRecord]
) -> tuple[tuple[TaskSpec, ...], tuple[tuple[TaskSpec, str], ...]]:
    """Return the candidates that repeat no held-out task, and the others with the reason.

    Unlike ``past`` in ``select``, held-out tasks say nothing of what was practised.
    """
    space = _words(candidates, held_out)
    nearest = {i: space.to_past(i) for i in range(len(candidates))}
    known = "a held-out"
    repeated = _dropped_against_past(candidates, held_out, nearest, COSINE_CUT, known)
    return (
        tuple(task for i, task in enumerate(candidates) if i not in repeated),
        tuple((candidates[i], repeated[i]) for i in sorted(repeated)),
    )


def near_duplicates(
    tasks: Sequence[TaskSpec], past: Sequence[PracticeRecord], *, cut: float = NEAR_DUPLICATE
) -> int:
    """Count the tasks that repeat a past one or one before them.

    A task repeats another when their texts are at least ``cut`` (0..1) alike, or when it uses the
    same tools on the same things. A measure of a selection, whichever way it was made.
    """
    space = Lexical([t.instruction for t in tasks], [r.instruction for r in past])
    nearest = {i: space.to_past(i) for i in range(len(tasks))}
    repeated = set(_dropped_against_past(tasks, past, nearest, cut))
    for i, task in enumerate(tasks):
        before = ((tasks[j], space.between(i, j)) for j in range(i))
        if any(_too_alike(task, other, near, cut, "an earlier") for other, near in before):
            repeated.add(i)
    return len(repeated)


def _practised(past: Sequence[PracticeRecord]) -> set[str]:
    """Return the tools that worked once, or that were tried often enough without."""
    tries: Counter[str] = Counter()
    worked: set[str] = set()
    for record in past:
        called = {tool for tool, _ in record.calls}
        tries.update({*record.intended_tools, *record.used_tools, *called})
        worked |= {tool for tool, had_error in record.calls if not had_error}
        worked |= set(() if record.calls else record.used_tools)
    return worked | {tool for tool, count in tries.items() if count >= MOST_TRIES}


def _proven(past: Sequence[PracticeRecord]) -> set[str]:
    """Return the tools that worked once."""
    worked = {tool for record in past for tool, had_error in record.calls if not had_error}
    return worked | {tool for record in past if not record.calls for tool in record.used_tools}


def _tried_now(task: TaskSpec, proven: Set[str], chosen: Set[str]) -> bool:
    """Whether this round tries a tool of the task already that has never worked so far."""
    return bool((set(task.intended_tools) - proven) & chosen)


def _unpractised(task: TaskSpec, used: Set[str]) -> int:
    """Return how many of the task's tools nobody has practised yet, at most two."""
    return min(MOST_NEW, len(set(task.intended_tools) - used))


def _words(candidates: Sequence[TaskSpec], past: Sequence[PracticeRecord]) -> Lexical:
    return Lexical(
        [task.instruction for task in candidates], [record.instruction for record in past]
    )


def _space(
    candidates: Sequence[TaskSpec], past: Sequence[PracticeRecord], embed: Embed | None
) -> Lexical | Dense:
    """What tells how far tasks lie apart."""
    if embed is None:
        return _words(candidates, past)
    texts = [task.instruction for task in candidates]
    return Dense(embed, texts, [record.instruction for record in past])


def _dropped_against_past(
    candidates: Sequence[TaskSpec],
    past: Sequence[PracticeRecord],
    nearest: Mapping[int, tuple[float, int]],
    cut: float,
    whose: str = "an earlier",
) -> dict[int, str]:
    by_signature: dict[str, list[PracticeRecord]] = defaultdict(list)
    for record in past:
        by_signature["+".join(sorted(set(record.intended_tools)))].append(record)
    dropped: dict[int, str] = {}
    for i, task in enumerate(candidates):
        near, place = nearest[i]
        reason = ""
        if near >= cut:
            reason = _too_alike(task, past[place], near, cut, whose)
        for record in by_signature[task.signature]:
            reason = reason or _too_alike(task, record, 0.0, cut, whose)
        if reason:
            dropped[i] = reason
    return dropped


def _too_alike(
    task: TaskSpec, other: TaskSpec | PracticeRecord, near: float, cut: float, whose: str
) -> str:
    """Return why ``task`` repeats ``other``, or an empty string where it does not."""
    if near >= cut:
        return f'Reads like {whose} task (similarity {near:.2f}): "{other.instruction}"'
    if task.signature and task.signature == "+".join(sorted(set(other.intended_tools))):
        same_goal = bool(task.goal) and _canonical(task.goal) == _canonical(other.goal)
        if same_goal or (task.entities and _mentions(other, task.entities)):
            return (
                f"Uses {_names(task.signature)} on the same things as {whose} task: "
                f'"{other.instruction}"'
            )
    return ""


def _mentions(other: TaskSpec | PracticeRecord, entities: Sequence[str]) -> bool:
    goal = _canonical(other.goal) if other.goal else ""
    return all(entity in other.instruction or entity in goal for entity in entities)


def _canonical(goal: Json) -> str:
    return json.dumps(goal.get("calls", goal), sort_keys=True, default=str, ensure_ascii=False)


def _names(signature: str) -> str:
    return ", ".join(signature.split("+")) or "no tool"
