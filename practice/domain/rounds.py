"""What a run does next, as a pure function of its rows and the clock.

One round is a chain of stages with barriers (Preping §3.2)::

    propose ─▶ solve × attempts ─▶ validate × attempts ─▶ admit ─▶ learn (one at a time)
        ▲                                                              │
        └──────────── summarise × tasks (not after the last round) ◀───┘

What a plan adds comes between learning and summing up, each with a barrier of its own: trials of
lessons and *settle*, *consolidate* and its trials, *measure* on held-out tasks. An experiment is
propose, solve, validate and *report*; a run over sent trajectories begins with validate.

``decide`` may be called at any time, from anywhere, any number of times: it creates only what is
missing and dispatches only what nobody holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from practice.domain.plans import Plan

MAX_TRIES = 4
#: rounds in a row that may bring no task before a run ends, where its patience is no longer.
EMPTY_ROUNDS = 2


class RunStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    FAILED = "failed"


UNFINISHED = frozenset({RunStatus.RUNNING, RunStatus.PAUSED})
ENDED = frozenset(RunStatus) - UNFINISHED
#: what to do where a run could not judge all that deployed agents sent.
AGAIN = "have the others judged again under Practice → From agents"


class RunKind(StrEnum):
    """What a run is for: practice, measuring a playbook, or learning from deployed agents."""

    PRACTICE = "practice"
    EXPERIMENT = "experiment"
    ONLINE = "online"


class Stage(StrEnum):
    PROPOSE = "propose"
    SOLVE = "solve"
    VALIDATE = "validate"
    ADMIT = "admit"
    LEARN = "learn"
    SETTLE = "settle"
    CONSOLIDATE = "consolidate"
    MEASURE = "measure"
    SUMMARISE = "summarise"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit row as ``decide`` sees it."""

    id: int
    stage: Stage
    round: int
    target: int
    status: str
    tries: int = 0
    heartbeat_at: datetime | None = None
    dispatched_at: datetime | None = None
    not_before: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.status in {"waiting", "running"}


@dataclass(frozen=True, slots=True)
class NewUnit:
    stage: Stage
    round: int
    target: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to store and whom to wake. ``end`` is the run's last status, if it ends now."""

    create: tuple[NewUnit, ...] = ()
    dispatch: tuple[int, ...] = ()
    end: RunStatus | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunState:
    """Everything ``decide`` may look at. ``units`` are those of the newest round.

    ``judged`` counts the practice attempts of that round that have a label; ``representatives``
    are its task ids worth summarising, ``testing`` its lessons that are not settled yet. ``stop``
    says why the rounds should end here, where the stop rule thinks so.
    """

    plan: Plan
    status: RunStatus
    units: Sequence[UnitState]
    kind: RunKind = RunKind.PRACTICE
    spent: Decimal = Decimal(0)
    #: a model that was called and whose price or usage is unknown; looked up only under a budget.
    uncounted: str = ""
    budget: Decimal | None = None
    lease: timedelta = timedelta(seconds=60)
    representatives: Sequence[int] = ()
    last_error: str = ""
    judged: int = 0
    testing: int = 0
    stop: str = ""
    #: why every idea of the newest round was left out, in one sentence; empty if one was taken.
    dropped: str = ""
    #: rounds in a row, up to the newest, that had no task; and whether any round had one.
    empty: int = 0
    practised: bool = False
    #: which of the tools in focus no task used, why, and what helps; or empty.
    missed: str = ""
    #: whether any attempt of the run was judged; looked up only where the budget is spent.
    has_verdicts: bool = True
    #: until when units of a stage do not ask their model, which did not answer.
    quiet: Mapping[Stage, datetime] = field(default_factory=dict)
    #: the message to end with once a model was asked in vain too often; or empty.
    given_up: str = ""

    @property
    def is_spent(self) -> bool:
        return self.budget is not None and (self.spent >= self.budget or bool(self.uncounted))


def decide(state: RunState, now: datetime) -> Decision:
    """Return what the run needs now. Pure; safe to call twice."""
    if state.status is not RunStatus.RUNNING:
        return Decision()
    if state.given_up:
        return Decision(end=RunStatus.FAILED, message=state.given_up)
    if not state.units:
        return Decision(create=(NewUnit(Stage.PROPOSE, 1),))
    if state.is_spent:
        return _out_of_money(state, now)
    if any(unit.is_open for unit in state.units):
        return Decision(dispatch=_wakeable(state, state.units, now))
    match state.kind:
        case RunKind.EXPERIMENT:
            return _after_experiment(state)
        case RunKind.ONLINE:
            return _after_online(state)
        case RunKind.PRACTICE:
            return _after_practice(state)


def _out_of_money(state: RunState, now: datetime) -> Decision:
    """Nothing more begins. An experiment still compares what it has, which costs nothing."""
    ended = Decision(end=RunStatus.FINISHED, message=_no_more_money(state))
    if state.kind is not RunKind.EXPERIMENT:
        return ended
    reports = [unit for unit in state.units if unit.stage is Stage.REPORT]
    if any(unit.is_open for unit in reports):
        return Decision(dispatch=_wakeable(state, reports, now))
    if reports:
        return ended
    if any(unit.status == "running" and not _is_silent(state, unit, now) for unit in state.units):
        return Decision()
    return Decision(create=(NewUnit(Stage.REPORT, _round(state)),))


def _no_more_money(state: RunState) -> str:
    limit = state.budget or Decimal(0)
    if state.uncounted and state.spent < limit:
        helps = (
            f"then {AGAIN}"
            if state.kind is RunKind.ONLINE
            else "or start another run without a budget"
        )
        return (
            f"A call of {state.uncounted} has no known cost: the provider reported no tokens, or "
            f"its price is gone. The budget of ${_dollars(limit)} cannot be kept, so the run ends. "
            "Everything judged so far is kept; give the model a price under Settings → Models, "
            f"{helps}."
        )
    larger, more = "start another run with a larger one", "start another run to go on"
    if state.kind is RunKind.ONLINE:
        larger, more = f"raise ONLINE_RUN_BUDGET, then {AGAIN}", AGAIN
    kept = (
        f"Everything judged so far is kept; {more}."
        if state.has_verdicts
        else f"It did not last until the first verdict; {larger}."
    )
    return f"The budget of ${_dollars(limit)} is spent. {kept}"


def _dollars(amount: Decimal) -> str:
    """Two decimals, or as many as a smaller amount needs."""
    return f"{amount:.2f}" if amount >= Decimal("0.01") else f"{amount.normalize():f}"


def _round(state: RunState) -> int:
    return max(unit.round for unit in state.units)


def _after_experiment(state: RunState) -> Decision:
    stages = {unit.stage for unit in state.units}
    if Stage.SOLVE not in stages:
        return Decision(
            end=RunStatus.FAILED,
            message=state.last_error or "No task could be found to try. Practise here first.",
        )
    reports = [unit for unit in state.units if unit.stage is Stage.REPORT]
    if not reports:
        return Decision(create=(NewUnit(Stage.REPORT, _round(state)),))
    if all(unit.status == "done" for unit in reports):
        return Decision(end=RunStatus.FINISHED)
    return Decision(end=RunStatus.FAILED, message=state.last_error)


def _after_online(state: RunState) -> Decision:
    admits = [unit for unit in state.units if unit.stage is Stage.ADMIT]
    if not admits:
        if not state.judged:
            return Decision(
                end=RunStatus.FAILED,
                message=f"None of what was sent could be judged. {state.last_error}".strip(),
            )
        return Decision(create=(NewUnit(Stage.ADMIT, _round(state)),))
    if any(unit.status != "done" for unit in admits):
        return Decision(end=RunStatus.FAILED, message=state.last_error)
    return Decision(end=RunStatus.FINISHED)


def _after_practice(state: RunState) -> Decision:
    """Every unit of the newest round has ended: the next stage, the next round, or the end."""
    stages, number = {unit.stage for unit in state.units}, _round(state)
    if Stage.SOLVE not in stages:
        return _without_tasks(state, number)
    if Stage.ADMIT not in stages:
        if not state.judged:
            return Decision(
                end=RunStatus.FAILED,
                message=" ".join(
                    filter(
                        None,
                        (
                            f"No attempt of round {number} could be judged.",
                            state.last_error,
                            "Earlier rounds are kept." if number > 1 else "",
                        ),
                    )
                ),
            )
        return Decision(create=(NewUnit(Stage.ADMIT, number),))
    if any(u.stage is Stage.ADMIT and u.status != "done" for u in state.units):
        return Decision(end=RunStatus.FAILED, message=state.last_error)
    return _after_learning(state, stages, number)


def _without_tasks(state: RunState, number: int) -> Decision:
    """A round whose proposer failed, or had nothing new: another try, then an end that says why.

    Proposers draw at random, so the next round may bring what this one did not. A run that has
    practised anything ends finished: it learned what its proposer could think of.
    """
    if any(unit.status == "failed" for unit in state.units):
        return Decision(end=RunStatus.FAILED, message=state.last_error)
    if number < state.plan.rounds and state.empty < max(EMPTY_ROUNDS, state.plan.patience):
        return Decision(create=(NewUnit(Stage.PROPOSE, number + 1),))
    why = state.missed or state.dropped or "The proposer wrote none."
    if state.practised:
        said = f"Round {number} found no task that was not practised already. {why}"
        return Decision(end=RunStatus.FINISHED, message=f"{said} Everything learned is kept.")
    # More tools would not help a run that is about some tools.
    helps = (
        ""
        if state.missed
        else " Turn more tools on, or give the proposer a seed task under Proposer memory."
    )
    return Decision(end=RunStatus.FAILED, message=f"There was no task to practise. {why}{helps}")


def _after_learning(state: RunState, stages: Set[Stage], number: int) -> Decision:
    """What the plan asks for beyond the paper, then the next round or the end."""
    settled = {u.target for u in state.units if u.stage is Stage.SETTLE}
    place = int(Stage.CONSOLIDATE in stages)
    if state.testing and place not in settled:
        return Decision(create=(NewUnit(Stage.SETTLE, number, place),))
    if state.plan.consolidate and Stage.CONSOLIDATE not in stages:
        return Decision(create=(NewUnit(Stage.CONSOLIDATE, number),))
    if state.plan.held_out and Stage.MEASURE not in stages:
        return Decision(create=(NewUnit(Stage.MEASURE, number),))
    if number >= state.plan.rounds:
        said = f"All its rounds are done. {state.missed}" if state.missed else ""
        return Decision(end=RunStatus.FINISHED, message=said)
    if state.stop:
        return Decision(end=RunStatus.FINISHED, message=f"{state.stop} {state.missed}".strip())
    if Stage.SUMMARISE not in stages and state.representatives:
        return Decision(
            create=tuple(NewUnit(Stage.SUMMARISE, number, task) for task in state.representatives)
        )
    return Decision(create=(NewUnit(Stage.PROPOSE, number + 1),))


def _is_silent(state: RunState, unit: UnitState, now: datetime) -> bool:
    return unit.heartbeat_at is None or unit.heartbeat_at < now - state.lease


def _may_begin(unit: UnitState, now: datetime) -> bool:
    return unit.status == "waiting" and (unit.not_before is None or unit.not_before <= now)


def _wakeable(state: RunState, current: Sequence[UnitState], now: datetime) -> tuple[int, ...]:
    """Units to ring the bell for: free ones up to the plan's width, and silent ones at once."""
    silent, free, busy = [], [], 0
    # One writer per playbook: lessons are learned in order, never side by side.
    learning = any(u.stage is Stage.LEARN and u.status == "running" for u in current)
    for unit in current:
        is_rung = unit.dispatched_at and unit.dispatched_at > now - state.lease
        if unit.status == "running" and _is_silent(state, unit, now):
            silent.append(unit)
        elif unit.status == "running" or (_may_begin(unit, now) and is_rung):
            busy += 1
        elif _may_begin(unit, now) and not (unit.stage is Stage.LEARN and learning):
            free.append(unit)
        learning = learning or (unit.stage is Stage.LEARN and unit.is_open)
    free = _unless_quiet(state, free, now)
    room = max(0, state.plan.parallel - busy - len(silent))
    return tuple(unit.id for unit in [*silent, *free[:room]])


def _unless_quiet(state: RunState, free: list[UnitState], now: datetime) -> list[UnitState]:
    """Leave out what would ask a silent model, but for one unit when it is time to try again.

    That is the one which was tried least: a task no model can answer must not stand for all.
    """
    asking = [unit for unit in free if unit.stage in state.quiet]
    if not asking:
        return free
    due = [unit for unit in asking if state.quiet[unit.stage] <= now]
    first = min(due, key=lambda unit: unit.tries, default=None)
    return [unit for unit in free if unit not in asking or unit is first]
