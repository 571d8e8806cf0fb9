"""The paper's semantics, as its released artifact computes them, without the artifact's known bugs.

Source: Preping (arXiv 2605.13880) and its released code, read for its rules; nothing of it is
copied. ``docs/faithful-mode.md`` lists what is the paper's, what is the artifact's, and which of
the artifact's bugs are left out here. Pure: the same inputs give the same admission, categories,
history view and counters.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from memoryapp.domain.playbook import Bullet
from memoryapp.domain.preping import SECTIONS, score
from practice.domain.types import COMPLETION_GATE, FEASIBILITY_GATE, Category
from practice.domain.validation import Admission

FACTS = 10
REASONS = 3
USAGE_WINDOW, USAGE_TOP = 50, 10

#: the artifact's word for what one attempt, and several, say of a task, and ours.
SINGLE_RUN, REPEATED = "single_run", "repeated_eval"
CATEGORIES: Mapping[str, Category] = {
    "success": Category.TRIVIAL,
    "failure": Category.UNSOLVED,
    "trivial": Category.TRIVIAL,
    "boundary": Category.BOUNDARY,
    "unsolved_feasible": Category.UNSOLVED,
    "infeasible": Category.INFEASIBLE,
}

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One attempt's scores with the reason for each, 1 to 5."""

    feasibility: int
    completion: int
    feasibility_reason: str = ""
    completion_reason: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What all attempts at one task say together, in the artifact's words.

    ``teacher`` is the place of the attempt the playbook may learn from, ``None`` where none may.
    """

    category: str
    mode: str
    successes: int
    failures: int
    invalid: int
    passed: bool
    fail_reasons: tuple[str, ...]
    teacher: int | None


def label(judgement: Judgement) -> str:
    """Return ``invalid`` below the feasibility gate, else ``success`` or ``failure``."""
    if judgement.feasibility < FEASIBILITY_GATE:
        return "invalid"
    return "success" if judgement.completion >= COMPLETION_GATE else "failure"


def diagnose(
    attempts: Sequence[Judgement],
    *,
    planned: int = 1,
    policy: str = Admission.FEASIBLE_ONLY.value,
) -> Diagnosis:
    """Aggregate one task's attempts.

    One infeasible attempt makes the task infeasible. With several ``planned`` attempts a task
    teaches only where some succeeded and some failed, as the artifact has it by default.

    Raises:
        ValueError: no attempt, or an unknown policy.
    """
    if not attempts:
        raise ValueError("A task needs at least one judged attempt before it has a category.")
    labels = [label(attempt) for attempt in attempts]
    successes, failures, invalid = (labels.count(w) for w in ("success", "failure", "invalid"))
    single = planned <= 1
    learns_failures = Admission(policy) is Admission.FEASIBLE_ONLY
    reasons = []
    if invalid:
        reasons.append(f"feasibility_score below {FEASIBILITY_GATE} exists")
        reasons.append("contains invalid validation_result")
    if single and not successes and not learns_failures:
        reasons.append("single-run success required")
    if not single and not (successes and failures):
        reasons.append("missing mixed outcomes (success+failure)")
    return Diagnosis(
        category=_category(successes, failures, invalid, single=single),
        mode=SINGLE_RUN if single else REPEATED,
        successes=successes,
        failures=failures,
        invalid=invalid,
        passed=not reasons,
        fail_reasons=tuple(reasons),
        teacher=None if reasons else _teacher(labels, learns_failures=learns_failures),
    )


def _category(successes: int, failures: int, invalid: int, *, single: bool) -> str:
    if invalid:
        return "infeasible"
    if single:
        return "success" if successes else "failure"
    if not successes:
        return "unsolved_feasible"
    return "boundary" if failures else "trivial"


def _teacher(labels: Sequence[str], *, learns_failures: bool) -> int | None:
    """The first success, else the first failure where failures may teach."""
    if "success" in labels:
        return labels.index("success")
    return labels.index("failure") if learns_failures and "failure" in labels else None


def representative(attempts: Sequence[Judgement]) -> int:
    """Return the place of the attempt the environment is summarised from.

    The first success, else the first failure, else the first attempt.
    """
    labels = [label(attempt) for attempt in attempts]
    return next((labels.index(w) for w in ("success", "failure") if w in labels), 0)


def failure_reasons(attempts: Sequence[Judgement]) -> tuple[str, ...]:
    """Return up to three different reasons for what was not completed."""
    return _distinct(a.completion_reason for a in attempts if label(a) != "success")


def feasibility_reasons(attempts: Sequence[Judgement]) -> tuple[str, ...]:
    """Return up to three different reasons for the feasibility scores."""
    return _distinct(attempt.feasibility_reason for attempt in attempts)


def _distinct(texts: Any) -> tuple[str, ...]:
    said = (text.strip() for text in texts)
    return tuple(dict.fromkeys(text for text in said if text))[:REASONS]


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of ``proposer_memory.json``; the names are the file's."""

    cycle: int = 0
    synthetic_task_index: int = 0
    instruction: str = ""
    diagnostic_mode: str = ""
    execution_mode: str = ""
    success_count: int = 0
    failure_count: int = 0
    invalid_count: int = 0
    aggregate_pass: bool | None = None
    task_generation_category: str = ""
    aggregate_fail_reasons: tuple[str, ...] = ()
    failure_reasons: tuple[str, ...] = ()
    feasibility_reasons: tuple[str, ...] = ()
    involved_apps: tuple[str, ...] = ()
    involved_apis: tuple[str, ...] = ()
    used_apps: tuple[str, ...] = ()
    used_apis: tuple[str, ...] = ()


def category_of(entry: Entry) -> str:
    """Return the entry's category, or where it names none the one its counts lead to.

    Empty where nothing was counted either: it was never judged.
    """
    return entry.task_generation_category or _counted(entry)


def contradiction(entry: Entry) -> str:
    """Say that an entry's category is not what its counts lead to; empty where it may be."""
    named, counted = entry.task_generation_category, _counted(entry)
    if not named or not counted or CATEGORIES[named] is CATEGORIES[counted]:
        return ""
    return f"Its category is {named}, though its counts lead to {counted}; {named} is kept."


def _counted(entry: Entry) -> str:
    counts = entry.success_count, entry.failure_count, entry.invalid_count
    return _category(*counts, single=sum(counts) == 1) if any(counts) else ""


#: list of the view, category, and which reason stands for a task in it.
_LISTS = (
    ("success_tasks", "success", ""),
    ("failure_tasks", "failure", "failure"),
    ("trivial_tasks", "trivial", ""),
    ("boundary_tasks", "boundary", "failure"),
    ("unsolved_feasible_tasks", "unsolved_feasible", "failure"),
    ("infeasible_tasks", "infeasible", "infeasible"),
)
_ITEM = ("cycle", "synthetic_task_index", "instruction", "diagnostic_mode", "execution_mode")
_COUNTS = ("success_count", "failure_count", "invalid_count")
_TOOLS = ("involved_apps", "involved_apis", "used_apps", "used_apis")


def history_view(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the artifact's view of practice history: counts, usage, and tasks by category."""
    unjudged = [entry for entry in entries if entry.diagnostic_mode == "no_validator"]
    lists: dict[str, list[dict[str, Any]]] = {
        "no_validator_tasks": [_item(entry, "") for entry in unjudged]
    }
    for name, category, reason in _LISTS:
        found = (entry for entry in entries if entry.task_generation_category == category)
        lists[name] = [_item(entry, reason) for entry in found]
    counts = {name.removesuffix("_tasks") + "_count": len(found) for name, found in lists.items()}
    return {
        "summary": {"num_entries": len(entries), **counts},
        "usage_summary": usage(entries),
        **lists,
    }


def usage(entries: Sequence[Entry]) -> dict[str, Any]:
    """Return the ten apps and tools used most in the last fifty records, in tasks."""
    recent = entries[-USAGE_WINDOW:]
    apps = Counter(app for entry in recent for app in entry.used_apps)
    apis = Counter(api for entry in recent for api in entry.used_apis)
    return {
        "recent_entry_count": len(recent),
        "recent_overused_apps": _most_used(apps),
        "recent_overused_apis": _most_used(apis),
    }


def _most_used(counts: Counter[str]) -> list[dict[str, Any]]:
    return [{"name": name, "count": n} for name, n in counts.most_common(USAGE_TOP) if name]


def _item(entry: Entry, reason: str) -> dict[str, Any]:
    item: dict[str, Any] = {name: getattr(entry, name) for name in (*_ITEM, *_COUNTS)}
    if reason == "failure" and entry.failure_reasons:
        item["representative_failure_reason"] = entry.failure_reasons[0]
    why = (*entry.feasibility_reasons, *entry.aggregate_fail_reasons)
    if reason == "infeasible" and why:
        item["representative_infeasible_reason"] = why[0]
    item |= {name: list(found) for name in _TOOLS if (found := getattr(entry, name))}
    return item


def sample_facts(
    facts: Sequence[Item], *, seed: int, cycle: int, limit: int = FACTS
) -> tuple[Item, ...]:
    """Return up to ``limit`` facts drawn uniformly; all of them where there are no more.

    The artifact names a seed and does not use it; here the run's seed counts.
    """
    if len(facts) <= limit:
        return tuple(facts)
    return tuple(random.Random(f"{seed}:{cycle}:facts").sample(list(facts), limit))


def ranked(bullets: Sequence[Bullet]) -> tuple[Bullet, ...]:
    """Return bullets by section in the artifact's order, the best score first in each.

    Sections of our own come last. Nothing is hidden: the artifact drops a bullet at its first
    harmful vote, however many helpful ones it has.
    """
    place = {section: number for number, section in enumerate(SECTIONS)}
    own = sorted({bullet.section for bullet in bullets} - set(SECTIONS))
    place |= {section: len(SECTIONS) + number for number, section in enumerate(own)}
    return tuple(sorted(bullets, key=lambda b: (place[b.section], -score(b.helpful, b.harmful))))


def said_already(bullets: Sequence[Bullet], section: str, content: str) -> Bullet | None:
    """Return the bullet of the section that says the same words; an ADD then is a helpful vote."""
    said = content.strip().lower()
    same = (b for b in bullets if b.section == section and b.content.strip().lower() == said)
    return next(same, None)
