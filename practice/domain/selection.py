"""Which candidates are practised: what operators ask first, then novelty.

An operator's wish goes before novelty: a candidate that may need a tool to be left alone is never
practised, each seed task is practised once, however much it reads like an earlier task, and tools
in focus get half of the places, as far as there are candidates for them. Every dropped candidate
keeps its reason. Without wishes this is ``novelty.select``. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from memoryapp.domain.text import task_reads_like_order
from practice.domain import novelty
from practice.domain.likeness import Embed
from practice.domain.novelty import Selection
from practice.domain.types import Category, PracticeRecord, Steering, TaskSpec


def choose(
    candidates: Sequence[TaskSpec],
    past: Sequence[PracticeRecord],
    count: int,
    *,
    steering: Steering,
    seed: int = 0,
    faithful: bool = False,
    embed: Embed | None = None,
) -> Selection:
    """Select up to ``count`` of the candidates; the arguments are those of ``novelty.select``.

    With ``faithful`` novelty is the paper's: the farthest first, with nothing cut as too alike.
    """
    fit, dropped = _without_avoided(candidates, steering)
    seeded, others = _from_seeds(fit, steering, count)
    room = count - len(seeded)
    chosen = {id(task) for task in seeded}
    rest = [task for task in fit if id(task) not in chosen and id(task) not in others]
    known = [*past, *map(_as_record, seeded)]
    if faithful:
        found = novelty.farthest_first(rest, known, room, embed=embed)
        return Selection((*seeded, *found.selected), (*dropped, *others.values(), *found.dropped))
    first = _in_focus(rest, steering)
    if first:
        # Half the places: what nobody asked for must not stand still.
        asked = novelty.select(first, known, (room + 1) // 2, seed=seed, embed=embed)
        first = list(asked.selected)
    taken = {id(task) for task in first}
    rest = [task for task in rest if id(task) not in taken]
    known += map(_as_record, first)
    found = novelty.select(rest, known, room - len(first), seed=seed, embed=embed)
    return Selection(
        selected=(*seeded, *first, *found.selected),
        dropped=(*dropped, *others.values(), *found.dropped),
    )


def without_orders(
    candidates: Sequence[TaskSpec], steering: Steering
) -> tuple[list[TaskSpec], list[tuple[TaskSpec, str]]]:
    """Return the candidates that may be practised, and those that read like orders to a model.

    Such words come from what an environment says of itself, unless an operator's seed task has
    them.
    """
    meant = {seed for seed in steering.seed_tasks if task_reads_like_order(seed)}
    fit: list[TaskSpec] = []
    dropped: list[tuple[TaskSpec, str]] = []
    for task in candidates:
        orders = () if task.seed_task in meant else task_reads_like_order(task.instruction)
        if orders:
            said = f"It reads like instructions to a model: “{orders[0][:100]}”."
            dropped.append((task, f"{said} Ask for it as a seed task if it is meant."))
        else:
            fit.append(task)
    return fit, dropped


def _without_avoided(
    candidates: Sequence[TaskSpec], steering: Steering
) -> tuple[list[TaskSpec], list[tuple[TaskSpec, str]]]:
    avoided = set(steering.avoid)
    fit: list[TaskSpec] = []
    dropped: list[tuple[TaskSpec, str]] = []
    for task in candidates:
        touched = sorted(avoided & {*task.intended_tools, *_called(task)})
        if touched:
            names = ", ".join(touched)
            dropped.append((task, f"Would use {names}, which operators want left alone."))
        else:
            fit.append(task)
    return fit, dropped


def _in_focus(tasks: Sequence[TaskSpec], steering: Steering) -> list[TaskSpec]:
    focus = set(steering.focus)
    return [task for task in tasks if focus & {*task.intended_tools, *_called(task)}]


def _called(task: TaskSpec) -> set[str]:
    """The tools of the task's structured goal, where it has one."""
    return {str(call.get("tool")) for call in task.goal.get("calls", ())}


def _from_seeds(
    tasks: Sequence[TaskSpec], steering: Steering, count: int
) -> tuple[list[TaskSpec], dict[int, tuple[TaskSpec, str]]]:
    """Return the first candidate of each seed task, and the other wordings with their reason."""
    seeded: dict[str, TaskSpec] = {}
    others: dict[int, tuple[TaskSpec, str]] = {}
    for seed in steering.seed_tasks[:count]:
        for task in tasks:
            if task.seed_task != seed or id(task) in others:
                continue
            if seed in seeded:
                others[id(task)] = (task, "Another wording of the same seed task was chosen.")
            else:
                seeded[seed] = task
    return list(seeded.values()), others


def _as_record(task: TaskSpec) -> PracticeRecord:
    """A chosen task as novelty compares others with it."""
    return PracticeRecord(task.instruction, Category.UNSOLVED, task.intended_tools, goal=task.goal)
