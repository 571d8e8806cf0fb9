"""A third-party MCP server to practise on: ``@kazuph/mcp-taskmanager`` from npm, and its states.

The server keeps requests and their tasks in one JSON file. Its rules are its own: a task must be
done before it can be approved, all tasks of a request done and approved before the request can be.
States are drawn by seed. ``python -m benchmarks.task_manager`` installs it under ``.tools/``.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from practice.clients.mcp import McpEnvironment, McpSession, StdioServer
from practice.domain.types import Json, Step, ToolSpec

PACKAGE = "@kazuph/mcp-taskmanager@1.1.1"
HOME = Path(__file__).resolve().parent.parent / ".tools" / "mcp-taskmanager"
_SCRIPT = HOME / "node_modules/@kazuph/mcp-taskmanager/dist/index.js"
#: what is measured is the engine, not how busy the machine is.
_PATIENCE = 600.0
_WORK = (
    ("Move the office", ("Order boxes", "Label the rooms", "Return the keys")),
    ("Prepare the autumn fair", ("Book the hall", "Print the posters", "Invite the exhibitors")),
    ("Replace the printer", ("Compare offers", "Sign the contract", "Recycle the old one")),
    ("Write the yearly report", ("Collect the figures", "Draw the charts", "Proofread it")),
    ("Train the new colleagues", ("Plan the week", "Set up accounts", "Ask for feedback")),
    ("Open the second shop", ("Find premises", "Hire staff", "Order stock")),
)


#: the number of the state with nothing in it
EMPTY = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call by name."""

    tool: str
    arguments: Json


class TaskManager:
    """The server over one state, which each ``open()`` begins from."""

    def __init__(self, session: McpSession, tools: tuple[ToolSpec, ...], file: Path, seed: int):
        self._session = session
        self._file = file
        self._state = json.dumps(state(seed), indent=1)
        self.tools = tools

    @contextmanager
    def open(self) -> Iterator[McpSession]:
        self._file.write_text(self._state, "utf-8")
        yield self._session


@contextmanager
def worlds(seeds: tuple[int, ...]) -> Iterator[dict[int, TaskManager]]:
    """Yield one world per seed. They share one process, so only one may be open at a time.

    The server reads its file before each call, counters included: writing it is a whole reset.
    """
    node = shutil.which("node")
    if node is None or not _SCRIPT.exists():
        raise RuntimeError(f"{PACKAGE} is missing. Run: python -m benchmarks.task_manager")
    with TemporaryDirectory(prefix="greenroom-states-") as folder:
        file = Path(folder, "tasks.json")
        server = StdioServer((node, str(_SCRIPT)), env={"TASK_MANAGER_FILE_PATH": str(file)})
        environment = McpEnvironment(server, startup_timeout=_PATIENCE, call_timeout=_PATIENCE)
        tools = environment.discover().usable
        with environment.open() as session:
            yield {seed: TaskManager(session, tools, file, seed) for seed in seeds}


def state(seed: int) -> dict[str, Any]:
    """Return an initial state: two to four requests of one to three tasks in any condition.

    That of ``EMPTY`` has no requests.
    """
    if seed == EMPTY:
        return {"requests": []}
    rng = random.Random(f"tasks:{seed}")
    requests = []
    counter = 0
    for number, (title, tasks) in enumerate(rng.sample(_WORK, rng.randint(2, 4)), start=1):
        made = []
        for task in tasks[: rng.randint(1, 3)]:
            counter += 1
            done = rng.random() < 0.4
            made.append(
                {
                    "id": f"task-{counter}",
                    "title": task,
                    "description": f"{task} for: {title.lower()}.",
                    "done": done,
                    "approved": done and rng.random() < 0.5,
                    "completedDetails": "Finished." if done else "",
                }
            )
        requests.append(
            {
                "requestId": f"req-{number}",
                "originalRequest": title,
                "splitDetails": title,
                "tasks": made,
                "completed": False,
            }
        )
    return {"requests": requests}


def calls(seed: int) -> list[Call]:
    """Return every call there is on a state: each tool on each request and task, in order.

    One request and one task that do not exist yet are among them: those the server would number
    next. ``request_planning`` and ``list_requests`` need nothing and stand once.
    """
    requests = state(seed)["requests"]
    last = sum(len(r["tasks"]) for r in requests)
    pairs = [(r["requestId"], t["id"]) for r in requests for t in r["tasks"]]
    pairs.append((f"req-{len(requests) + 1}", f"task-{last + 1}"))
    fresh = [{"title": "Check the result", "description": "See whether everything was done."}]
    made = [
        Call("request_planning", {"originalRequest": "Water the plants", "tasks": fresh}),
        Call("list_requests", {}),
    ]
    for request in dict.fromkeys(r for r, _ in pairs):
        own = {"requestId": request}
        made += [
            Call("get_next_task", own),
            Call("add_tasks_to_request", {**own, "tasks": fresh}),
            Call("approve_request_completion", own),
        ]
    for request, task in pairs:
        own = {"requestId": request, "taskId": task}
        made += [
            Call("open_task_details", {"taskId": task}),
            Call("mark_task_done", {**own, "completedDetails": "Done as agreed."}),
            Call("approve_task_completion", own),
            Call("update_task", {**own, "title": "Another title"}),
            Call("delete_task", own),
        ]
    return made


def make(session: McpSession, call: Call) -> Step:
    """Carry out one call; return it as step 1."""
    seen = session.call(call.tool, call.arguments)
    return Step(1, call.tool, call.arguments, seen.text, is_error=seen.is_error)


def preparations(seed: int, call: Call) -> Iterator[list[Call]]:
    """Yield what may come before a call so that it works, the shortest first. For the oracle."""
    request = str(call.arguments.get("requestId", ""))
    task = str(call.arguments.get("taskId", ""))
    own = {"requestId": request, "taskId": task}
    known = {r["requestId"]: r["tasks"] for r in state(seed)["requests"]}
    fresh = [{"title": "Something new", "description": "Whatever it is."}]
    new = Call("request_planning", {"originalRequest": "Something new", "tasks": fresh})
    last = sum(len(tasks) for tasks in known.values())
    inside = known.get(request, [{"id": f"task-{last + 1}"}])
    done = [Call("mark_task_done", {"requestId": request, "taskId": t["id"]}) for t in inside]
    approved = [Call("approve_task_completion", c.arguments) for c in done]
    yield [Call("mark_task_done", own)]
    yield [*done, *approved]
    yield [new]
    yield [new, Call("mark_task_done", own)]
    yield [new, *done, *approved]


def install() -> str:
    """Install the server with npm, without running any package's scripts; return what was done."""
    if _SCRIPT.exists():
        return f"{PACKAGE}: already there."
    HOME.mkdir(parents=True, exist_ok=True)
    command = ["npm", "install", "--prefix", str(HOME), "--ignore-scripts", "--no-audit"]
    subprocess.run(
        [*command, "--no-fund", "--loglevel=error", PACKAGE],
        check=True,
        capture_output=True,
        timeout=300,
    )
    return f"{PACKAGE}: installed."


if __name__ == "__main__":
    sys.stdout.write(f"{install()}\n")
