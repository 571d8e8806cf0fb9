"""The regions of proposer memory as its page and its API list them: tools, pairs, facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from practice.domain import memory as domain
from practice.domain.memory import PairCounts, Region
from practice.domain.types import Steering, ToolCounts
from practice.models import Environment, EnvironmentFact, EnvironmentTool
from practice.models import Steering as Wish
from practice.queries import memory
from practice.queries.environments import why_off

#: pairs that never ran together are many; the likeliest ones are named.
UNPAIRED_SHOWN = 100


@dataclass(frozen=True, slots=True)
class ToolRegion:
    """One tool with its region. ``wish`` is the standing one about it; ``why_off`` why it rests."""

    tool: EnvironmentTool
    counts: ToolCounts
    region: Region
    wish: Wish | None
    why_off: str


@dataclass(frozen=True, slots=True)
class PairRegion:
    """Two tools in the order they ran, with their region."""

    counts: PairCounts
    region: Region


@dataclass(frozen=True, slots=True)
class Regions:
    """All tools and pairs. ``unpaired`` is how many ordered pairs never ran together."""

    tools: Sequence[ToolRegion]
    pairs: Sequence[PairRegion]
    unpaired: int
    #: in how many feasible tasks a tool has to work to count as practised.
    enough: int

    @property
    def pair_totals(self) -> Counter[str]:
        found = Counter(line.region.value for line in self.pairs)
        found[Region.NEVER_USED.value] = self.unpaired
        return found


@dataclass(frozen=True, slots=True)
class FactLine:
    """One environment fact. ``relevance`` (0 to 1) is to what the next round should practise."""

    fact: EnvironmentFact
    relevance: float
    age: int


_ORDER = (Region.NEVER_USED, Region.UNDER_PRACTISED, Region.INFEASIBLE, Region.PRACTISED)


def tool_regions(environment: Environment) -> tuple[list[ToolRegion], int]:
    """Every tool offered now, what needs practice first, and what is enough; three queries."""
    tools = list(environment.tools.filter(is_present=True))
    counted = memory.tool_counts(environment)
    wishes = {w.tool: w for w in environment.steering.standing() if w.tool}
    at_least = domain.enough(counted.values(), len(tools))
    lines = [
        ToolRegion(
            tool=tool,
            counts=(counts := counted.get(tool.name, ToolCounts(tool.name))),
            region=domain.region(counts, at_least),
            wish=wishes.get(tool.name),
            why_off=why_off(tool),
        )
        for tool in tools
    ]
    place = {region: number for number, region in enumerate(_ORDER)}
    return sorted(lines, key=lambda line: (place[line.region], line.tool.name)), at_least


def regions(environment: Environment) -> Regions:
    """All tools and pairs of an environment; four queries, however long its history."""
    tools, at_least = tool_regions(environment)
    ran = memory.pair_counts(environment)
    counted = {line.tool.name: line.counts for line in tools}
    likely, unpaired = domain.unpaired(counted, ran, limit=UNPAIRED_SHOWN)
    never = [PairRegion(PairCounts(*pair), Region.NEVER_USED) for pair in likely]
    pairs = [PairRegion(pair, domain.region(pair, domain.ENOUGH_OF_PAIRS)) for pair in ran]
    return Regions(tools, [*pairs, *never], unpaired, at_least)


def fact_lines(
    environment: Environment, rows: Sequence[EnvironmentFact], steering: Steering
) -> list[FactLine]:
    """The given facts with their age and how much they help to practise what is wanted.

    Relevance is within these rows: the most helpful of them has 1.
    """
    tools = [tool.as_spec() for tool in environment.tools.usable()]
    weights = domain.wanted(tools, memory.tool_counts(environment), steering)
    starts = memory.round_starts(environment)
    facts = [memory.as_fact(row, starts) for row in rows]
    useful = domain.relevance(facts, tools, weights)
    return [
        FactLine(row, score, fact.age) for row, fact, score in zip(rows, facts, useful, strict=True)
    ]


def standing_steering(environment: Environment) -> Steering:
    """The standing wishes as a proposer is told them."""
    wishes = list(memory.open_steering(environment).values_list("kind", "tool", "instruction"))
    return Steering(
        focus=tuple(tool for kind, tool, _ in wishes if kind == Wish.Kind.FOCUS),
        avoid=tuple(tool for kind, tool, _ in wishes if kind == Wish.Kind.AVOID),
        seed_tasks=tuple(text for kind, _, text in wishes if kind == Wish.Kind.SEED_TASK),
    )
