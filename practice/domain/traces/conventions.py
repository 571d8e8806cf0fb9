"""What attribute names mean: three families of conventions, in their new and older spellings.

OpenTelemetry GenAI (``gen_ai.*``; messages as JSON since 1.37, as span events before),
OpenInference (``openinference.span.kind``, ``input.value``) and OpenLLMetry (``traceloop.*``,
numbered prompts).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Attributes = Mapping[str, Any]
Kind = Literal["tool", "model", "other"]

TOOL_NAMES = ("gen_ai.tool.name", "tool.name", "traceloop.entity.name", "mcp.tool.name")
ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "tool_arguments",
    "tool.parameters",
    "traceloop.entity.input",
    "input.value",
)
RESULTS = (
    "gen_ai.tool.call.result",
    "tool_response",
    "gen_ai.tool.message",
    "traceloop.entity.output",
    "output.value",
)
INPUT_MESSAGES = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "pydantic_ai.all_messages",
    "all_messages_events",
)
OUTPUT_MESSAGES = ("gen_ai.output.messages", "gen_ai.completion")
INPUTS = ("input.value", "traceloop.entity.input", "user.message")
OUTPUTS = ("final_result", "output.value", "traceloop.entity.output")
MODEL_SIGNS = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.prompt",
    "gen_ai.completion",
)
MODEL_OPERATIONS = ("chat", "text_completion", "generate_content", "completion")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, with the tool calls it makes or answers."""

    role: str
    text: str
    calls: tuple[tuple[str, str, Any], ...] = ()  # (call id, tool, arguments)
    answers: tuple[tuple[str, Any], ...] = ()  # (call id, result)


def kind_of(name: str, attributes: Attributes) -> Kind:
    """What a span is: a tool call, a model call, or something around them."""
    said = _said(attributes, "gen_ai.operation.name")
    if said == "execute_tool":
        return "tool"
    if said in MODEL_OPERATIONS:
        return "model"
    family = (
        _said(attributes, "openinference.span.kind") or _said(attributes, "traceloop.span.kind")
    ).lower()
    if family == "tool":
        return "tool"
    if family == "llm" or "llm.request.type" in attributes:
        return "model"
    if family or said:
        return "other"
    if "gen_ai.tool.name" in attributes or name.startswith("execute_tool "):
        return "tool"
    if any(key.startswith(MODEL_SIGNS) for key in attributes):
        return "model"
    return "other"


def tool_name(name: str, attributes: Attributes) -> str:
    """The tool a tool span called, by attribute or by the span's name."""
    found = _first(attributes, TOOL_NAMES)
    return str(found) if found else name.removeprefix("execute_tool ").strip()


def arguments(attributes: Attributes) -> dict[str, Any]:
    """What a tool was called with. Anything that is no object is kept under ``input``."""
    return as_object(_first(attributes, ARGUMENTS))


def result(attributes: Attributes) -> Any:
    return _first(attributes, RESULTS)


def as_object(value: Any) -> dict[str, Any]:
    parsed = _parsed(value)
    if isinstance(parsed, Mapping):
        return dict(parsed)
    return {} if parsed in (None, "") else {"input": parsed}


def messages(attributes: Attributes, *, output: bool = False) -> list[Message]:
    """The conversation a span was given, or with ``output`` what was said in it."""
    for key in OUTPUT_MESSAGES if output else INPUT_MESSAGES:
        found = _messages(_parsed(attributes.get(key)), "assistant" if output else "user")
        if found:
            return found
    numbered = _numbered(attributes, output=output)
    return numbered or list(_from_events(attributes, output=output))


def task(attributes: Attributes) -> str:
    """What was asked: the first words of a user, or the span's own input."""
    for message in messages(attributes):
        if message.role == "user" and message.text.strip():
            return message.text
    return plain(_first(attributes, INPUTS))


def answer(attributes: Attributes) -> str:
    """What was said at last: the last words of the model, or the span's own output."""
    said = [m.text for m in messages(attributes, output=True) if m.text.strip()]
    return said[-1] if said else plain(_first(attributes, OUTPUTS))


def plain(value: Any) -> str:
    """A value as a person reads it: the text of a message object, else its JSON."""
    parsed = _parsed(value)
    if parsed is None:
        return ""
    if isinstance(parsed, str):
        return parsed
    if isinstance(parsed, Mapping):
        for name in ("input", "question", "query", "prompt", "task", "output", "answer", "content"):
            if isinstance(parsed.get(name), str) and parsed[name].strip():
                return str(parsed[name])
        found = _messages(parsed.get("messages"), "user")
        if found and found[0].text:
            return found[0].text
    return json.dumps(parsed, ensure_ascii=False)


def _messages(given: Any, role: str) -> list[Message]:
    if isinstance(given, str):
        return [Message(role, given)] if given.strip() else []
    if isinstance(given, Mapping):
        given = [given]
    if not isinstance(given, list):
        return []
    return [_message(one, role) for one in given if isinstance(one, Mapping)]


def _message(given: Mapping[str, Any], role: str) -> Message:
    body = given.get("message") if isinstance(given.get("message"), Mapping) else given
    body = body if isinstance(body, Mapping) else given
    who = str(body.get("role") or given.get("role") or role)
    texts: list[str] = []
    calls: list[tuple[str, str, Any]] = []
    answers: list[tuple[str, Any]] = []
    content = body.get("parts") if isinstance(body.get("parts"), list) else body.get("content")
    if isinstance(content, str):
        texts.append(content)
    for part in content if isinstance(content, list) else []:
        _read_part(part, texts, calls, answers)
    for call in body.get("tool_calls") or [] if isinstance(body.get("tool_calls"), list) else []:
        if isinstance(call, Mapping):
            _read_call(call, calls)
    if who == "tool":
        answers.append((str(body.get("tool_call_id") or body.get("id") or ""), content))
        texts = []
    return Message(who, "\n".join(texts), tuple(calls), tuple(answers))


def _read_part(
    part: Any, texts: list[str], calls: list[tuple[str, str, Any]], answers: list[tuple[str, Any]]
) -> None:
    if isinstance(part, str):
        texts.append(part)
    if not isinstance(part, Mapping):
        return
    kind = str(part.get("type") or part.get("part_kind") or "")
    call_id = str(part.get("id") or part.get("tool_call_id") or part.get("tool_use_id") or "")
    if kind in {"tool_call", "tool_use", "tool-call"}:
        _read_call(part, calls)
    elif kind in {"tool_call_response", "tool_result", "tool-return"}:
        said = next((part[k] for k in ("response", "result", "content") if k in part), "")
        answers.append((call_id, said))
    elif isinstance(said := part.get("content", part.get("text")), str):
        texts.append(said)


def _read_call(call: Mapping[str, Any], calls: list[tuple[str, str, Any]]) -> None:
    inner = call.get("function")
    body = inner if isinstance(inner, Mapping) else call
    name = str(body.get("name") or body.get("tool_name") or "")
    given: Any = next((body[k] for k in ("arguments", "input", "args") if k in body), {})
    call_id = str(call.get("id") or call.get("tool_call_id") or "")
    if name:
        calls.append((call_id, name, given))


def _numbered(attributes: Attributes, *, output: bool) -> list[Message]:
    """``gen_ai.prompt.0.content`` and ``llm.input_messages.0.message.content``."""
    old, new = (
        ("gen_ai.completion", "llm.output_messages")
        if output
        else (
            "gen_ai.prompt",
            "llm.input_messages",
        )
    )
    for shape in (f"{old}.{{}}.", f"{new}.{{}}.message."):
        found = []
        for place in range(200):
            prefix = shape.format(place)
            text = attributes.get(prefix + "content")
            role = attributes.get(prefix + "role")
            if text is None and role is None:
                break
            found.append(Message(str(role or ("assistant" if output else "user")), plain(text)))
        if found:
            return found
    return []


def _from_events(attributes: Attributes, *, output: bool) -> Iterator[Message]:
    events = attributes.get("events")
    for event in events if isinstance(events, list) else []:
        name = str(event.get("name", "")) if isinstance(event, Mapping) else ""
        if output and name in {"gen_ai.choice", "gen_ai.assistant.message"}:
            said = _parsed(event.get("message", event.get("content")))
            yield from _messages(said, "assistant")
        elif output and name == "gen_ai.content.completion":
            yield from _messages(_parsed(event.get("gen_ai.completion")), "assistant")
        elif not output and name == "gen_ai.content.prompt":
            yield from _messages(_parsed(event.get("gen_ai.prompt")), "user")
        elif not output and name in {"gen_ai.user.message", "gen_ai.system.message"}:
            role = name.removeprefix("gen_ai.").removesuffix(".message")
            yield from _messages(_parsed(event.get("content", event.get("gen_ai.prompt"))), role)


def _parsed(value: Any) -> Any:
    """JSON in a text as what it says; other texts as they are."""
    if isinstance(value, str) and value[:1] in {"{", "[", '"'}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _first(attributes: Attributes, names: tuple[str, ...]) -> Any:
    return next((attributes[n] for n in names if attributes.get(n) not in (None, "")), None)


def _said(attributes: Attributes, name: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else ""
