"""How a typed reply is asked for, what of a model's turn is taken for it, and how to ask again."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, BeforeValidator
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.output import OutputObjectDefinition
from pydantic_ai.tools import ToolDefinition

from practice.agents.repairing import Unreadable

OutputMode = Literal["tool", "native", "prompted"]
REPLY_TOOL = "reply"


def parameters(mode: OutputMode, reply: type[BaseModel]) -> ModelRequestParameters:
    """Return how the typed reply is asked for: some servers know no forced tool choice."""
    schema = reply.model_json_schema()
    if mode == "tool":
        tool = ToolDefinition(
            name=REPLY_TOOL,
            description="Give your reply.",
            parameters_json_schema=schema,
            kind="output",
        )
        return ModelRequestParameters(
            output_mode="tool", output_tools=[tool], allow_text_output=False
        )
    # The class has a docstring for programmers; the model is told by its prompt.
    wanted = OutputObjectDefinition(json_schema=schema, name=reply.__name__)
    return ModelRequestParameters(output_mode=mode, output_object=wanted)


def cut_at(cap: int) -> BeforeValidator:
    """Take the beginning of an explanation that is too long: it is not worth another request."""

    def beginning(value: Any) -> Any:
        is_long = isinstance(value, str) and len(value.strip()) > cap
        return f"{value.strip()[: cap - 1]}…" if is_long else value

    return BeforeValidator(beginning)


def written(response: ModelResponse) -> str | dict[str, object] | None:
    """What the model put into the reply tool, else its text: some use the one for the other.

    Raises:
        Unreadable: it called a tool that is not there.
    """
    for part in response.parts:
        if isinstance(part, ToolCallPart) and part.tool_name != REPLY_TOOL:
            raise Unreadable(f"There is no tool {part.tool_name[:60]} here; give the reply itself.")
        if isinstance(part, ToolCallPart) and part.args:
            return part.args if isinstance(part.args, str) else dict(part.args)
    text = "\n".join(part.content for part in response.parts if isinstance(part, TextPart))
    return text or None


def again(response: ModelResponse, problem: str, told: str) -> ModelRequest:
    """Answer every call of the reply, or its text, with what has to be corrected."""
    calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
    if not calls:
        return ModelRequest(parts=[UserPromptPart(problem)], instructions=told)
    returns = [
        ToolReturnPart(tool_name=call.tool_name, content=problem, tool_call_id=call.tool_call_id)
        for call in calls
    ]
    return ModelRequest(parts=returns, instructions=told)
