"""The deterministic findings about one attempt: what any validator looks at before it judges.

Each finding is a ``Check`` with a name from ``practice.domain.evidence``, a plain sentence and the
steps it rests on. The rules validator scores by them; a model is shown them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from practice.agents.rules import checking, goals, schema, sent
from practice.agents.rules.documents import failure
from practice.agents.rules.fulfilment import Fulfilment, fulfilment
from practice.agents.rules.grounding import FREE, STRICT, invented, ungrounded
from practice.agents.rules.knowledge import allowed_values, asked_before
from practice.agents.rules.requests import coverage
from practice.agents.rules.serving import changing
from practice.agents.rules.twins import stand_ins
from practice.domain.evidence import Basis
from practice.domain.reading import is_blank, is_unreadable
from practice.domain.types import Check, Json, Outcome, Step, TaskSpec, ToolSpec, Trajectory

LOOP = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """The findings about an attempt and what they were held against.

    ``fits_words`` says that it was done with another record than our rule for "the first" means,
    and that the words of the task may mean that record too.
    """

    basis: Basis
    checks: tuple[Check, ...]
    fits_words: bool = False


def gather(
    task: TaskSpec,
    trajectory: Trajectory,
    tools: Sequence[ToolSpec],
    rules: Sequence[Json] = (),
) -> Evidence:
    """Return everything that can be said about an attempt without an opinion.

    ``rules`` are those of the bullets the solver had.
    """
    known = schema.by_name(tools)
    memory = asked_before(rules)
    reached = fulfilment(task, trajectory, known, memory, allowed_values(rules))
    against = (
        coverage(task, trajectory, known, memory).checks()
        if reached is None
        else _against_goal(reached)
    )
    checks = (
        _anything(trajectory),
        *against,
        *_intended(task, trajectory, known, reached),
        *_calls(task, trajectory, known),
        *_ending(task, trajectory),
        *(sent.findings(task, trajectory, known) if goals.is_sent(task) else ()),
    )
    return Evidence(_basis(task), checks, reached is not None and reached.fits_words)


def _basis(task: TaskSpec) -> Basis:
    if task.goal.get("calls"):
        return Basis.GOAL
    return Basis.TOOLS if goals.calls(task) else Basis.TEXT


def _anything(trajectory: Trajectory) -> Check:
    good = tuple(s.number for s in trajectory.steps if not failure(s))
    told = "No tool call of this attempt succeeded, so nothing it claims is shown."
    return Check("call_succeeded", bool(good), "A call succeeded." if good else told, good)


def _calls(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec]
) -> Iterator[Check]:
    """What can be said of each call on its own."""
    steps = trajectory.steps
    good = [s for s in steps if not failure(s)]
    strange = [s.number for s in steps if s.tool not in known]
    yield _listed("tools_exist", "calls of tools that do not exist", strange)
    broken = [
        s.number for s in good if s.tool in known and checking.problems(known[s.tool], s.arguments)
    ]
    yield _listed("schema_valid", "calls whose arguments break the tool's schema", broken)
    outstanding = [
        s.number
        for s in steps
        if failure(s)
        and not any(g.tool == s.tool and g.number > s.number for g in good)
        and not stand_ins(s.tool, steps, known)
    ]
    yield _listed("errors_recovered", "errors that were never recovered from", outstanding)
    if not goals.is_sent(task):
        loose = dict.fromkeys(number for number, _ in ungrounded(task, steps, known, STRICT))
        yield _listed(
            "arguments_grounded",
            "arguments that appear in nothing the agent was shown",
            list(loose),
        )
    if _basis(task) is not Basis.GOAL:
        yield _listed("tried_calls_worked", "calls that were tried in vain", outstanding)
        if not goals.is_sent(task):
            free = dict.fromkeys(number for number, _ in ungrounded(task, steps, known, FREE))
            yield _listed("values_stated", "amounts, dates or texts that nobody stated", list(free))
    yield _listed("no_loops", "calls repeated without any progress", _loops(steps))


def _loops(steps: Sequence[Step]) -> list[int]:
    """Return the steps that made a call again and again and always got the same answer."""
    made = Counter((s.tool, repr(dict(s.arguments)), s.observation) for s in steps)
    return [s.number for s in steps if made[s.tool, repr(dict(s.arguments)), s.observation] >= LOOP]


def _intended(
    task: TaskSpec,
    trajectory: Trajectory,
    known: Mapping[str, ToolSpec],
    reached: Fulfilment | None,
) -> Iterator[Check]:
    """Whether the tools the task is about did something."""
    good = [s for s in trajectory.steps if not failure(s)]
    done = {s.tool for s in good}
    called = {s.tool for s in trajectory.steps}
    wanted = dict.fromkeys(str(c["tool"]) for c in goals.calls(task))
    missing = list(reached.missing) if reached else [n for n in wanted if n not in done]
    yield Check(
        "intended_tools_ran",
        not missing,
        f"Without a working call: {', '.join(missing)}." if missing else "Every one worked.",
        tuple(s.number for s in good if s.tool in wanted),
    )
    refused = [name for name in missing if name in called - done]
    yield Check(
        "required_call_worked",
        not refused,
        f"Every call failed of: {', '.join(refused)}." if refused else "None failed throughout.",
        tuple(s.number for s in trajectory.steps if s.tool in refused),
    )
    if task.kind == "action":
        # In doubt a call counts as a change: this finding is decisive, so it has to be sure.
        changed = [
            s.number
            for s in good
            if s.tool in known and (changing(s.tool, known) or not schema.is_read(known[s.tool]))
        ]
        yield Check(
            "state_changed",
            bool(changed),
            "A call that changes something succeeded." if changed else "Nothing was changed.",
            tuple(changed),
        )


def _against_goal(reached: Fulfilment) -> Iterator[Check]:
    altered = [
        f"{', '.join(a.names) or 'the call'} of {a.tool} (step {a.step})" for a in reached.altered
    ]
    read = " The words of the task fit it too." if reached.fits_words else ""
    yield Check(
        "intended_arguments_used",
        not altered,
        f"Not as asked: {'; '.join(altered)}.{read}" if altered else "Every call is as asked.",
        tuple(a.step for a in reached.altered),
    )
    taken = [f"{', '.join(r.names)} of {r.tool} (step {r.step})" for r in reached.replaced]
    yield Check(
        "values_kept",
        not taken,
        f"Given as the tool takes it, not as asked: {'; '.join(taken)}."
        if taken
        else "No value had to be another than asked.",
        tuple(r.step for r in reached.replaced),
    )
    yield Check(
        "pages_followed",
        not reached.unread,
        f"Pages were left unread of: {', '.join(reached.unread)}."
        if reached.unread
        else "No page that was asked for is left.",
    )
    early = list(dict.fromkeys(reached.disordered))
    yield _listed("order_kept", "calls made before what had to come first", early)
    yield _listed("nothing_unasked", "changes that nobody asked for", list(reached.unasked))
    yield _listed(
        "preparation_explained",
        "changes made in preparation that no message asked for",
        list(reached.prepared),
    )


def _ending(task: TaskSpec, trajectory: Trajectory) -> Iterator[Check]:
    """How the attempt stopped and what it says at the end."""
    limit = trajectory.outcome is Outcome.STEP_LIMIT
    yield Check(
        "within_step_limit",
        not limit,
        "The agent ran out of steps before it was done." if limit else "It stopped by itself.",
    )
    told = bool(trajectory.answer.strip())
    yield Check("answer_given", told, "There is an answer." if told else "There is no answer.")
    if task.kind == "query":
        yield _readable(trajectory)
    made_up = invented(task, trajectory)
    yield Check(
        "answer_grounded",
        not made_up,
        f"Not in any observation: {', '.join(made_up)}."
        if made_up
        else "Every value of the answer was observed.",
    )


def _readable(trajectory: Trajectory) -> Check:
    """Whether anything a question could be answered from came back in words."""
    good = [s for s in trajectory.steps if not failure(s)]
    blank = [s for s in good if is_unreadable(s.observation) or is_blank(s.observation)]
    seen = blank[0].observation.strip()[:120] if blank else ""
    told = f"{blank[0].tool} answered with nothing to read ({seen or 'empty'})" if blank else ""
    lost = bool(blank) and len(blank) == len(good)
    return Check(
        "answers_readable",
        not lost,
        f"{told}, so the question is not answered." if lost else "Something came back in words.",
        tuple(s.number for s in blank),
    )


def _listed(name: str, wrong: str, numbers: list[int]) -> Check:
    if not numbers:
        return Check(name, True, f"No {wrong}.")
    where = ", ".join(str(n) for n in numbers)
    return Check(name, False, f"There are {wrong}: step {where}.", tuple(numbers))
