"""What a proposer is shown, as text, within its token budget, and what was left out for room.

Source: Preping (arXiv 2605.13880) §3.2. The budget is shared: half for the tools, an eighth for
facts, a tenth at most for what operators ask, the rest for history; what one block does not need
goes to the history. The released artifact's history grows by the task without end. Pure: the same
briefing gives the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memoryapp.domain.playbook import CHARS_PER_TOKEN, estimate_tokens
from practice.domain.coverage import (
    OVER_USED_WINDOW,
    Coverage,
    clip,
    coverage,
    first_sentence,
    full_documentation,
    history_counts,
    listing,
    names_that_fit,
    short_documentation,
    signature,
)
from practice.domain.memory import wanted
from practice.domain.types import Briefing, Category, Fact, PracticeRecord, Steering, ToolSpec

#: at most this many facts are shown, as in the paper.
FACTS = 10
TOOLS_SHARE, FACTS_SHARE, WISHES_SHARE = 0.5, 0.125, 0.1
#: what remains of the budget for the role's own words.
PROMPT_SHARE = 0.08
#: of the room for tools, what may go to one line for each; the rest is for whole descriptions.
LINES_SHARE = 0.6
INSTRUCTION_CAP = 240
REASON_CAP = 240
FACT_CAP = 400
NAMES_CAP = 200
LINE_CAP = 140
SEED_CAP = 600
DIFFICULTY = {
    "easier": "Too much failed lately: write easier tasks than before, with fewer calls each.",
    "harder": "Nearly everything succeeds: write harder tasks, with more calls that depend on "
    "each other.",
}


@dataclass(frozen=True, slots=True)
class Block:
    """One part of what is shown, with how many entries it has room for and how many not."""

    text: str = ""
    shown: int = 0
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """The four blocks of a briefing. ``tools.shown`` are the tools described in full."""

    tools: Block
    facts: Block
    wishes: Block
    history: Block
    #: titles of the history's lists that are cut, with how many entries are missing from each.
    history_left_out: tuple[tuple[str, int], ...]
    wanted: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """Estimated tokens of all four blocks."""
        blocks = (self.tools, self.facts, self.wishes, self.history)
        return sum(estimate_tokens(block.text) for block in blocks)


def compose(briefing: Briefing) -> Shown:
    """Write a briefing down within ``briefing.token_budget`` tokens."""
    budget = int(briefing.token_budget * (1 - PROMPT_SHARE))
    counted = briefing.counts or history_counts(briefing.history)
    weights = wanted(briefing.tools, counted.tools, briefing.steering)
    wishes = wishes_block(briefing.steering, token_budget=int(budget * WISHES_SHARE))
    facts = facts_block(briefing.facts, limit=FACTS, token_budget=int(budget * FACTS_SHARE))
    documented = documentation(
        briefing.tools, tuple(weights), token_budget=int(budget * TOOLS_SHARE)
    )
    used = sum(estimate_tokens(block.text) for block in (wishes, facts, documented))
    history, left_out = history_block(briefing, token_budget=max(0, budget - used))
    return Shown(documented, facts, wishes, history, left_out, tuple(weights))


def as_json(briefing: Briefing, shown: Shown) -> dict[str, Any]:
    """Return what is kept with a round of what its proposer was shown, in bounded form."""
    steering = briefing.steering
    return {
        "token_budget": briefing.token_budget,
        "tokens": {
            "tools": estimate_tokens(shown.tools.text),
            "facts": estimate_tokens(shown.facts.text),
            "wishes": estimate_tokens(shown.wishes.text),
            "history": estimate_tokens(shown.history.text),
        },
        "faithful": briefing.faithful,
        "tools": {
            "offered": len(briefing.tools),
            "in_full": shown.tools.shown,
            "left_out": shown.tools.left_out,
            "wanted": list(shown.wanted[:FACTS]),
        },
        "facts": [
            {
                "text": fact.text,
                "source_task": fact.source_task,
                "tools": list(fact.tools),
                "seen": fact.seen,
                "age": fact.age,
            }
            for fact in briefing.facts[: shown.facts.shown]
        ],
        "facts_left_out": len(briefing.facts) - shown.facts.shown,
        "steering": {
            "focus": list(steering.focus),
            "avoid": list(steering.avoid),
            "seed_tasks": list(steering.seed_tasks),
            "difficulty": steering.difficulty,
        },
        "history": shown.history.text,
        "history_left_out": dict(shown.history_left_out),
    }


def documentation(tools: Sequence[ToolSpec], first: Sequence[str], *, token_budget: int) -> Block:
    """Describe all tools in full where that fits, else the ``first`` ones and each other in a line.

    A line is name, parameters and first sentence, else name and parameters; where even those take
    too much, the others are named one after the other, and names that fit nowhere are counted.
    """
    room = token_budget * CHARS_PER_TOKEN
    whole = "\n".join(full_documentation(tool) for tool in tools)
    if len(whole) <= room:
        return Block(whole, shown=len(tools))
    written = ([render(tool) for tool in tools] for render in (_line, signature))
    fits = (lines for lines in written if _length(lines) <= room * LINES_SHARE)
    lines = next(fits, None)
    if lines is None:
        return _named(tools, first, room)
    line_of = {tool.name: line for tool, line in zip(tools, lines, strict=True)}
    detailed, in_full = _detailed(_ordered(tools, first), line_of, room - _length(lines))
    rest = [line_of[tool.name] for tool in tools if tool.name not in detailed]
    return Block("\n".join([*detailed.values(), *rest]), shown=in_full)


def _named(tools: Sequence[ToolSpec], first: Sequence[str], room: int) -> Block:
    """The most wanted tools in full, the names of the others as far as there is room."""
    order = _ordered(tools, first)
    detailed, in_full = _detailed(order, {}, int(room * (1 - LINES_SHARE)))
    names = [tool.name for tool in order if tool.name not in detailed]
    room -= _length([*detailed.values()])
    told = names_that_fit("Other tools", names, room)
    text = "\n".join([*detailed.values(), clip(listing("Other tools", names, room), max(0, room))])
    return Block(text, shown=in_full, left_out=len(names) - told)


def _detailed(
    tools: Sequence[ToolSpec], line_of: Mapping[str, str], room: int
) -> tuple[dict[str, str], int]:
    """Return descriptions of the first tools, in place of their lines, and how many are in full."""
    found: dict[str, str] = {}
    in_full = 0
    for tool in tools:
        for render in (full_documentation, short_documentation):
            text = render(tool)
            more = len(text) + 1 - len(line_of.get(tool.name, ""))
            if more <= room:
                found[tool.name] = text
                room -= more
                in_full += render is full_documentation
                break
    return found, in_full


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _ordered(tools: Sequence[ToolSpec], first: Sequence[str]) -> list[ToolSpec]:
    """The tools with the ``first`` ones first, in their order."""
    place = {name: number for number, name in enumerate(first)}
    return sorted(tools, key=lambda tool: place.get(tool.name, len(place)))


def _line(tool: ToolSpec) -> str:
    said = first_sentence(tool.description)
    return clip(f"{signature(tool)}{': ' if said else ''}{said}", LINE_CAP)


def facts_block(facts: Sequence[Fact], *, limit: int, token_budget: int) -> Block:
    """Return the first ``limit`` facts, one a line with the task that showed each.

    Facts come most useful first, so those that fit no more are the least useful ones.
    """
    lines: list[str] = []
    room = token_budget * CHARS_PER_TOKEN
    for fact in facts[:limit]:
        source = f" (seen in: {clip(fact.source_task, INSTRUCTION_CAP)})"
        line = f"- {clip(fact.text, FACT_CAP)}{source if fact.source_task else ''}"
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    return Block("\n".join(lines), shown=len(lines), left_out=len(facts) - len(lines))


def wishes_block(steering: Steering, *, token_budget: int) -> Block:
    """Return what operators ask of this round; empty where they ask for nothing.

    Seed tasks are numbered in the order of ``steering.seed_tasks``.
    """
    room = token_budget * CHARS_PER_TOKEN
    lines: list[str] = []
    if steering.avoid:
        lines.append(listing("No task may need these tools", steering.avoid, room // 3))
    if steering.focus:
        lines.append(listing("Practise these tools first", steering.focus, room // 3))
    if steering.difficulty:
        lines.append(DIFFICULTY[steering.difficulty])
    room -= _length(lines)
    seeds = [
        f"Seed task {number}: {clip(text, SEED_CAP)}"
        for number, text in enumerate(steering.seed_tasks, start=1)
    ]
    kept: list[str] = []
    for seed in seeds:
        room -= len(seed) + 1
        if room < 0:
            break
        kept.append(seed)
    return Block("\n".join([*lines, *kept]), shown=len(kept), left_out=len(seeds) - len(kept))


def history_block(
    briefing: Briefing, *, token_budget: int
) -> tuple[Block, tuple[tuple[str, int], ...]]:
    """Return the practice history within ``token_budget`` tokens, and which lists of it are cut.

    Order: counts, over-used tools, solved tasks, the last five failures, the last five infeasible
    tasks, tools never used. The solved tasks give way first: the newest that fit are kept. The
    paper's own view (``briefing.faithful``) has no list of tools never used.
    """
    seen = coverage(briefing.history, briefing.tools, briefing.counts)
    room = token_budget * CHARS_PER_TOKEN
    head = [_counts_line(seen), _over_used_line(seen)]
    names = () if briefing.faithful else seen.never_used
    never = listing("Tools never used yet", names, room // 3)
    left = room - sum(len(part) + 1 for part in [*head, never] if part)
    failures = _fitting("Recent failures", seen.failures, _with_reason, left // 2)
    left -= len(failures.text) + 1
    infeasible = _fitting("Recent infeasible tasks", seen.infeasible, _with_reason, left)
    left -= len(infeasible.text) + 1
    solved_count = sum(seen.categories[c] for c in (Category.TRIVIAL, Category.BOUNDARY))
    solved = _fitting("Solved tasks", seen.solved, _with_tools, left, total=solved_count)
    parts = [*head, solved.text, failures.text, infeasible.text, never]
    text = clip("\n".join(part for part in parts if part), room)
    lists = {
        "solved tasks": solved.left_out,
        "failures": failures.left_out,
        "infeasible tasks": infeasible.left_out,
    }
    shown = solved.shown + failures.shown + infeasible.shown
    cut = tuple((name, count) for name, count in lists.items() if count)
    return Block(text, shown=shown, left_out=sum(lists.values())), cut


def _counts_line(seen: Coverage) -> str:
    counts = ", ".join(f"{count} {category}" for category, count in seen.categories.items())
    used = sum(t.practised > 0 for t in seen.tools)
    total = sum(seen.categories.values())
    return f"Practised so far: {total} tasks ({counts}); {used} of {len(seen.tools)} tools used."


def _over_used_line(seen: Coverage) -> str:
    if not seen.over_used:
        return ""
    tools = ", ".join(f"{tool} ({count})" for tool, count in seen.over_used)
    return f"Used most in the last {OVER_USED_WINDOW} tasks, choose others: {tools}."


def _with_tools(record: PracticeRecord) -> str:
    intended = clip(", ".join(record.intended_tools), NAMES_CAP) or "none"
    used = clip(", ".join(record.used_tools), NAMES_CAP) or "none"
    instruction = clip(record.instruction, INSTRUCTION_CAP)
    return f"- [{record.category}] {instruction} (intended: {intended}; used: {used})"


def _with_reason(record: PracticeRecord) -> str:
    reason = clip(record.reason, REASON_CAP) or "none given"
    return f"{_with_tools(record)} Reason: {reason}"


def _fitting(
    title: str,
    records: Sequence[PracticeRecord],
    render: Callable[[PracticeRecord], str],
    room: int,
    *,
    total: int | None = None,
) -> Block:
    """Return a titled list of the newest records that fit ``room`` characters, oldest first.

    ``total`` is how many there are in all, where ``records`` are only the newest of them.
    """
    lines: list[str] = []
    room -= len(title) + 40
    for record in reversed(records):
        line = render(record)
        if len(line) + 1 > room:
            break
        lines.append(line)
        room -= len(line) + 1
    left_out = max(len(records), total or 0) - len(lines)
    if not lines:
        return Block(left_out=left_out)
    note = f" ({left_out} older left out)" if left_out else ""
    text = "\n".join([f"{title}{note}:", *reversed(lines)])
    return Block(text, shown=len(lines), left_out=left_out)
