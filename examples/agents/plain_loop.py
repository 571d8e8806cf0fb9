"""An agent as a loop in plain Python: pull a playbook, work with it, say how it went.

``python examples/agents/plain_loop.py PLAYBOOK [ENVIRONMENT]``
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Any

from greenroom_client import Greenroom, GreenroomError

sys.path.append(str(Path(__file__).parent))

from small_desk import Desk

TASK = "Refund order ORD-7."


def plan(playbook: str) -> list[tuple[str, dict[str, str]]]:
    """What to call for the task. A model would decide this; what matters is that it has read."""
    steps = [("get_order", {"order_id": "ORD-7"})]
    if "verify" in playbook.lower():
        steps.append(("verify_customer", {"customer": "ada"}))
    return [*steps, ("create_refund", {"order_id": "ORD-7"})]


def main(playbook: str, environment: str = "") -> dict[str, Any]:
    """Do the task once. Returns what was refunded and what Greenroom said to it."""
    memory = Greenroom(agent="plain-loop")
    pulled = memory.pull(playbook, fallback="")
    desk, steps = Desk(), []
    for tool, arguments in plan(pulled.text):
        observation = getattr(desk, tool)(**arguments)
        failed = observation.startswith(("NOT_", "ERROR"))
        step = {"tool": tool, "arguments": arguments, "observation": observation}
        steps.append({**step, "is_error": failed})
    outcome = "success" if desk.refunded else "failure"
    name = f"refund-{uuid.uuid4()}"
    said: dict[str, Any] = {"outcome": outcome, "refunded": desk.refunded, "source": pulled.source}
    if pulled.receipt is not None:
        said["report"] = memory.report(pulled.receipt, outcome=outcome, task=name)
    if environment:
        done = {"id": name, "instruction": TASK, "steps": steps, "outcome": outcome}
        if pulled.receipt is not None:
            done["release"] = str(pulled.receipt.version)
        said["sent"] = memory.send([done], playbook=playbook, environment=environment)
    return said


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:3]))  # noqa: T201
    except GreenroomError as problem:
        sys.exit(str(problem))
