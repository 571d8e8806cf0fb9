"""What attribute names mean: six families of conventions, in their new and older spellings.

OpenTelemetry GenAI (``gen_ai.*``; messages as JSON since 1.37, as span events before),
OpenInference (``openinference.span.kind``, ``input.value``), OpenLLMetry (``traceloop.*``,
numbered prompts), Vercel's AI SDK before its seventh version (``ai.*``), Google's ADK
(``gcp.vertex.agent.*``) and Langfuse's SDKs since their third (``langfuse.observation.*``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from practice.domain.traces import called
from practice.domain.traces.counts import Took, priced, sum_of_kinds, token_count, tokens_of_kinds
from practice.domain.traces.events import call_in_events, event_messages
from practice.domain.traces.messages import (
    Message,
    conversation,
    numbered_messages,
    parsed,
    read_messages,
)

Attributes = Mapping[str, Any]
Kind = Literal["tool", "model", "other"]

TOOL_NAMES = (
    "gen_ai.tool.name",
    "ai.toolCall.name",
    "tool.name",
    "traceloop.entity.name",
    "mcp.tool.name",
)
ARGUMENTS = (
    "gen_ai.tool.call.arguments",
    "ai.toolCall.args",
    "gcp.vertex.agent.tool_call_args",
    "tool_arguments",
)
#: What some libraries write a call's arguments as, and others the schema of all calls.
PARAMETERS = "tool.parameters"
RESULTS = ("gen_ai.tool.call.result", "tool_response", "gen_ai.tool.message")
#: The same, always as JSON: a text stands in quotes.
JSON_RESULTS = ("ai.toolCall.result", "gcp.vertex.agent.tool_response")
CALL_IDS = ("gen_ai.tool.call.id", "ai.toolCall.id", "tool_call.id")
INPUT_MESSAGES = (
    "gen_ai.input.messages",
    "gen_ai.prompt",
    "pydantic_ai.all_messages",
    "all_messages_events",
    "ai.prompt.messages",
    "gcp.vertex.agent.llm_request",
)
#: What holds a conversation whole, and the place of its first new message, where it had a past.
WHOLE = ("pydantic_ai.all_messages", "all_messages_events")
NEW_FROM = "pydantic_ai.new_message_index"
#: how messages begin that were cut off on their way: they are no words of anybody.
BROKEN = ("[{", "[ {", "[\n")
OUTPUT_MESSAGES = (
    "gen_ai.output.messages",
    "gen_ai.completion",
    "gcp.vertex.agent.llm_response",
)
#: What the AI SDK writes of a model's words and of the calls it asks for, each by itself.
SPOKEN = ("ai.response.text", "ai.result.text")
ASKED_FOR = ("ai.response.toolCalls", "ai.result.toolCalls")
#: What a span was given and made, maybe wrapped by the library that says so.
WRAPPED = ("traceloop.entity.input", "input.value", "langfuse.observation.input")
INPUTS = (*WRAPPED, "user.message")
OUTPUTS = ("traceloop.entity.output", "output.value", "langfuse.observation.output")
#: The same of a tool, whose span LangSmith writes as it does a model's.
CALLED_WITH = (*WRAPPED, "gen_ai.prompt")
ANSWERED_WITH = (*OUTPUTS, "gen_ai.completion")
#: Names of what was asked and answered, in what a span was given and made.
ASKED = ("input", "question", "query", "prompt", "task", "content")
ANSWERED = ("output", "answer", "content")
MODEL_SIGNS = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gcp.vertex.agent.llm_request",
)
MODEL_OPERATIONS = ("chat", "text_completion", "generate_content", "completion")
#: What the AI SDK calls a call of a tool, and ends the name of a call of a model with.
SDK_TOOL, SDK_MODELS = "ai.toolCall", (".doGenerate", ".doStream")
#: What a call of a model read and wrote, in tokens.
TOKENS_READ = (
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.prompt_tokens",
    "llm.token_count.prompt",
    "ai.usage.inputTokens",
    "ai.usage.promptTokens",
)
TOKENS_WRITTEN = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.token_count.completion",
    "ai.usage.outputTokens",
    "ai.usage.completionTokens",
)
#: What a call of a model cost in US dollars: OpenTelemetry and OpenRouter, OpenInference, Logfire
#: and pydantic-ai.
COSTS = ("gen_ai.usage.cost", "llm.cost.total", "operation.cost")
#: Parts of it, where the whole is not said.
PART_COSTS = ("llm.cost.prompt", "llm.cost.completion")
#: What the ADK calls the span that holds once more what several tools answered at once.
MERGED = "(merged tools)"
#: What Langfuse's SDKs call a span, and where they write the tokens and the cost of one, by kinds.
LANGFUSE = "langfuse.observation.type"
LANGFUSE_KINDS: Mapping[str, Kind] = {"generation": "model", "tool": "tool", "retriever": "tool"}
LANGFUSE_TOKENS = "langfuse.observation.usage_details"
LANGFUSE_COST = "langfuse.observation.cost_details"


def kind_of(name: str, attributes: Attributes) -> Kind:
    """What a span is: a tool call, a model call, or something around them."""
    if attributes.get("gen_ai.tool.name") == MERGED:
        return "other"
    said = _said(attributes, "gen_ai.operation.name")
    if said == "execute_tool":
        return "tool"
    if said in MODEL_OPERATIONS:
        return "model"
    if step := _said(attributes, "ai.operationId"):
        is_model = step.endswith(SDK_MODELS)
        return "tool" if step == SDK_TOOL else "model" if is_model else "other"
    if observed := _said(attributes, LANGFUSE):
        return LANGFUSE_KINDS.get(observed, "other")
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


def call(attributes: Attributes) -> tuple[dict[str, Any], Any]:
    """What a tool was called with and what it answered, ``None`` where nobody says."""
    asked, answered = _first(attributes, ARGUMENTS), _first(attributes, RESULTS)
    if asked is None and not _is_schema(parsed(attributes.get(PARAMETERS))):
        asked = _first(attributes, (PARAMETERS,))
    if asked is None:
        asked = called.values(_first(attributes, CALLED_WITH))
    if answered is None:
        answered = parsed(_first(attributes, JSON_RESULTS))
    if answered is None:
        answered = called.answer(_first(attributes, ANSWERED_WITH))
    if asked is None or answered is None:
        told = call_in_events(attributes)
        asked = told[0] if asked is None else asked
        answered = told[1] if answered is None else answered
    return called.as_object(asked), answered


def _is_schema(given: Any) -> bool:
    is_object = isinstance(given, Mapping) and given.get("type") == "object"
    return is_object and isinstance(given.get("properties", {}), Mapping)


def failed(attributes: Attributes) -> bool:
    """Whether a tool's span says that the tool failed though it answered."""
    said = attributes.get("gen_ai.tool.status") == "error"
    # Google's own examples of tools say so in what they return; nothing else of the ADK does.
    of_adk = parsed(attributes.get("gcp.vertex.agent.tool_response"))
    said = said or (isinstance(of_adk, Mapping) and of_adk.get("status") == "error")
    return said or called.answered_call(_first(attributes, ANSWERED_WITH))[1]


def reason(attributes: Attributes) -> Any:
    """Why a tool failed, as far as its span says that beside what it answered."""
    names = ("error.message", "langfuse.observation.status_message")
    return _first(attributes, names)


def call_id(attributes: Attributes) -> str:
    """By what the model that asked for a call knows it, where the tool's span says that."""
    found = next(filter(None, (_said(attributes, name) for name in CALL_IDS)), "")
    return found or called.answered_call(_first(attributes, ANSWERED_WITH))[0]


def messages(attributes: Attributes, *, output: bool = False) -> list[Message]:
    """The conversation a span was given, or with ``output`` what was said in it."""
    for key in OUTPUT_MESSAGES if output else INPUT_MESSAGES:
        given = parsed(attributes.get(key))
        is_broken = isinstance(given, str) and given.startswith(BROKEN)
        found = [] if is_broken else read_messages(given, "assistant" if output else "user")
        if found:
            return found
    if output and (spoken := _spoken(attributes)):
        return spoken
    if _said(attributes, LANGFUSE) == "generation":
        held = called.values(_first(attributes, OUTPUTS if output else INPUTS))
        return read_messages(held, "assistant" if output else "user")
    numbered = numbered_messages(attributes, output=output)
    return numbered or event_messages(attributes, output=output)


def _spoken(attributes: Attributes) -> list[Message]:
    """What a model said, where its words and its calls stand apart."""
    text, calls = _first(attributes, SPOKEN), parsed(_first(attributes, ASKED_FOR))
    if text is None and not calls:
        return []
    return read_messages([{"role": "assistant", "content": text, "tool_calls": calls}], "")


def took(attributes: Attributes) -> Took:
    """What a call of a model took, nothing where nobody says."""
    details = parsed(attributes.get(LANGFUSE_TOKENS))
    if isinstance(details, Mapping):
        read, written = tokens_of_kinds(details)
    else:
        read, written = (
            token_count(_first(attributes, names)) for names in (TOKENS_READ, TOKENS_WRITTEN)
        )
    return priced(read, written, _cost(attributes))


def _cost(attributes: Attributes) -> Any:
    """What stands where the cost of a call should."""
    if (whole := _first(attributes, COSTS)) is not None:
        return whole
    details = parsed(attributes.get(LANGFUSE_COST))
    if isinstance(details, Mapping):
        return sum_of_kinds(details)
    return sum_of_kinds({name: attributes[name] for name in PART_COSTS if name in attributes})


def task(attributes: Attributes) -> str:
    """What was asked now: the last words of a user in what a model was given, or the span's input.

    Earlier words were asked and answered in traces of their own. A conversation that is held whole
    goes on beyond the question, so that of it the first words that are new count.
    """
    for key in WHOLE:
        talk = read_messages(parsed(attributes.get(key)), "user")
        new = attributes.get(NEW_FROM)
        start = new if isinstance(new, int) and 0 <= new < len(talk) else 0
        if asked := _asked(talk[start:], 0):
            return asked
    return _asked_in(attributes, -1)


def opening(attributes: Attributes) -> str:
    """What was asked at first, of a conversation that is read from its beginning."""
    return _asked_in(attributes, 0)


def _asked_in(attributes: Attributes, place: int) -> str:
    """The first or the last words of a user in what a span was given, or its own input."""
    if asked := _asked(messages(attributes), place):
        return asked
    given = called.values(_first(attributes, INPUTS))
    return _asked(conversation(given), place) or _words(given, ASKED)


def given(attributes: Attributes) -> str:
    """What a span was given, as its JSON where nothing in it reads as a question."""
    return _plain(called.values(_first(attributes, INPUTS)), ASKED)


def _asked(talk: Sequence[Message], place: int) -> str:
    words = [one.text for one in talk if one.role == "user" and one.text.strip()]
    return words[place] if words else ""


def answer(attributes: Attributes) -> str:
    """What was said at last: the last words of the model, or the span's own output.

    A model that only called tools said nothing; what its span holds besides is no answer.
    """
    spoken = messages(attributes, output=True)
    whole = _first(attributes, ("final_result", *OUTPUTS))
    made = None if spoken else called.answer(whole)
    spoken = spoken or [m for m in conversation(made) if m.role == "assistant"]
    said = [m.text for m in spoken if m.text.strip()]
    return said[-1] if said else "" if spoken else _plain(made, ANSWERED)


def _plain(value: Any, names: tuple[str, ...]) -> str:
    """A value as a person reads it: its words, else its JSON."""
    empty = value is None or isinstance(value, str)
    return _words(value, names) or ("" if empty else json.dumps(value, ensure_ascii=False))


def _words(value: Any, names: tuple[str, ...]) -> str:
    """The text a value is, or holds under one of the names or as the only one."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        only = list(value.values()) if len(value) == 1 else []
        for said in (*(value.get(name) for name in names), *only):
            if isinstance(said, str) and said.strip():
                return said
    return ""


def _first(attributes: Attributes, names: tuple[str, ...]) -> Any:
    return next((attributes[n] for n in names if attributes.get(n) not in (None, "")), None)


def _said(attributes: Attributes, name: str) -> str:
    value = attributes.get(name)
    return value if isinstance(value, str) else ""
