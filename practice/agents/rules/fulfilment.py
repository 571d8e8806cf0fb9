"""Whether the calls a goal asks for were carried out, in order, with nothing else changed.

A goal call is carried out by a working call of the same tool with the same arguments
(``matching``), or of a twin where the tool itself failed (``twins``). What an agent changed besides
has to serve a call that was asked for (``serving``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from practice.agents.rules.grounding import Shown
from practice.agents.rules.knowledge import Allowed, Asked
from practice.agents.rules.matching import Matching
from practice.agents.rules.paging import cursor
from practice.agents.rules.serving import Service, changing, services
from practice.agents.rules.twins import stand_ins
from practice.domain.types import Json, Step, TaskSpec, ToolSpec, Trajectory


@dataclass(frozen=True, slots=True)
class Altered:
    """A goal call that worked only with other arguments than it asks for."""

    tool: str
    step: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """What became of a goal. Numbers are step numbers.

    ``missing`` names the tools of goal calls that never worked; ``altered`` are calls with other
    arguments than asked, ``replaced`` calls with what the environment takes instead of what was
    asked; ``unread`` names tools with pages left; ``unasked`` are changes nobody asked for,
    ``prepared`` changes that can be read as making an asked call possible. ``fits_words`` says that
    altered calls took another record than our rule for "the first" means, that the words of the
    task may mean that record too, and that every change serves it.
    """

    missing: tuple[str, ...] = ()
    altered: tuple[Altered, ...] = ()
    replaced: tuple[Altered, ...] = ()
    disordered: tuple[int, ...] = ()
    unread: tuple[str, ...] = ()
    unasked: tuple[int, ...] = ()
    prepared: tuple[int, ...] = ()
    fits_words: bool = False


def fulfilment(
    task: TaskSpec,
    trajectory: Trajectory,
    known: Mapping[str, ToolSpec],
    memory: Asked,
    allowed: Allowed,
) -> Fulfilment | None:
    """Return what became of the goal of ``task``; ``None`` where it has no structured goal.

    ``memory`` and ``allowed`` are what the rules the agent had say of orders and of values.
    """
    wanted = list(task.goal.get("calls", ()))
    if not wanted:
        return None
    steps = Matching(trajectory.steps, known, allowed, wanted)
    good = steps.good
    carried = _assign(wanted, steps, known)
    used = set(carried.values())
    spare = [s for s in good if s.number not in used]
    left = [call for place, call in enumerate(wanted) if place not in carried]
    near = [(call, _nearest(call, spare, steps)) for call in left]
    by_number = {s.number: s for s in good}
    replaced = [
        Altered(by_number[number].tool, number, names)
        for place, number in sorted(carried.items())
        if (names := steps.replaced(wanted[place], by_number[number]))
    ]
    excused = {altered.step for _, altered in near if altered}
    changes = [
        s
        for s in spare
        if changing(s.tool, known) and s.number not in excused and not _repeats(s, good, known)
    ]
    serving = services(changes, task, trajectory, used, known, memory)
    fits_words = _fit_in_other_words(near, by_number, steps, task) and None not in (
        services(changes, task, trajectory, used | excused, known, memory).values()
    )
    return Fulfilment(
        missing=tuple(dict.fromkeys(str(call["tool"]) for call, altered in near if not altered)),
        altered=tuple(altered for _, altered in near if altered),
        replaced=tuple(replaced),
        disordered=tuple(_disordered(wanted, carried, known)),
        unread=tuple(_unread(wanted, good)),
        unasked=tuple(n for n, why in serving.items() if why is None),
        prepared=tuple(n for n, why in serving.items() if why is Service.BEFORE),
        fits_words=fits_words,
    )


def _assign(
    wanted: Sequence[Json], steps: Matching, known: Mapping[str, ToolSpec]
) -> dict[int, int]:
    """Return goal call → step number, one step for one call, in the order of the goal if possible.

    A look-up that was made once serves every goal call that asks for the same.
    """
    found: dict[int, int] = {}
    last = 0
    for place, call in enumerate(wanted):
        own = [s for s in steps.good if s.tool == call["tool"]]
        own = own or stand_ins(str(call["tool"]), steps.all, known)
        fit = [s for s in own if not steps.differing(call, s)]
        free = [s for s in fit if s.number not in found.values()]
        if not free and not changing(str(call["tool"]), known):
            free = fit
        chosen = next((s for s in free if s.number > last), next(iter(free), None))
        if chosen is not None:
            found[place] = chosen.number
            last = max(last, chosen.number)
    return found


def _nearest(call: Json, spare: Sequence[Step], steps: Matching) -> Altered | None:
    """Return the unused working step of the same tool that passes most of what was asked."""
    own = [
        Altered(s.tool, s.number, steps.differing(call, s)) for s in spare if s.tool == call["tool"]
    ]
    return min(own, key=lambda altered: len(altered.names), default=None)


def _fit_in_other_words(
    near: Sequence[tuple[Json, Altered | None]],
    by_number: Mapping[int, Step],
    steps: Matching,
    task: TaskSpec,
) -> bool:
    """Whether what was done in place of each missing call is what the task's words may mean too."""
    told = Shown(task.instruction)
    return bool(near) and all(
        altered is not None and steps.fits_in_other_words(call, by_number[altered.step], told)
        for call, altered in near
    )


def _disordered(
    wanted: Sequence[Json], carried: Mapping[int, int], known: Mapping[str, ToolSpec]
) -> Iterator[int]:
    """Yield steps that came before one the goal puts first, where either of them changes things."""
    places = sorted(carried)
    for i, first in enumerate(places):
        for later in places[i + 1 :]:
            pair = (str(wanted[first]["tool"]), str(wanted[later]["tool"]))
            if carried[first] > carried[later] and any(changing(t, known) for t in pair):
                yield carried[later]


def _unread(wanted: Sequence[Json], good: Sequence[Step]) -> Iterator[str]:
    """Yield the tools whose pages were all asked for and not followed to the last."""
    for call in wanted:
        own = [s for s in good if s.tool == call["tool"]]
        if call.get("all_pages") and own and cursor(own[-1].observation) is not None:
            yield str(call["tool"])


def _repeats(step: Step, good: Sequence[Step], known: Mapping[str, ToolSpec]) -> bool:
    """Whether a step did again what the change before it had done, with the same result."""
    before = [s for s in good if s.number < step.number and changing(s.tool, known)]
    return bool(before) and (
        before[-1].tool == step.tool
        and dict(before[-1].arguments) == dict(step.arguments)
        and before[-1].observation == step.observation
    )
