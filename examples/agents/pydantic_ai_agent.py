"""A pydantic-ai agent whose instructions are a playbook, pulled anew for each task.

``MODEL=openai:gpt-5-mini python examples/agents/pydantic_ai_agent.py PLAYBOOK``. Without MODEL it
runs on pydantic-ai's own test model, which calls every tool once and costs nothing.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from greenroom_client import Greenroom, GreenroomError
from pydantic_ai import Agent

sys.path.append(str(Path(__file__).parent))

from small_desk import Desk

TASK = "Refund order ORD-7."


def agent(playbook: str, desk: Desk, model: Any) -> Agent[None, str]:
    """An agent with the desk's tools that has read the playbook."""
    return Agent(
        model,
        instructions=f"You work at a help desk.\n\n{playbook}",
        tools=[desk.get_order, desk.verify_customer, desk.create_refund],
    )


def main(playbook: str, model: Any = None) -> dict[str, Any]:
    """Do the task once, say how it went and send what was done. Returns all of that."""
    memory = Greenroom(agent="pydantic-ai")
    pulled = memory.pull(playbook, fallback="")
    desk = Desk()
    found = agent(pulled.text, desk, model or os.environ.get("MODEL", "test")).run_sync(TASK)
    outcome = "success" if desk.refunded else "failure"
    said: dict[str, Any] = {"answer": found.output, "outcome": outcome}
    if pulled.receipt is not None:
        task, release = f"refund-{uuid.uuid4()}", str(pulled.receipt.version)
        said["report"] = memory.report(pulled.receipt, outcome=outcome, task=task)
        talk: dict[str, Any] = {"id": task, "outcome": outcome, "release": release}
        talk["messages"] = json.loads(found.all_messages_json())
        said["sent"] = memory.push([json.dumps(talk).encode()], form="messages", playbook=playbook)
    return said


if __name__ == "__main__":
    try:
        print(main(*sys.argv[1:2]))  # noqa: T201
    except GreenroomError as problem:
        sys.exit(str(problem))
