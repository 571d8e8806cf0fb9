"""Sessions of coding agents: hundreds of calls, and instructions of hundreds of lines."""

from __future__ import annotations

import time
from dataclasses import replace

from practice.agents.rules.lessons import lessons
from practice.agents.rules.requests import coverage
from practice.agents.rules.validator import RulesValidator
from practice.domain.types import Step, TaskSpec, ToolSpec, Trajectory

TOOLS = [ToolSpec(name, f"Do {name}.") for name in ("bash", "read_file", "edit")]
KNOWN = {tool.name: tool for tool in TOOLS}


def step(number: int, about: str) -> Step:
    return Step(number, TOOLS[number % 3].name, {"path": about}, "ok")


def test_a_long_session_is_judged_at_once() -> None:
    """Each call was held against each line anew, and all lines against each other: half a minute
    for four hundred of both.
    """
    lines = "\n".join(f"Check that order {n} is in file{n}.py." for n in range(300))
    steps = tuple(step(n, f"file{n}.py") for n in range(1, 401))
    task = TaskSpec(lines, goal={"sent": True, "outcome": "success"})
    began = time.process_time()
    RulesValidator().validate(task, Trajectory(steps, "It is done."), TOOLS)
    assert time.process_time() - began < 10


def test_calls_are_laid_along_what_was_asked_in_its_order() -> None:
    lines = "\n".join(f"Look into file{n}.py for the order." for n in range(6))
    steps = tuple(step(n, f"file{about}.py") for n, about in enumerate([0, 0, 2, 4, 4], start=1))
    found = coverage(TaskSpec(lines), Trajectory(steps, ""), KNOWN, {})
    assert found.serves == {1: 0, 2: 0, 3: 2, 4: 4, 5: 4}


def test_what_a_long_session_teaches_is_found_at_once() -> None:
    """What went wrong in a step is asked thousands of times; each took a search of its answer."""
    told = '{"id": "ORD-%s", "text": "' + "output a-b 12 " * 20 + '"}'
    steps = tuple(replace(step(n, f"file{n}.py"), observation=told % n) for n in range(1, 201))
    failed = tuple(replace(one, is_error=one.number % 7 == 0) for one in steps)
    task = TaskSpec("Look into the orders.", goal={"sent": True, "outcome": "success"})
    began = time.process_time()
    list(lessons(task, Trajectory(failed, "It is done."), TOOLS))
    assert time.process_time() - began < 3
