"""What may be said of an attempt that an agent made elsewhere and sent in.

Nobody said which calls were intended, and what was called proves nothing of it: there is the
wording, and what the sender says of the outcome. Practice's own solver has tried what there is when
it gives up; another agent may have stopped at the first error. So its task is infeasible only where
something shows that no tool here could have done it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from practice.agents.rules import goals, schema, seeding
from practice.agents.rules.documents import failure
from practice.agents.rules.equality import scalars
from practice.agents.rules.errors import Diagnosis, Trouble, diagnose
from practice.agents.rules.grounding import Shown
from practice.agents.rules.words import nouns, parts, stem, vocabulary
from practice.domain.evidence import ceiling
from practice.domain.types import COMPLETION_GATE, Check, Step, TaskSpec, ToolSpec, Trajectory

#: what stands before a thing that is spoken of, as in "my order": no request.
_ARTICLES = vocabulary("a an the my our your their his her this that these those")
#: what stands before an action that is asked about, denied or told of.
_ELSE = vocabulary(
    "how what why when where which who whether if not never did was were already don didn won"
)
#: what may stand between an action and its thing: "refund 20 for the order".
_BETWEEN = _ARTICLES | vocabulary("of for to on from in")
_IDENTIFIER = re.compile(r"\S*\d\S*")


def findings(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> Iterator[Check]:
    """Yield what the wording and the sender say against an attempt, or for it."""
    called = {s.tool for s in trajectory.steps}
    verbs = {stem(word) for name in called for word in parts(name)}
    missed = [
        name for name, action in asked(task, known) if name not in called and action not in verbs
    ]
    yield Check(
        "asked_tool_called",
        not missed,
        f"The task asks for {', '.join(missed)}, which was never called."
        if missed
        else "No change the task plainly asks for was left out.",
    )
    failed = goals.outcome(task) == "failure"
    yield Check(
        "sender_agrees",
        not failed,
        "The sender says that it failed." if failed else "The sender does not say that it failed.",
    )


def asked(task: TaskSpec, known: Mapping[str, ToolSpec]) -> Iterator[tuple[str, str]]:
    """Yield (tool, stem of the action) of the changes a task plainly asks for.

    What a change is named after may be its thing, as in "refund the order".
    """
    tools = tuple(known.values())
    things = {stem(word) for tool in tools for word in nouns(tool.name)}
    named = {stem(w) for t in tools for n in t.parameters if "id" in parts(n) for w in parts(n)}
    for clause in seeding.clauses(task.instruction, tools):
        tool = seeding.meant(clause, tools)
        action = next(iter(seeding.words_of(clause)), "")
        # As it is named: who says that it "was refunded" asks for no refund.
        if tool is None or schema.is_read(tool) or action not in parts(tool.name):
            continue
        is_verb = action == parts(tool.name)[0]
        if _acted_on(clause, action) & things and (is_verb or stem(action) not in named):
            yield tool.name, stem(action)


def _acted_on(clause: str, action: str) -> set[str]:
    """Return the stem of the word an action is followed by, where it is asked for."""
    said = re.findall(r"[a-z]+", _IDENTIFIER.sub(" ", clause.lower()))
    place = said.index(action) if action in said else 0
    if _ELSE & {*said[:place]} or _ARTICLES & {*said[max(0, place - 1) : place]}:
        return set()
    after = [stem(word) for word in said[place + 1 :] if word not in _BETWEEN]
    return set(after[:1]) - {stem(action)}


def contradicts(task: TaskSpec, checks: Sequence[Check], completion: int, feasible: bool) -> bool:
    """Whether the sender says another outcome than the findings without the sender's word."""
    said = goals.outcome(task)
    if said == "failure":
        highest, _ = ceiling([c for c in checks if c.name != "sender_agrees"])
        return feasible and highest >= COMPLETION_GATE
    return said == "success" and not (feasible and completion >= COMPLETION_GATE)


def impossible(
    task: TaskSpec, step: Step, found: Diagnosis, trajectory: Trajectory
) -> tuple[int, str] | None:
    """Return the score and the reason where an error shows that nothing here could have helped."""
    said = found.text.rstrip(".")
    match found.trouble:
        case Trouble.UNSUPPORTED:
            return 1, f"`{step.tool}` cannot do this: {said}."
        case Trouble.MISSING_THING if _named_and_nowhere(task, step, found, trajectory):
            return 1, f"The task rests on something that does not exist: {said}."
        case Trouble.SIGN_IN if not found.tools:
            return 2, f"The task needs credentials and no tool here signs in: {said}."
        case Trouble.ARGUMENT if found.allowed and _wants_another(task, step, found):
            return 3, f"The task asks for a value `{step.tool}` does not take: {said}."
        case _:
            return None


def _named_and_nowhere(
    task: TaskSpec, step: Step, found: Diagnosis, trajectory: Trajectory
) -> bool:
    """Whether a thing that was not found is one the task names and no working call shows."""
    names = [found.parameter] if found.parameter in step.arguments else list(step.arguments)
    values = {str(v) for name in names for v in scalars(step.arguments[name]) if v is not None}
    good = [s for s in trajectory.steps if not failure(s)]
    seen = Shown("\n".join(f"{dict(s.arguments)} {s.observation}" for s in good))
    told = Shown(task.instruction)
    return any(len(v) > 2 and told.has(v) and not seen.has(v) for v in values)


def _wants_another(task: TaskSpec, step: Step, found: Diagnosis) -> bool:
    """Whether the task states the refused value and none of those that are taken."""
    told = Shown(task.instruction)
    given = [str(v) for v in scalars(step.arguments.get(found.parameter)) if v is not None]
    return any(told.has(v) for v in given) and not any(told.has(str(v)) for v in found.allowed)


def told_first(
    task: TaskSpec, steps: Sequence[Step], known: Mapping[str, ToolSpec]
) -> Iterator[dict[str, Any]]:
    """Yield the lesson of an error that says which one call comes first and was not heeded.

    Practice's own solver follows such an error and proves it. What was sent ends where it ends.
    """
    tools = tuple(known.values())
    for step in steps if goals.is_sent(task) else ():
        reason = failure(step)
        found = diagnose(reason, known[step.tool], step.arguments, tools) if reason else None
        if found is None or found.trouble is not Trouble.PREREQUISITE or len(found.tools) != 1:
            continue
        (first,) = found.tools
        if any(s.tool == first for s in steps):
            continue
        yield {
            "kind": "prerequisite",
            "key": f"prerequisite:{first}:",
            "tools": [step.tool],
            "needs": first,
            "settings": {},
            "same": [
                n for n in step.arguments if n in known[first].parameters and "id" in parts(n)
            ],
            "about": next((n for n in step.arguments if "id" in parts(n)), ""),
            "taken": [],
            "error": found.text,
            "code": found.code,
            "steps": [step.number],
        }
