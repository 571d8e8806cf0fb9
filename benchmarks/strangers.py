"""Practice on servers the engine was not made for: what it tries and what it would teach.

Ten servers of ``stranger_servers``, each written as a stranger would: an issue tracker, a hotel, a
bank, a robot arm, a garden that answers in friendly prose, a library that answers in text, paged
archives, a CRM of 120 tools, a carrier that fails every third call, stations with Python
documentation strings. Each attempt begins with a fresh module in this process. What is counted is
printed as JSON lines; whether a lesson is true and useful is for a reader, who sees it with --read.

    python -m benchmarks.strangers [--seeds 1 2] [--servers hotel arm] [--read]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import mcp_types as types

from benchmarks.campaign import Campaign
from practice.agents.rules import build_engine
from practice.clients.mcp_reading import observe, read_tools
from practice.domain.types import Json, Observation, ToolSpec
from practice.domain.validation import label

HOME = Path(__file__).parent / "stranger_servers"
SERVERS = tuple(sorted(p.stem for p in HOME.glob("[a-z]*.py")))
ROUNDS, TASKS = 3, 6


class Stranger:
    """One of the servers; every opening is a new module with its first state."""

    def __init__(self, name: str, loop: asyncio.AbstractEventLoop) -> None:
        self._name = f"benchmarks.stranger_servers.{name}"
        self._loop = loop
        listed = loop.run_until_complete(self._fresh().mcp.list_tools())
        self.tools, _ = read_tools(listed, {})

    @contextmanager
    def open(self) -> Iterator[Session]:
        yield Session(self._fresh().mcp, self.tools, self._loop)

    def _fresh(self) -> ModuleType:
        sys.modules.pop(self._name, None)
        return importlib.import_module(self._name)


class Session:
    """Calls of one attempt, answered as the server would over a connection."""

    def __init__(
        self, server: Any, tools: tuple[ToolSpec, ...], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._server = server
        self._tools = tools
        self._loop = loop

    def tools(self) -> tuple[ToolSpec, ...]:
        return self._tools

    def remarks(self) -> tuple[str, ...]:
        return ()

    def call(self, tool: str, arguments: Json) -> Observation:
        try:
            answered = self._loop.run_until_complete(self._server.call_tool(tool, dict(arguments)))
        except Exception as error:  # what a server makes of any error is an answer
            said = types.TextContent(type="text", text=str(error))
            answered = types.CallToolResult(content=[said], is_error=True)
        return observe(answered)


def practise(name: str, seed: int, loop: asyncio.AbstractEventLoop) -> Campaign:
    """Practise ``ROUNDS`` × ``TASKS`` tasks on one server."""
    campaign = Campaign(engine=build_engine(seed), world=Stranger(name, loop), seed=seed)
    for number in range(1, ROUNDS + 1):
        campaign.round(number, TASKS, last=number == ROUNDS)
    return campaign


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one JSON line per server and seed, and the sum of each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--read", action="store_true", help="also print tasks, steps and lessons")
    options = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    for seed in options.seeds:
        total: Counter[str] = Counter()
        for name in options.servers:
            campaign = practise(name, seed, loop)
            found = counted(campaign)
            total.update(found)
            _line(name, seed, found)
            if options.read:
                _read(campaign)
        _line("all", seed, total)


def counted(campaign: Campaign) -> Counter[str]:
    """Count tasks by what became of them, and lessons."""
    labels = Counter(label(verdict).value for _, _, verdict in campaign.attempts)
    return (
        Counter({"tasks": len(campaign.attempts), "lessons": len(campaign.playbook.live)}) + labels
    )


def _line(server: str, seed: int, found: Counter[str]) -> None:
    sys.stdout.write(json.dumps({"server": server, "seed": seed, **found}) + "\n")


def _read(campaign: Campaign) -> None:
    for task, trajectory, verdict in campaign.attempts:
        sys.stdout.write(f"\n{task.instruction}\n")
        for step in trajectory.steps:
            asked = json.dumps(dict(step.arguments), ensure_ascii=False)
            sys.stdout.write(f"    {step.tool} {asked} -> {step.observation[:200]!r}\n")
        reason = (
            verdict.feasibility_reason if verdict.feasibility < 5 else verdict.completion_reason
        )
        sys.stdout.write(f"    {label(verdict).value}: {reason}\n")
    for bullet in campaign.playbook.live:
        sys.stdout.write(f"  * {bullet.content}\n")


if __name__ == "__main__":
    main()
