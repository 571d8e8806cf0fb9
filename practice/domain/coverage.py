"""Practice history counted, and tools written down as a role reads them.

Source: Preping (arXiv 2605.13880) §3.2. Used tools come from executed calls, never from text, and
tools never used are listed, which the released artifact does not do. Pure: no clock, no randomness.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memoryapp.domain.playbook import CHARS_PER_TOKEN, estimate_tokens
from practice.domain.schemas import shape
from practice.domain.types import (
    Category,
    HistoryCounts,
    Json,
    PracticeRecord,
    ToolCounts,
    ToolSpec,
)

OVER_USED_TOP = 10
OVER_USED_WINDOW = 50
RECENT = 5
PARAMETER_CAP = 160
SENTENCE_CAP = 300
#: what one parameter takes, with the fields of objects; a schema may go on without end.
SHAPE_CAP = 600

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


def history_counts(history: Sequence[PracticeRecord]) -> HistoryCounts:
    """Count ``history`` by category and by tool."""
    practised, worked, feasible, infeasible = (Counter[str]() for _ in range(4))
    for record in history:
        for tool, did_work in _worked(record).items():
            practised[tool] += 1
            worked[tool] += did_work
            if record.category is Category.INFEASIBLE:
                infeasible[tool] += 1
            else:
                feasible[tool] += did_work
    return HistoryCounts(
        total=len(history),
        categories={c: sum(r.category is c for r in history) for c in Category},
        tools={
            name: ToolCounts(name, count, worked[name], feasible[name], infeasible[name])
            for name, count in practised.items()
        },
    )


def coverage(
    history: Sequence[PracticeRecord],
    tools: Sequence[ToolSpec],
    counted: HistoryCounts | None = None,
) -> Coverage:
    """Read ``history`` (oldest first) against the tools on offer.

    ``counted`` holds the counts where ``history`` is only the newest part of it. Tools that are no
    longer on offer are left out: nothing can be practised with them.
    """
    counted = counted or history_counts(history)
    recent = Counter(tool for r in history[-OVER_USED_WINDOW:] for tool in _worked(r))
    known = {tool.name for tool in tools}
    found = [counted.tools.get(t.name, ToolCounts(t.name)) for t in tools]
    counts = tuple(
        ToolCoverage(t.name, t.practised, t.worked, t.practised - t.worked) for t in found
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
        categories={c: counted.categories.get(c, 0) for c in Category},
    )


def tools_block(tools: Sequence[ToolSpec], *, token_budget: int) -> str:
    """Return the documentation of every tool, as full as ``token_budget`` tokens allow.

    Four levels are tried in turn: everything, first sentences, signatures, names. Names are listed
    until the budget is full, with the number left out.
    """
    for render in (full_documentation, short_documentation, signature):
        text = "\n".join(render(tool) for tool in tools)
        if estimate_tokens(text) <= token_budget:
            return text
    return listing("Tools", [t.name for t in tools], token_budget * CHARS_PER_TOKEN)


def _worked(record: PracticeRecord) -> dict[str, bool]:
    """Map each tool of the record to whether any call of it worked."""
    if not record.calls:
        return dict.fromkeys(record.used_tools, record.category in _SOLVED)
    worked: dict[str, bool] = {}
    for tool, had_error in record.calls:
        worked[tool] = worked.get(tool, False) or not had_error
    return worked


def listing(title: str, names: Sequence[str], room: int) -> str:
    """Return ``title: a, b and 3 more.`` within ``room`` characters; nothing for no names."""
    if not names:
        return ""
    kept = names[: names_that_fit(title, names, room)]
    left_out = len(names) - len(kept)
    more = f" and {left_out} more" if left_out else ""
    return f"{title}: {', '.join(kept)}{more}."


def names_that_fit(title: str, names: Sequence[str], room: int) -> int:
    """Return how many of the first names ``listing`` has room for."""
    room -= len(title) + 24
    for place, name in enumerate(names):
        room -= len(name) + 2
        if room < 0:
            return place
    return len(names)


def full_documentation(tool: ToolSpec) -> str:
    """Return all that is known of a tool: description and every parameter."""
    lines = [f"## {tool.name} ({tool.effect})", tool.description.strip()]
    for name, schema in tool.parameters.items():
        lines.append(_parameter(tool, name, schema, str(schema.get("description", ""))))
    return "\n".join(line for line in lines if line)


def short_documentation(tool: ToolSpec) -> str:
    """Return the first sentences of a tool and of its parameters, cut where they go on and on."""
    said = clip(first_sentence(tool.description), SENTENCE_CAP)
    lines = [f"## {tool.name} ({tool.effect})", said]
    for name, schema in tool.parameters.items():
        hint = clip(first_sentence(str(schema.get("description", ""))), PARAMETER_CAP)
        lines.append(_parameter(tool, name, schema, hint))
    return "\n".join(line for line in lines if line)


def signature(tool: ToolSpec) -> str:
    """Return a tool as one line: ``- name(required, optional?)``."""
    required = set(tool.required)
    names = ", ".join(n if n in required else f"{n}?" for n in tool.parameters)
    return f"- {tool.name}({names})"


def _parameter(tool: ToolSpec, name: str, schema: Json, hint: str) -> str:
    words = [clip(shape(schema), SHAPE_CAP)]
    if name in tool.required:
        words.append("required")
    if "default" in schema:
        words.append(f"default {json.dumps(schema['default'])}")
    return f"- {name} ({', '.join(words)}){': ' if hint else ''}{hint}"


def first_sentence(text: str) -> str:
    """Return the first sentence of the first line."""
    line = text.strip().split("\n", 1)[0]
    head, dot, _ = line.partition(". ")
    return head + dot.strip()


def clip(text: str, cap: int) -> str:
    """Return ``text`` in at most ``cap`` characters, an ellipsis where it was cut."""
    return text if len(text) <= cap else f"{text[: max(0, cap - 1)]}…"
