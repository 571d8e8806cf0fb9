"""The proposer without a model: candidates from schemas, observed values, coverage and gaps.

Never-used tools come first. An identifier is one that was observed or that an earlier call of the
same task produces; a credential is one the schema offers. Nothing else is ever put in a task.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from practice.agents.rules import goals, schema, seeding
from practice.agents.rules.difficulty import LEVELS, mixed
from practice.agents.rules.drafts import MAX_CHAIN, Call, Drafts
from practice.agents.rules.history import (
    barren,
    culprits,
    enabling,
    followed,
    refused,
    states,
)
from practice.agents.rules.linking import producers
from practice.agents.rules.observed import Observed
from practice.agents.rules.phrasing import instruction
from practice.agents.rules.schema import Role
from practice.agents.rules.things import Things
from practice.agents.rules.values import Values
from practice.agents.rules.words import content, parts
from practice.domain.coverage import coverage
from practice.domain.types import Briefing, Json, Proposal, TaskSpec, ToolSpec

PAGE_SHARE = 0.8
REFUSAL_SHARE = 0.4
TURNS = 3
#: how many tasks a tool waits for each time it proved impossible and never worked.
HOPELESS = 3
#: how often a refused tool is tried with the change its refusal spoke of.
MOST_TRIES = 2
#: tools a round is planned over; of more, every round takes others.
MOST_TOOLS = 300
#: share of them that is known to work: what they show is what the others need.
KNOWN_SHARE = 0.3
UNKNOWN_VALUE = "no value is known for its parameter {}, and none may be made up."


class RulesProposer:
    """Writes candidates deterministically for the seeds it is given."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def propose(self, briefing: Briefing) -> Proposal:
        """Return up to ``briefing.count`` different candidates, gaps in coverage first."""
        rng = random.Random(f"{self._seed}:{briefing.seed}")
        writer = _Writer(_narrowed(briefing, rng), rng)
        seeded, unmet = writer.seeded(briefing.steering.seed_tasks)
        written = {task.instruction: task for task in seeded}
        for turn in range(TURNS):
            # What a search would find is unknown before anything was seen: first look, then guess.
            writer.drafts.guesses = turn > 0 or bool(briefing.history)
            if turn and not briefing.history and len(written) >= briefing.count // 3:
                break
            for tool in writer.ordered():
                if len(written) >= briefing.count:
                    return writer.proposal(written, unmet)
                task = writer.task(tool)
                if task is not None:
                    written.setdefault(task.instruction, task)
        return writer.proposal(written, unmet)


def _narrowed(briefing: Briefing, rng: random.Random) -> Briefing:
    """Return the briefing with as many tools as a round can be planned over.

    How tools go together is looked at pair by pair, which takes minutes for thousands. Tools in
    focus and those a seed task speaks of come first, then some that work and the least practised.
    """
    if len(briefing.tools) <= MOST_TOOLS:
        return briefing
    seen = coverage(briefing.history, briefing.tools, briefing.counts)
    counts = {t.name: seen.of(t.name) for t in briefing.tools}
    spoken = content(" ".join(briefing.steering.seed_tasks))
    shuffled = rng.sample(briefing.tools, len(briefing.tools))
    first = [
        t
        for t in shuffled
        if t.name in briefing.steering.focus or content(t.name.replace("_", " ")) <= spoken
    ]
    works = [t for t in shuffled if counts[t.name].solved][: int(KNOWN_SHARE * MOST_TOOLS)]
    rest = sorted(shuffled, key=lambda t: counts[t.name].practised)
    taken = {
        t.name for t in list({t.name: t for t in (*first, *works, *rest)}.values())[:MOST_TOOLS]
    }
    return replace(briefing, tools=tuple(t for t in briefing.tools if t.name in taken))


class _Writer:
    def __init__(self, briefing: Briefing, rng: random.Random) -> None:
        history = briefing.history
        self._rng = rng
        self._tools = {t.name: t for t in briefing.tools}
        self._all = briefing.tools
        self._focus = set(briefing.steering.focus)
        self._avoided = set(briefing.steering.avoid)
        self._off = briefing.off
        self._level = LEVELS[briefing.steering.difficulty]
        self._seen = coverage(history, briefing.tools, briefing.counts)
        self._blocked = Counter(t for r in history for t in culprits(r))
        self._followed = {t for r in history for t in followed(r)}
        self._paged = set(self._followed)
        self._planned: Counter[str] = Counter()
        observed = self._observed = Observed(briefing.facts)
        spurned = refused(history)
        self._enabling = {
            tool: first
            for tool, first in enabling(history, briefing.tools).items()
            if self._blocked[tool] <= MOST_TRIES
        }
        self.drafts = Drafts(
            briefing.tools,
            observed,
            Values(briefing.tools, observed, self._seen, spurned, rng),
            self._seen,
            Counter(t for r in history for t in barren(r)),
            states(history),
            frozenset(t for t in self._blocked if self._is_hopeless(t)),
            self._enabling,
            Things(briefing.tools, history, spurned, frozenset(self._blocked), rng),
            rng,
        )

    def ordered(self) -> list[ToolSpec]:
        """Return tools, the least practised and least planned first; what failed waits longer.

        Tools in focus come before the others, and tools to be left alone not at all.
        """
        shuffled = list(self._all)
        self._rng.shuffle(shuffled)
        open_ = [t for t in shuffled if t.name not in self._avoided]
        open_.sort(key=lambda t: self._weight(t.name))
        if self._level.mixes:
            known = [t for t in open_ if self._seen.of(t.name).solved]
            open_ = mixed(known, [t for t in open_ if not self._seen.of(t.name).solved])
        return sorted(open_, key=lambda t: t.name not in self._focus)

    def _is_hopeless(self, name: str) -> bool:
        """Whether a tool never worked and nothing is known that may help it."""
        return not self._seen.of(name).solved and name not in self._enabling

    def _weight(self, name: str) -> float:
        hopeless = HOPELESS * self._blocked[name] if self._is_hopeless(name) else 0
        if name in self._enabling and not self._seen.of(name).solved:
            return self._planned[name]
        counts = self._seen.of(name).practised + self._blocked[name] + self._planned[name]
        return counts + hopeless

    def task(self, tool: ToolSpec) -> TaskSpec | None:
        """Return a task around ``tool``, or ``None`` where its arguments cannot be had yet."""
        if not _may_page(tool) or tool.name in self._paged:
            calls = self.drafts.undoing(tool) or self.drafts.calls(tool)
        else:
            self._paged.add(tool.name)
            calls = self.drafts.all_pages(tool)
        if calls is None or self._needs_avoided(calls):
            return None
        for _ in range(self._level.companions):
            if len(calls) >= MAX_CHAIN - 1 or self._rng.random() >= self._level.pair_share:
                break
            longer = self.drafts.with_companion(tool, calls, self._weight)
            calls = calls if self._needs_avoided(longer) else longer
        return self._spec(tool, calls)

    def seeded(self, seeds: Sequence[str]) -> tuple[list[TaskSpec], tuple[tuple[str, str], ...]]:
        """Return a task for each seed task that calls can say, and (seed, why) of the others.

        Nothing but what the words ask for is practised under a seed task's name.
        """
        found: list[TaskSpec] = []
        unmet: list[tuple[str, str]] = []
        world = seeding.World(self._all, self._draft, self._shows, self._avoided, self._off)
        for seed in seeds:
            reading = seeding.read(seed, world, MAX_CHAIN)
            if reading.calls and self._needs_avoided(list(reading.calls)):
                unmet.append((seed, "It would need a tool that is to be left alone."))
            elif reading.calls:
                main = self._tools[str(reading.calls[-1]["tool"])]
                task = self._spec(main, [dict(call) for call in reading.calls], plain=True)
                why = f"From the seed task: {seed}"
                found.append(
                    replace(
                        task,
                        seed_task=seed,
                        rationale=why,
                        unused=reading.unused,
                        added=reading.added,
                    )
                )
            else:
                unmet.append((seed, reading.why))
        return found, tuple(unmet)

    def proposal(
        self, written: Mapping[str, TaskSpec], unmet: tuple[tuple[str, str], ...]
    ) -> Proposal:
        """Return what was written, and which tool in focus lacks a value for which parameter."""
        tasks = tuple(written.values())
        used = {name for task in tasks for name in task.intended_tools}
        lacking = self.drafts.lacking
        untried = sorted(self._focus & lacking.keys() - used)
        return Proposal(
            tasks, unmet, tuple((name, UNKNOWN_VALUE.format(lacking[name])) for name in untried)
        )

    def _draft(self, tool: ToolSpec, given: Json) -> list[Call] | None:
        return self.drafts.calls(tool, bare=True, given=given)

    def _shows(self, reader: ToolSpec, tool: ToolSpec, name: str) -> str:
        """Return the field by which a reader shows what a parameter asks for, or nothing."""
        told = [p.field for p in producers(tool, name, self._all) if p.tool.name == reader.name]
        return next(iter(told), "") or self._observed.field(reader, tool, name)

    def _needs_avoided(self, calls: list[Call]) -> bool:
        return not self._avoided.isdisjoint(str(call["tool"]) for call in calls)

    def _spec(self, tool: ToolSpec, calls: list[Call], *, plain: bool = False) -> TaskSpec:
        """Return the task of some calls; a ``plain`` one asks for nothing besides them."""
        self.drafts.use_fresh_credentials(calls)
        if not plain:
            self._page_first(calls[0])
        names = tuple(dict.fromkeys(str(c["tool"]) for c in calls))
        self._planned.update(names)
        acting = [n for n in names if not schema.is_read(self._tools[n])]
        text = instruction([(self._tools[str(c["tool"])], c) for c in calls], self._rng)
        goal: dict[str, Any] = {"calls": calls}
        counts = self._seen.of(tool.name)
        refused = not plain and bool(acting) and self._blocked[tool.name] > 0 and not counts.solved
        if refused and self._rng.random() < REFUSAL_SHARE:
            goal["report_refusal"] = True
            text = f"{text} If it is refused, tell me the reason that is given."
        return TaskSpec(
            instruction=text,
            kind="action" if acting else "query",
            intended_tools=names,
            entities=self._entities(calls),
            rationale=self._rationale(tool),
            goal=goal,
        )

    def _page_first(self, call: Call) -> None:
        """Ask for every page of a listing that begins a task, until pages were followed once."""
        listing = self._tools[str(call["tool"])]
        open_ = _may_page(listing) and not call["arguments"] and listing.name not in self._followed
        if open_ and self._rng.random() < PAGE_SHARE:
            call["all_pages"] = True

    def _rationale(self, tool: ToolSpec) -> str:
        counts = self._seen.of(tool.name)
        if not counts.practised:
            return f"`{tool.name}` was never used."
        often = "once" if counts.practised == 1 else f"{counts.practised} times"
        if not counts.solved:
            return f"`{tool.name}` was tried {often} and never worked."
        return f"`{tool.name}` was practised {often}, less than most."

    def _entities(self, calls: list[Call]) -> tuple[str, ...]:
        found = []
        for call in calls:
            tool = self._tools[str(call["tool"])]
            for name, value in call["arguments"].items():
                if goals.is_reference(value):
                    found += [str(v) for v in value.get("$where", {}).values()]
                elif schema.role(tool, name) is Role.ENTITY:
                    found.append(str(value))
        return tuple(dict.fromkeys(found))


def _may_page(tool: ToolSpec) -> bool:
    words = {w for n in tool.parameters for w in parts(n)}
    return schema.is_read(tool) and bool(words & {"cursor", "page", "offset"})
