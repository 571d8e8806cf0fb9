"""Trajectories as examples for fine-tuning, in OpenAI's two JSONL forms. Pure, byte-stable.

SFT: one conversation a line, with the calls, what came back and the answer. DPO: one task a line,
with what an accepted and a rejected attempt did at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from practice.domain.types import ToolSpec, Trajectory

#: a function's name as OpenAI takes it.
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
NAME_MOST = 64

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Example:
    """One attempt at a task: what was asked, with which tools at hand, and all that was done."""

    instruction: str
    trajectory: Trajectory

    @property
    def is_whole(self) -> bool:
        """Whether it ends with an answer; both forms want the model to have the last word."""
        return bool(self.instruction.strip() and self.trajectory.answer.strip())


def sft_line(example: Example, tools: Sequence[ToolSpec]) -> str:
    """One line of a file for supervised fine-tuning; the example must be whole."""
    messages = [_asked(example.instruction), *_done(example.trajectory)]
    return _line({"messages": messages, **_tools(tools, [example])})


def dpo_line(preferred: Example, rejected: Example, tools: Sequence[ToolSpec]) -> str:
    """One line of a file for direct preference optimisation; both examples must be whole."""
    return _line(
        {
            "input": {
                "messages": [_asked(preferred.instruction)],
                **_tools(tools, [preferred, rejected]),
            },
            "preferred_output": _done(preferred.trajectory),
            "non_preferred_output": _done(rejected.trajectory),
        }
    )


def pairs(
    accepted: Sequence[Example], rejected: Sequence[Example]
) -> Iterable[tuple[Example, Example]]:
    """Accepted and rejected attempts at one task, each used once, in order."""
    return (
        (good, bad)
        for good, bad in zip(accepted, rejected, strict=False)
        if _done(good.trajectory) != _done(bad.trajectory)
    )


def function_name(tool: str) -> str:
    """A tool's name as a function may be called: 1 to 64 of letters, digits, ``_`` and ``-``."""
    return _NOT_IN_NAMES.sub("_", tool)[:NAME_MOST] or "tool"


def _asked(instruction: str) -> Message:
    return {"role": "user", "content": instruction}


def _done(trajectory: Trajectory) -> list[Message]:
    """Each call as the model made it, followed by what came back, then the answer."""
    messages: list[Message] = []
    for step in trajectory.steps:
        call_id = f"call_{step.number}"
        arguments = json.dumps(step.arguments, ensure_ascii=False)
        call = {"name": function_name(step.tool), "arguments": arguments}
        said = {"content": step.thought} if step.thought else {}
        messages += [
            {
                "role": "assistant",
                **said,
                "tool_calls": [{"id": call_id, "type": "function", "function": call}],
            },
            {"role": "tool", "tool_call_id": call_id, "content": step.observation},
        ]
    messages.append({"role": "assistant", "content": trajectory.answer})
    return messages


def _tools(tools: Sequence[ToolSpec], examples: Sequence[Example]) -> Mapping[str, Any]:
    """The tools at hand, by name; one that was called and is gone meanwhile takes anything."""
    schemas: dict[str, Any] = {
        function_name(name): {"name": function_name(name), "parameters": _schema({})}
        for example in examples
        for name in example.trajectory.used_tools
    }
    for tool in tools:
        about = {"description": tool.description} if tool.description else {}
        name = function_name(tool.name)
        schemas[name] = {"name": name, **about, "parameters": _schema(tool.input_schema)}
    found = [{"type": "function", "function": schemas[name]} for name in sorted(schemas)]
    return {"tools": found, "parallel_tool_calls": False} if found else {}


def _schema(written: Any) -> Mapping[str, Any]:
    if isinstance(written, Mapping) and written.get("type") == "object":
        return written
    return {"type": "object", "properties": {}, "additionalProperties": True}


def _line(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
