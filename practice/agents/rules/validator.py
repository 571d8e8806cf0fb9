"""The validator without a model: evidence first, then two scores with one plain reason each.

It reads the instruction and the trajectory (Preping, arXiv 2605.13880, §3.3). Of the playbook it
knows only which calls its rules put before others: those are not changes that nobody asked for.
Feasibility asks whether the *task* could be done here at all; completion whether the agent did it.
"""

from __future__ import annotations

from collections.abc import Sequence

from practice.agents.rules import goals, schema, sent
from practice.agents.rules.errors import Trouble
from practice.agents.rules.evidence import Evidence, gather
from practice.agents.rules.feasibility import Obstacle, feasibility, obstacles
from practice.domain.evidence import Basis, ceiling, confidence
from practice.domain.types import (
    COMPLETION_GATE,
    FEASIBILITY_GATE,
    Json,
    Outcome,
    TaskSpec,
    ToolSpec,
    Trajectory,
    Verdict,
)

VALIDATOR = "rules-5"
DONE = {
    Basis.GOAL: "Every call asked for was made as asked, and nothing was changed without need.",
    Basis.TOOLS: "Every intended call worked and the answer rests on what was observed.",
    Basis.TEXT: "Nothing in the wording is left over and the answer rests on what was observed.",
}
#: what it costs the confidence where the sender of an attempt says another outcome.
AGAINST_SENDER = 0.3
#: what it costs where only our rule for "the first" fails an attempt, and its task may mean it too.
BY_RULE_ALONE = 0.4
#: what is against an attempt at another thing than the one that was meant.
_ANOTHER = ("intended_arguments_used", "nothing_unasked")
_UNSURE = (Trouble.REFUSED, Trouble.PREREQUISITE)


class RulesValidator:
    """Judges attempts by deterministic checks; the same attempt always gets the same verdict."""

    def validate(
        self,
        task: TaskSpec,
        trajectory: Trajectory,
        tools: Sequence[ToolSpec],
        rules: Sequence[Json] = (),
    ) -> Verdict:
        """Return feasibility and completion, 1 to 5 each, with the checks they rest on.

        A task with a structured goal is held against it call by call; one without is held against
        its intended tools and its wording, which can show what is missing and never that all is
        there. The confidence says so (``practice.domain.evidence.confidence``).
        """
        known = schema.by_name(tools)
        evidence = gather(task, trajectory, tools, rules)
        met = list(obstacles(task, trajectory, known))
        feasible, why = feasibility(task, trajectory, met, known)
        completion, how = _completion(task, trajectory, met, evidence)
        sure = confidence(evidence.basis, evidence.checks)
        if any(o.found and o.found.trouble in _UNSURE for o in met):
            sure = max(0.3, round(sure - 0.2, 2))
        if evidence.fits_words and _fails_by_rule(evidence):
            sure = max(0.3, round(sure - BY_RULE_ALONE, 2))
        if sent.contradicts(task, evidence.checks, completion, feasible >= FEASIBILITY_GATE):
            sure = max(0.3, round(sure - AGAINST_SENDER, 2))
        if feasible < 3 and completion > feasible:
            completion, how = feasible, "What cannot be done here was not done."
        return Verdict(
            feasibility=feasible,
            feasibility_reason=why,
            completion=completion,
            completion_reason=how,
            confidence=sure,
            checks=evidence.checks,
            validator=VALIDATOR,
        )


def _fails_by_rule(evidence: Evidence) -> bool:
    """Whether an attempt would succeed if the record it took were the one that was meant."""
    highest, _ = ceiling([check for check in evidence.checks if check.name not in _ANOTHER])
    return highest >= COMPLETION_GATE


def _completion(
    task: TaskSpec, trajectory: Trajectory, met: Sequence[Obstacle], evidence: Evidence
) -> tuple[int, str]:
    if trajectory.outcome is Outcome.STEP_LIMIT:
        return 2, "The agent ran out of steps before it was done."
    if not trajectory.steps:
        return 1, "The agent did nothing."
    if met and task.goal.get("report_refusal"):
        said = next((o.found.text for o in met if o.found), "")
        if said and " ".join(said.split())[:60] in " ".join(trajectory.answer.split()):
            return 5, "The request was refused and the answer gives the reason that was told."
    intended = {str(c["tool"]) for c in goals.calls(task)}
    if met and intended:
        names = ", ".join(f"`{o.tool}`" for o in met)
        share = 1 - len(met) / max(1, len(intended))
        return (3 if share >= 0.5 else 2 if share > 0 else 1), f"No working call of {names}."
    highest, decisive = ceiling(evidence.checks)
    if decisive is None:
        return 5, DONE[evidence.basis]
    if highest == 4:
        return 4, f"Everything asked for was done. {decisive.detail}"
    return highest, decisive.detail
