"""Proposer memory read back: what has been practised, and the text a proposer reads about it.

Source: Preping (arXiv 2605.13880) §3.2. Two things the released artifact lacks: tools never used
are listed, and every block fits a token budget (theirs grows by the task without end). Used tools
come from executed calls, never from text. Pure: no clock, no randomness.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from memoryapp.domain.playbook import CHARS_PER_TOKEN, estimate_tokens
from practice.domain.types import Category, Fact, Json, PracticeRecord, ToolSpec

OVER_USED_TOP = 10
OVER_USED_WINDOW = 50
RECENT = 5
INSTRUCTION_CAP = 240
REASON_CAP = 240
PARAMETER_CAP = 160

_SOLVED = frozenset({Category.TRIVIAL, Category.BOUNDARY})
_FAILED = frozenset({Category.UNSOLVED, Category.BOUNDARY})


@dataclass(frozen=True, slots=True)
class ToolCoverage:
    """How often one tool was practised, counted in tasks.

    ``solved`` are tasks in which a call of it worked, ``failed`` those in which every call of it
    ended in an error; the two add up to ``practised``.
    """

    name: str
    practised: int = 0
    solved: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Coverage:
    """Practice history in numbers, over all records; lists are oldest first."""

    tools: tuple[ToolCoverage, ...]
    never_used: tuple[str, ...]
    #: (tool, tasks) over the last 50 records, most used first, at most ten.
    over_used: tuple[tuple[str, int], ...]
    solved: tuple[PracticeRecord, ...]
    failures: tuple[PracticeRecord, ...]
    infeasible: tuple[PracticeRecord, ...]
    categories: Mapping[Category, int]

    def of(self, tool: str) -> ToolCoverage:
        """Return the counts of ``tool``; all zero where it was never practised."""
        return next((t for t in self.tools if t.name == tool), ToolCoverage(tool))


def coverage(history: Sequence[PracticeRecord], tools: Sequence[ToolSpec]) -> Coverage:
    """Count ``history`` (oldest first) against the tools on offer.

    Tools that are no longer on offer are left out: nothing can be practised with them.
    """
    practised: Counter[str] = Counter()
    solved: Counter[str] = Counter()
    for record in history:
        for tool, worked in _worked(record).items():
            practised[tool] += 1
            solved[tool] += worked
    recent = Counter(tool for r in history[-OVER_USED_WINDOW:] for tool in _worked(r))
    known = {tool.name for tool in tools}
    counts = tuple(
        ToolCoverage(t.name, practised[t.name], solved[t.name], practised[t.name] - solved[t.name])
        for t in tools
    )
    return Coverage(
        tools=counts,
        never_used=tuple(c.name for c in counts if c.practised == 0),
        over_used=tuple(
            (tool, count)
            for tool, count in sorted(recent.items(), key=lambda item: (-item[1], item[0]))
            if tool in known
        )[:OVER_USED_TOP],
        solved=tuple(r for r in history if r.category in _SOLVED),
        failures=tuple(r for r in history if r.category in _FAILED)[-RECENT:],
        infeasible=tuple(r for r in history if r.category is Category.INFEASIBLE)[-RECENT:],
        categories={c: sum(r.category is c for r in history) for c in Category},
    )


def history_block(
    history: Sequence[PracticeRecord], tools: Sequence[ToolSpec], *, token_budget: int
) -> str:
    """Return the practice history as a proposer reads it, within ``token_budget`` tokens.

    Order: counts, over-used tools, solved tasks, recent failures, recent infeasible tasks, tools
    never used. The solved tasks give way first: the newest that fit are kept.
    """
    seen = coverage(history, tools)
    budget = token_budget * CHARS_PER_TOKEN
    head = [_counts_line(seen, len(history)), _over_used_line(seen)]
    never = _listing("Tools never used yet", seen.never_used, budget // 3)
    used = sum(len(part) + 1 for part in [*head, never] if part)
    failures = _fitting("Recent failures", seen.failures, _with_reason, (budget - used) // 2)
    used += len(failures) + 1
    infeasible = _fitting("Recent infeasible tasks", seen.infeasible, _with_reason, budget - used)
    used += len(infeasible) + 1
    solved = _fitting("Solved tasks", seen.solved, _with_tools, budget - used)
    parts = [*head, solved, failures, infeasible, never]
    return _clip("\n".join(part for part in parts if part), budget)


def facts_block(facts: Sequence[Fact], *, limit: int = 10, token_budget: int) -> str:
    """Return the newest ``limit`` facts, one a line with the task that showed each.

    Facts that would push the block past ``token_budget`` tokens are left out, oldest first.
    """
    distinct = list({fact.text: fact for fact in facts}.values())
    lines: list[str] = []
    room = token_budget * CHARS_PER_TOKEN
    for fact in reversed(distinct[-limit:]):
        source = f" (seen in: {_clip(fact.source_task, INSTRUCTION_CAP)})"
        line = f"- {fact.text}{source if fact.source_task else ''}"
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    return "\n".join(reversed(lines))


def tools_block(tools: Sequence[ToolSpec], *, token_budget: int) -> str:
    """Return the documentation of every tool, as full as ``token_budget`` tokens allow.

    Four levels are tried in turn: everything, first sentences, signatures, names. Names are listed
    until the budget is full, with the number left out.
    """
    for render in (_full, _short, _signature):
        text = "\n".join(render(tool) for tool in tools)
        if estimate_tokens(text) <= token_budget:
            return text
    return _listing("Tools", [t.name for t in tools], token_budget * CHARS_PER_TOKEN)


def _worked(record: PracticeRecord) -> dict[str, bool]:
    """Map each tool of the record to whether any call of it worked."""
    if not record.calls:
        return dict.fromkeys(record.used_tools, record.category in _SOLVED)
    worked: dict[str, bool] = {}
    for tool, had_error in record.calls:
        worked[tool] = worked.get(tool, False) or not had_error
    return worked


def _counts_line(seen: Coverage, total: int) -> str:
    counts = ", ".join(f"{count} {category}" for category, count in seen.categories.items())
    used = sum(t.practised > 0 for t in seen.tools)
    return f"Practised so far: {total} tasks ({counts}); {used} of {len(seen.tools)} tools used."


def _over_used_line(seen: Coverage) -> str:
    if not seen.over_used:
        return ""
    tools = ", ".join(f"{tool} ({count})" for tool, count in seen.over_used)
    return f"Used most in the last {OVER_USED_WINDOW} tasks, choose others: {tools}."


def _with_tools(record: PracticeRecord) -> str:
    intended = ", ".join(record.intended_tools) or "none"
    used = ", ".join(record.used_tools) or "none"
    instruction = _clip(record.instruction, INSTRUCTION_CAP)
    return f"- [{record.category}] {instruction} (intended: {intended}; used: {used})"


def _with_reason(record: PracticeRecord) -> str:
    reason = _clip(record.reason, REASON_CAP) or "none given"
    return f"{_with_tools(record)} Reason: {reason}"


def _fitting(
    title: str,
    records: Sequence[PracticeRecord],
    render: Callable[[PracticeRecord], str],
    room: int,
) -> str:
    """Return a titled list of the newest records that fit ``room`` characters, oldest first."""
    lines: list[str] = []
    room -= len(title) + 40
    for record in reversed(records):
        line = render(record)
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    if not lines:
        return ""
    left_out = len(records) - len(lines)
    note = f" ({left_out} older left out)" if left_out else ""
    return "\n".join([f"{title}{note}:", *reversed(lines)])


def _listing(title: str, names: Sequence[str], room: int) -> str:
    if not names:
        return ""
    kept: list[str] = []
    room -= len(title) + 24
    for name in names:
        room -= len(name) + 2
        if room < 0:
            break
        kept.append(name)
    left_out = len(names) - len(kept)
    more = f" and {left_out} more" if left_out else ""
    return f"{title}: {', '.join(kept)}{more}."


def _full(tool: ToolSpec) -> str:
    lines = [f"## {tool.name} ({tool.effect})", tool.description.strip()]
    for name, schema in tool.parameters.items():
        lines.append(_parameter(tool, name, schema, str(schema.get("description", ""))))
    return "\n".join(line for line in lines if line)


def _short(tool: ToolSpec) -> str:
    lines = [f"## {tool.name} ({tool.effect})", _first_sentence(tool.description)]
    for name, schema in tool.parameters.items():
        hint = _clip(_first_sentence(str(schema.get("description", ""))), PARAMETER_CAP)
        lines.append(_parameter(tool, name, schema, hint))
    return "\n".join(line for line in lines if line)


def _signature(tool: ToolSpec) -> str:
    required = set(tool.required)
    names = ", ".join(n if n in required else f"{n}?" for n in tool.parameters)
    return f"- {tool.name}({names})"


def _parameter(tool: ToolSpec, name: str, schema: Json, hint: str) -> str:
    words = [str(schema.get("type", "any"))]
    if name in tool.required:
        words.append("required")
    if schema.get("enum"):
        words.append(f"one of {json.dumps(schema['enum'])}")
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'])}")
    return f"- {name} ({', '.join(words)}){': ' if hint else ''}{hint}"


def _first_sentence(text: str) -> str:
    line = text.strip().split("\n", 1)[0]
    head, dot, _ = line.partition(". ")
    return head + dot.strip()


def _clip(text: str, cap: int) -> str:
    return text if len(text) <= cap else f"{text[: max(0, cap - 1)]}…"
