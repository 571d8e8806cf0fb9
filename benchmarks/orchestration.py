"""What the job machinery costs: a run's wall time against a bare loop of the same engine.

The product, started as ``make up`` starts it but with four worker slots, practises 100 tasks on
the sample world. Then this process does the same work with no database and no broker: it proposes
as often, solves the very tasks of that run with the very playbooks (four at a time, and once more
one after another), judges, learns and sums up with the same engine. One JSON line per figure; the
peer of the run's wall time is the loop's.

    python -m benchmarks.orchestration [--seed 1] [--rounds 10] [--tasks 10]
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.product_api import api_key, call, in_shell, start_run
from memoryapp.domain.playbook import Bullet, BulletStatus, Playbook
from practice.agents.ports import Engine, SolverLimits
from practice.agents.rules import build_engine
from practice.clients.cage import Cage
from practice.clients.mcp import McpEnvironment, StdioServer
from practice.domain import novelty, validation
from practice.domain.types import Briefing, Fact, PracticeRecord, TaskSpec, ToolSpec, Trajectory
from tests.product import start_product, stop_product

SLOTS = 4
_DUMP = """
import json
from django.conf import settings
from practice.models import Run
from practice.orchestrator.worlds import seed_folder, server_of, tools_of
from dataclasses import fields
run = Run.objects.get(number={number})
server = server_of(run.environment, seed_folder(run.environment))
print(json.dumps({{
    "command": list(server.command), "args": list(server.args), "seed": str(server.seed_folder),
    "sandbox": server.cage.sandbox, "limits": dict(server.cage.limits or {{}}),
    "hashes": dict(run.frozen.tools), "steps": sum(a.step_count for a in run.attempts.all()),
    "tools": [{{f.name: getattr(tool, f.name) for f in fields(tool) if f.init}}
        for tool in tools_of(run.environment, run.frozen)],
    "rounds": [{{"playbook": r.playbook, "tasks": [
        {{"instruction": t.instruction, "kind": t.kind, "intended_tools": t.intended_tools,
          "entities": t.entities, "goal": t.goal}}
        for t in r.tasks.filter(drop_reason="", is_held_out=False)]}} for r in run.rounds.all()],
}}))
"""


@dataclass(slots=True)
class Loop:
    """The run again, in memory: what each round of the product's run did, and nothing else."""

    engine: Engine
    world: McpEnvironment
    tools: tuple[ToolSpec, ...]
    seed: int
    slots: int
    history: list[PracticeRecord] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    steps: int = 0

    def round(self, number: int, tasks: list[TaskSpec], playbook: Playbook, *, last: bool) -> None:
        seed = self.seed * 1_000 + number
        proposal = self.engine.proposer.propose(
            Briefing(
                tools=self.tools,
                facts=tuple(self.facts[-40:]),
                history=tuple(self.history),
                count=3 * len(tasks),
                seed=seed,
            )
        )
        novelty.select(proposal.candidates, self.history, len(tasks), seed=seed)
        with ThreadPoolExecutor(self.slots) as pool:
            solved = list(pool.map(lambda task: self._solve(task, playbook), tasks))
        for task, trajectory in zip(tasks, solved, strict=True):
            self._learn(number, task, trajectory, playbook, last=last)

    def _solve(self, task: TaskSpec, playbook: Playbook) -> Trajectory:
        with self.world.open() as session:
            return self.engine.solver.solve(task, playbook, session, SolverLimits())

    def _learn(
        self, number: int, task: TaskSpec, trajectory: Trajectory, playbook: Playbook, *, last: bool
    ) -> None:
        engine = self.engine
        label = validation.label(engine.validator.validate(task, trajectory, self.tools))
        self.steps += len(trajectory.steps)
        if validation.admissible(label):
            reflection = engine.reflector.reflect(task, label, playbook, trajectory, self.tools)
            engine.curator.curate(task, playbook, trajectory, reflection)
        if not last:
            self.facts += engine.summariser.summarise(task, trajectory, self.tools).facts
        self.history.append(
            PracticeRecord(
                instruction=task.instruction,
                category=validation.categorize([label]),
                intended_tools=task.intended_tools,
                used_tools=trajectory.used_tools,
                round=number,
                calls=tuple((step.tool, step.is_error) for step in trajectory.steps),
                goal=task.goal,
            )
        )


def main() -> None:
    """Print one JSON line per figure."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--tasks", type=int, default=10)
    asked = options.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-orchestration-"))
    data.chmod(0o755)  # root's database user must be able to walk into it
    product = start_product(data, WORKER_PROCESSES=str(SLOTS))
    try:
        key = api_key(data)
        number = start_run(
            product, key, rounds=asked.rounds, tasks=asked.tasks, parallel=SLOTS, seed=asked.seed
        )
        while (run := call(product, key, f"/api/v1/runs/{number}"))["status"] == "running":
            time.sleep(0.5)
        done = json.loads(in_shell(data, _DUMP.format(number=number)).splitlines()[-1])
    finally:
        stop_product(product)
        shutil.rmtree(data, ignore_errors=True)
    begun, ended = (datetime.fromisoformat(run[name]) for name in ("started_at", "ended_at"))
    _figure("orchestration_calls", done["steps"], None, asked.seed)
    for slots in (SLOTS, 1):
        seconds, steps = _bare(done, slots, asked.seed)
        ratio = (ended - begun).total_seconds() / seconds
        _figure(f"orchestration_wall_ratio_to_{slots}_threads", round(ratio, 2), 1.0, asked.seed)
        _figure(f"orchestration_calls_of_{slots}_threads", steps, done["steps"], asked.seed)


def _bare(done: dict[str, Any], slots: int, seed: int) -> tuple[float, int]:
    """Do the dumped run's work in this process. Returns seconds and executed calls."""
    world = McpEnvironment(
        StdioServer(
            command=tuple(done["command"]),
            args=tuple(done["args"]),
            seed_folder=Path(done["seed"]),
            # Holding a tool server is no part of what the jobs cost.
            cage=Cage(done["sandbox"], done["limits"]),
        ),
        allowed_tools=frozenset(done["hashes"]),
        expected_hashes=done["hashes"],
    )
    tools = tuple(ToolSpec(**tool) for tool in done["tools"])
    loop = Loop(build_engine(seed), world, tools, seed, slots)
    begun = time.monotonic()
    for number, part in enumerate(done["rounds"], start=1):
        playbook = Playbook(
            bullets=tuple(
                Bullet(**{**bullet, "status": BulletStatus(bullet.get("status", "approved"))})
                for bullet in part["playbook"]
            )
        )
        tasks = [
            TaskSpec(
                instruction=task["instruction"],
                kind=task["kind"],
                intended_tools=tuple(task["intended_tools"]),
                entities=tuple(task["entities"]),
                goal=task["goal"],
            )
            for task in part["tasks"]
        ]
        loop.round(number, tasks, playbook, last=number == len(done["rounds"]))
    return time.monotonic() - begun, loop.steps


def _figure(name: str, value: float, peer: float | None, seed: int) -> None:
    line = {"figure": name, "value": value, "peer": peer, "seed": seed}
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
