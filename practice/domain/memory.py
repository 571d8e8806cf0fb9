"""Proposer memory in regions, what the next round should practise, and which facts help it.

A tool, or an ordered pair of tools executed in one attempt, lies in one of four regions, counted in
tasks and from executed calls only (docs/practice.md#proposer-memory):

* **never used** – no call of it was ever executed;
* **infeasible** – it was called, no call of it ever worked, and every one of those tasks was judged
  infeasible;
* **under-practised** – it was called, and it worked in fewer feasible tasks than ``enough``: half
  of a fair share (all feasible uses by all tools), at least 1 and at most 3; for pairs always 2;
* **practised** – everything else.

Pure: no clock, no randomness.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from practice.domain.types import Fact, Steering, ToolCounts, ToolSpec

ENOUGH_MOST = 3
ENOUGH_OF_PAIRS = 2
#: how much a round wants a tool, by region; an operator's focus comes before all of them.
FOCUS_WEIGHT = 4.0
FRESHNESS, RECURRENCE, SAMENESS = 0.5, 0.1, 0.35
RECURRENCE_MOST = 5


class Region(StrEnum):
    """How well one tool, or one ordered pair, has been practised."""

    PRACTISED = "practised"
    UNDER_PRACTISED = "under_practised"
    NEVER_USED = "never_used"
    INFEASIBLE = "infeasible"


_WEIGHTS = {
    Region.NEVER_USED: 2.0,
    Region.UNDER_PRACTISED: 1.0,
    Region.INFEASIBLE: 0.25,
    Region.PRACTISED: 0.0,
}


@dataclass(frozen=True, slots=True)
class PairCounts:
    """Two tools executed in one attempt in this order, counted in tasks as in ``ToolCounts``.

    ``feasible_worked`` counts feasible tasks in which a working call of the first came before a
    working call of the second.
    """

    first: str
    second: str
    practised: int = 0
    worked: int = 0
    feasible_worked: int = 0
    infeasible: int = 0


def enough(counted: Iterable[ToolCounts], tools: int) -> int:
    """Return in how many feasible tasks a tool has to have worked to count as practised."""
    fair = sum(each.feasible_worked for each in counted) / max(tools, 1)
    return min(ENOUGH_MOST, max(1, math.ceil(fair / 2)))


def region(counts: ToolCounts | PairCounts, at_least: int) -> Region:
    """Return the region of a tool or a pair; see the head of the module for the rule."""
    if not counts.practised:
        return Region.NEVER_USED
    if not counts.worked and counts.infeasible == counts.practised:
        return Region.INFEASIBLE
    if counts.feasible_worked < at_least:
        return Region.UNDER_PRACTISED
    return Region.PRACTISED


def wanted(
    tools: Sequence[ToolSpec], counted: Mapping[str, ToolCounts], steering: Steering
) -> dict[str, float]:
    """Return the tools the next round should practise with how much, most wanted first.

    Tools in focus come first, then those never used, then the under-practised, the least practised
    before the others. What was practised enough and what is to be left alone is not wanted.
    """
    at_least = enough(counted.values(), len(tools))
    found: list[tuple[float, int, str]] = []
    for tool in tools:
        if tool.name in steering.avoid:
            continue
        counts = counted.get(tool.name, ToolCounts(tool.name))
        weight = _WEIGHTS[region(counts, at_least)]
        if tool.name in steering.focus:
            weight += FOCUS_WEIGHT
        if weight:
            found.append((-weight, counts.practised, tool.name))
    return {name: -weight for weight, _, name in sorted(found)}


def relevance(
    facts: Sequence[Fact], tools: Sequence[ToolSpec], weights: Mapping[str, float]
) -> list[float]:
    """Return for each fact, 0 to 1, how much it helps to practise the wanted tools.

    A fact helps a tool where a wanted tool showed it, or where it shares rare words with a wanted
    tool: its name and its parameters, against the fact's field, tools and text.
    """
    words = {tool.name: _words(tool.name, *tool.parameters) for tool in tools}
    spread = Counter(word for found in words.values() for word in found)
    worth: dict[str, float] = defaultdict(float)
    for name, weight in weights.items():
        for word in words.get(name, ()):
            worth[word] = max(worth[word], weight / math.sqrt(spread[word]))
    scores = []
    for fact in facts:
        said = _words(str(fact.data.get("field", "")), *_tools_of(fact), fact.text)
        best = sorted((worth[word] for word in said if word in worth), reverse=True)[:3]
        shown = max((weights.get(tool, 0.0) for tool in _tools_of(fact)), default=0.0)
        scores.append(sum(best) + shown)
    top = max(scores, default=0.0)
    return [score / top if top else 0.0 for score in scores]


def choose_facts(
    facts: Sequence[Fact],
    tools: Sequence[ToolSpec],
    weights: Mapping[str, float],
    *,
    limit: int,
) -> tuple[Fact, ...]:
    """Return up to ``limit`` facts, most useful first: relevant, fresh, seen often, and diverse.

    The paper samples them uniformly; here each choice makes others on the same subject (the same
    field, or the same tool) less welcome, and a text is never repeated.
    """
    distinct = list({fact.text: fact for fact in facts}.values())
    useful = relevance(distinct, tools, weights)
    scores = [
        useful[place]
        + FRESHNESS / (1 + fact.age)
        + RECURRENCE * min(fact.seen, RECURRENCE_MOST) / RECURRENCE_MOST
        for place, fact in enumerate(distinct)
    ]
    taken: Counter[str] = Counter()
    open_ = set(range(len(distinct)))
    chosen: list[Fact] = []
    while open_ and len(chosen) < limit:
        best = max(open_, key=lambda i: (scores[i] - SAMENESS * taken[_subject(distinct[i])], -i))
        open_.remove(best)
        taken[_subject(distinct[best])] += 1
        chosen.append(distinct[best])
    return tuple(chosen)


def unpaired(
    counted: Mapping[str, ToolCounts], pairs: Iterable[PairCounts], *, limit: int
) -> tuple[list[tuple[str, str]], int]:
    """Return ordered pairs of working tools that never ran together, and how many there are.

    Tools that share words in their names (``get_order``, ``refund_order``) come first: they are
    likely to work on the same things.
    """
    working = sorted(name for name, counts in counted.items() if counts.worked)
    ran = {(pair.first, pair.second) for pair in pairs}
    words = {name: _words(name) for name in working}
    found = [
        (-len(words[first] & words[second]), first, second)
        for first in working
        for second in working
        if first != second and (first, second) not in ran
    ]
    found.sort()
    return [(first, second) for _, first, second in found[:limit]], len(found)


def _tools_of(fact: Fact) -> tuple[str, ...]:
    shown = str(fact.data.get("tool", ""))
    return fact.tools or ((shown,) if shown else ())


def _subject(fact: Fact) -> str:
    return str(fact.data.get("field") or "") or (_tools_of(fact) or (fact.text,))[0]


def _words(*texts: str) -> set[str]:
    """Return the words of names and texts in small letters, names parted at their joints."""
    joined = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", " ".join(texts))
    return {_singular(word) for word in re.findall(r"[a-z0-9]{2,}", joined.lower())}


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and word[-2] != "s" else word
