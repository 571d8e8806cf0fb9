"""Which calls change something, and how a change nobody asked for serves one that was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from enum import StrEnum

from practice.agents.rules import schema
from practice.agents.rules.documents import failure, leaves
from practice.agents.rules.equality import same, scalars
from practice.agents.rules.errors import MIN_KINSHIP, UNDOING, diagnose, sign_in_tools
from practice.agents.rules.execution import telling
from practice.agents.rules.knowledge import Asked
from practice.agents.rules.linking import kinship
from practice.agents.rules.schema import Role
from practice.agents.rules.words import NEW_VERBS, READ_VERBS, content, first_sentence, parts, stem
from practice.domain.types import Effect, Step, TaskSpec, ToolSpec, Trajectory

_READING = frozenset(stem(word) for word in READ_VERBS)
_MAKING = frozenset(stem(word) for word in NEW_VERBS)
_CLOSED = (Role.FLAG, Role.CHOICE)


class Service(StrEnum):
    """How a call serves an asked one. ``BEFORE`` is the weakest: only its place speaks for it."""

    ERROR_ASKED = "an error asked for it"
    RESULT_USED = "its result is used"
    SIGNED_IN = "it signs in"
    REMEMBERED = "the memory asks for it"
    BEFORE = "it comes right before a relative"


def changing(tool: str, known: Mapping[str, ToolSpec]) -> bool:
    """Whether calling ``tool`` may have changed something, as far as its words tell.

    The verb its description opens with outranks the rest: what writes or displays, writes.
    """
    spec = known.get(tool)
    if spec is None or spec.effect is Effect.READ:
        return False
    if spec.effect is not Effect.UNKNOWN:
        return True
    lead = content(first_sentence(spec.description).partition(" ")[0])
    if lead & _MAKING:
        return True
    return not (schema.is_read(spec) or lead & _READING)


def services(
    changes: Sequence[Step],
    task: TaskSpec,
    trajectory: Trajectory,
    asked: Set[int],
    known: Mapping[str, ToolSpec],
    memory: Asked,
) -> dict[int, Service | None]:
    """Return how each of ``changes`` serves the steps in ``asked``, or one that serves them."""
    found: dict[int, Service | None] = {}
    serving = set(asked)
    for step in sorted(changes, key=lambda s: -s.number):
        found[step.number] = _service(step, task, trajectory, serving, known, memory)
        if found[step.number] is not None:
            serving.add(step.number)
    return dict(sorted(found.items()))


def _service(
    step: Step,
    task: TaskSpec,
    trajectory: Trajectory,
    asked: Set[int],
    known: Mapping[str, ToolSpec],
    memory: Asked,
) -> Service | None:
    """Return how a working change serves a step in ``asked``, or ``None`` where it does not.

    A call of a tool the task itself asks for serves nothing else: with other arguments it is
    another change. What undoes something never counts as preparation, and neither does what is
    about another thing: verifying one customer prepares no refund to another.
    """
    tools = tuple(known.values())
    later = [s for s in trajectory.steps[step.number :] if s.number in asked]
    served = [s for s in later if not _another_thing(step, s)]
    for failed in _asking(step, trajectory, known):
        tried_again = [s for s in later if s.tool == failed.tool] or later
        if any(s in served and not _another_thing(failed, s) for s in tried_again):
            return Service.ERROR_ASKED
    if step.tool in {str(call["tool"]) for call in task.goal.get("calls", ())}:
        return None
    if any(s.tool in memory.get(step.tool, ()) for s in served):
        return Service.REMEMBERED
    if _feeds(step, trajectory, later):
        return Service.RESULT_USED
    if later and _signs_in(step, task, trajectory, known):
        return Service.SIGNED_IN
    following = next((s for s in later if changing(s.tool, known)), None)
    if following is None or UNDOING & set(parts(step.tool)):
        return None
    akin = kinship(tools)(step.tool, following.tool) >= MIN_KINSHIP
    prepares = akin and _takes_nothing(step, following, known[step.tool])
    if prepares or _same_thing(step, following, trajectory, known[step.tool]):
        return Service.BEFORE
    return None


def told_by_error(step: Step, trajectory: Trajectory, known: Mapping[str, ToolSpec]) -> bool:
    """Whether an error before ``step`` asked for the tool it calls."""
    return any(True for _ in _asking(step, trajectory, known))


def _asking(step: Step, trajectory: Trajectory, known: Mapping[str, ToolSpec]) -> Iterator[Step]:
    """Yield the failed calls before ``step`` whose error asked for the tool it calls."""
    tools = tuple(known.values())
    for failed in trajectory.steps[: step.number - 1]:
        reason = failure(failed) if failed.tool in known else ""
        if (
            reason
            and step.tool in diagnose(reason, known[failed.tool], failed.arguments, tools).tools
        ):
            yield failed


def _another_thing(one: Step, other: Step) -> bool:
    """Whether two calls name different things in an identifier that both of them pass."""
    return any(
        "id" in parts(name)
        and not schema.CREDENTIAL & set(parts(name))
        and not same(value, other.arguments[name])
        for name, value in one.arguments.items()
        if name in other.arguments
    )


def _feeds(step: Step, trajectory: Trajectory, later: Sequence[Step]) -> bool:
    """Whether a later asked call passes a value that only this step had shown by then."""
    earlier = trajectory.steps[: step.number - 1]
    before = "\n".join(s.observation for s in earlier) + str(dict(step.arguments))
    fresh = [
        leaf.value
        for leaf in leaves(step.observation, step.tool)
        if isinstance(leaf.value, (str, int))
        and not isinstance(leaf.value, bool)
        and not leaf.drawn
        and len(str(leaf.value)) > 2
        and str(leaf.value) not in before
    ]
    return any(v in fresh for s in later for a in s.arguments.values() for v in scalars(a))


def _signs_in(
    step: Step, task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> bool:
    """Whether a step signs in with what the task, an observation or the operator gave it."""
    tool = known[step.tool]
    if step.tool not in sign_in_tools(tool, tuple(known.values())):
        return False
    shown = task.instruction + "".join(s.observation for s in trajectory.steps[: step.number - 1])
    return all(
        str(v) in shown or v in schema.examples(tool.parameters.get(name, {}))
        for name, value in step.arguments.items()
        for v in scalars(value)
    )


def _takes_nothing(step: Step, following: Step, tool: ToolSpec) -> bool:
    """Whether a step takes nothing of its own: what the following one takes, or a closed choice."""
    taken = [v for a in following.arguments.values() for v in scalars(a)]
    return all(
        _closed(tool, name) or all(v in taken for v in scalars(value))
        for name, value in step.arguments.items()
    )


def _same_thing(step: Step, following: Step, trajectory: Trajectory, tool: ToolSpec) -> bool:
    """Whether a step is about the thing the following one names, with values that were shown.

    A word that only describes (why, in what state) may be the agent's own.
    """
    told = str(dict(step.arguments)) + step.observation
    if not any(str(v) in told for v in telling(following.arguments)):
        return False
    taken = [v for a in following.arguments.values() for v in scalars(a)]
    shown = "\n".join(s.observation for s in trajectory.steps[: step.number - 1])
    return all(
        _closed(tool, name)
        or schema.role(tool, name) is Role.TEXT
        or all(v in taken or str(v) in shown for v in scalars(value))
        for name, value in step.arguments.items()
    )


def _closed(tool: ToolSpec, name: str) -> bool:
    """Whether a parameter leaves a choice among given values only."""
    wanted = tool.parameters.get(name, {})
    low, high = schema.bounds(wanted)
    listed = schema.role(tool, name) in _CLOSED or bool(schema.choices(wanted))
    return listed or (low is not None and high is not None)
