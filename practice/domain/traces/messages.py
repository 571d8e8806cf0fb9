"""Messages of a conversation, in the forms that libraries and tools write them.

GenAI messages have ``parts``, OpenAI's ``content`` and ``tool_calls`` (or items of the Responses
API), Bedrock's blocks of ``toolUse`` and ``toolResult``, LangChain's are dumped objects with
``kwargs`` or ``data``, or pairs of a role and a text, Gemini's parts have ``function_call`` and
``function_response``, the AI SDK's ``toolName`` and a result in ``output``, pydantic-ai's a
``part_kind``; OpenInference and OpenLLMetry number them in the names of attributes. Around them
stand ``messages``, ``choices``, ``generations``, ``contents`` or a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from practice.domain.traces.counts import NOTHING, Took, priced, tokens

#: What stands around messages, the most telling first.
WRAPPERS = ("messages", "choices", "generations", "output", "contents")
DEEPEST_WRAPPER = 4
#: LangChain's types of messages, by the role they have elsewhere.
ROLES = {
    "human": "user",
    "ai": "assistant",
    "model": "assistant",
    "AIMessageChunk": "assistant",
    "tool": "tool",
    "system": "system",
}
CALLS = {"tool_call", "tool_use", "tool-call", "function_call"}
ANSWERS = {
    "tool_call_response",
    "tool_result",
    "tool-result",
    "tool-return",
    "function_call_output",
}
#: The one field of Gemini's parts that call a tool or answer it, as Python and as JSON write them.
GEMINI_CALLS = ("function_call", "functionCall")
GEMINI_ANSWERS = ("function_response", "functionResponse")
#: The AI SDK's kinds of results, beside ``value``: those that came about, and all of them.
PLAIN_RESULTS = {"text", "json", "content"}
RESULTS = PLAIN_RESULTS | {"error-text", "error-json", "execution-denied"}
#: How a call ended that the AI SDK shows on a page.
UI_FAILED = "output-error"
UI_ANSWERED = {"output-available", "result", UI_FAILED}
#: What a model thinks before it speaks: no part of what it answers.
THOUGHTS = {"reasoning", "thinking"}
#: who may speak in a pair of a role and a text.
PAIRED = ("user", "human", "assistant", "ai", "system", "developer", "tool")
MOST_NUMBERED = 200
#: Who speaks in pydantic-ai's two kinds of messages.
PYDANTIC = {"request": "user", "response": "assistant"}


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, with the tool calls it makes or answers.

    Of one that calls tools, what was thought before belongs to ``text``: it says why they are.
    """

    role: str
    text: str
    calls: tuple[tuple[str, str, Any], ...] = ()  # (call id, tool, arguments)
    answers: tuple[tuple[str, Any, bool], ...] = ()  # (call id, result, whether it failed)
    #: what its model took for it, and when it was, as its library says.
    took: Took = NOTHING
    at: str = ""


def parsed(value: Any) -> Any:
    """JSON in a text as what it says; other texts as they are."""
    if isinstance(value, str) and value[:1] in {"{", "[", '"'}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def read_messages(given: Any, role: str) -> list[Message]:
    """The messages in a value; a text is one, said by ``role``."""
    if isinstance(given, str):
        return [Message(role, given)] if given.strip() else []
    found: list[Message] = []
    for one in _unwrapped(given):
        if _is_pair(one):
            found.append(Message(ROLES.get(one[0], one[0]), one[1]))
        elif isinstance(one, Mapping):
            found.extend(_on_screen(one) or [_of_pydantic(one) or _message(one, role)])
    return found


def _on_screen(given: Mapping[str, Any]) -> list[Message]:
    """The messages in one that the AI SDK keeps for a page; none if it is of another kind.

    There all that a model says until it is done is one message. Here what it says after a call is
    another one, because it answers what came of the call.
    """
    parts = given.get("parts")
    held = [p for p in parts if isinstance(p, Mapping)] if isinstance(parts, list) else []
    if not any(_ui_call(part) for part in held):
        return []
    role, found, said = str(given.get("role", "")), [], list[str]()
    for part in held:
        call = _ui_call(part)
        if call is None:
            words = part.get("text")
            said += [words] if isinstance(words, str) and words.strip() else []
            continue
        name = str(call.get("toolName") or str(part["type"]).removeprefix("tool-"))
        call_id, state = str(call["toolCallId"]), str(call["state"])
        asked = (call_id, name, call.get("input", call.get("args", {})))
        told = call.get("output", call.get("result", call.get("errorText", "")))
        is_answered = state in UI_ANSWERED
        answers = ((call_id, told, state == UI_FAILED),) if is_answered else ()
        found.append(Message(role, "\n".join(said), (asked,), answers))
        said = []
    return [*found, Message(role, "\n".join(said))] if said else found


def _ui_call(part: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What a part says of a call, where it is one: newer versions name the tool in its type."""
    inner = part.get("toolInvocation", part)
    kind = str(part.get("type", ""))
    is_one = isinstance(inner, Mapping) and {"toolCallId", "state"} <= set(inner)
    return inner if is_one and (kind.startswith("tool-") or kind == "dynamic-tool") else None


def _is_inner(given: Any) -> bool:
    return isinstance(given, list) and not _is_pair(given)


def _is_pair(given: Any) -> bool:
    """Whether it is a message as LangChain takes it: ``["user", "Refund order 7."]``."""
    is_pair = isinstance(given, list) and len(given) == 2
    return is_pair and given[0] in PAIRED and isinstance(given[1], str)


def conversation(given: Any) -> list[Message]:
    """The messages in a value that plainly holds some, and none out of any other value."""
    held = given.get("messages") if isinstance(given, Mapping) else given
    while isinstance(held, list) and len(held) == 1 and _is_inner(held[0]):
        held = held[0]
    if not isinstance(held, list):
        return []
    if held is not given and held and all(isinstance(one, str) for one in held):
        return [Message("user", one) for one in held]
    if not all(isinstance(one, Mapping) or _is_pair(one) for one in held):
        return []
    return [one for one in read_messages(held, "") if one.role]


def numbered_messages(attributes: Mapping[str, Any], *, output: bool) -> list[Message]:
    """``gen_ai.prompt.0.content`` and ``llm.input_messages.0.message.content``."""
    llmetry, inference = (
        ("gen_ai.completion", "llm.output_messages")
        if output
        else ("gen_ai.prompt", "llm.input_messages")
    )
    for shape, call in ((f"{llmetry}.{{}}.", ""), (f"{inference}.{{}}.message.", "tool_call.")):
        found = []
        for place in range(MOST_NUMBERED):
            one = _numbered(
                attributes, shape.format(place), call, "assistant" if output else "user"
            )
            if one is None:
                break
            found.append(one)
        if found:
            return found
    return []


def _unwrapped(given: Any) -> list[Any]:
    for _ in range(DEEPEST_WRAPPER):
        if isinstance(given, list) and len(given) == 1 and _is_inner(given[0]):
            given = given[0]
        elif isinstance(given, Mapping):
            held = next((given[k] for k in WRAPPERS if isinstance(given.get(k), list | dict)), None)
            if held is None:
                return [given]
            given = held
        else:
            break
    return given if isinstance(given, list) else []


def _message(given: Mapping[str, Any], role: str) -> Message:
    inner = given.get("data" if str(given.get("type")) in ROLES else "message")
    body = inner if isinstance(inner, Mapping) else given
    if isinstance(body.get("kwargs"), Mapping):
        body = {"type": _dumped_type(body), **body["kwargs"]}
    if isinstance(body.get("content"), Mapping) and "parts" in body["content"]:
        body = body["content"]
    who = str(body.get("role") or given.get("role") or ROLES.get(str(body.get("type"))) or role)
    who = ROLES.get(who, who)
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[tuple[str, str, Any]] = []
    answers: list[tuple[str, Any, bool]] = []
    content = body.get("parts") if isinstance(body.get("parts"), list) else body.get("content")
    if isinstance(content, str):
        texts.append(content)
    for part in content if isinstance(content, list) else []:
        _read_part(part, thoughts if _is_thought(part) else texts, calls, answers)
    for call in body.get("tool_calls") or [] if isinstance(body.get("tool_calls"), list) else []:
        if isinstance(call, Mapping):
            _read_call(call, calls)
    if str(body.get("type")) in CALLS | ANSWERS:
        _read_part(body, texts, calls, answers)
    elif who == "tool" and not (answers or calls):
        answers.append((_call_id(body), content, _says_error(body)))
        texts = []
    said = [*thoughts, *texts] if calls else texts
    return Message(who, "\n".join(said), tuple(calls), tuple(answers), _took(body))


def _of_pydantic(given: Mapping[str, Any]) -> Message | None:
    """A message as pydantic-ai dumps it, if it is one: what goes to a model, or what came from it.

    A request may hold the prompt of the system, what tools answered and what a person asks.
    """
    kind, parts = str(given.get("kind")), given.get("parts")
    if kind not in PYDANTIC or not isinstance(parts, list):
        return None
    texts: list[str] = []
    thoughts: list[str] = []
    calls: list[tuple[str, str, Any]] = []
    answers: list[tuple[str, Any, bool]] = []
    for part in parts:
        if not isinstance(part, Mapping):
            continue
        what = str(part.get("part_kind"))
        if what in {"text", "user-prompt"}:
            content = part.get("content")
            listed = content if isinstance(content, list) else [content]
            texts += [one for one in listed if isinstance(one, str)]
        elif what == "thinking" and isinstance(part.get("content"), str):
            thoughts.append(part["content"])
        elif what == "tool-call":
            _read_call(part, calls)
        elif what == "tool-return" or (what == "retry-prompt" and part.get("tool_name")):
            failed = what == "retry-prompt" or part.get("outcome") not in (None, "success")
            answers.append((_call_id(part), plain_blocks(part.get("content")), failed))
    said = "\n".join([*thoughts, *texts] if calls else texts)
    at = str(given.get("timestamp") or "")
    return Message(PYDANTIC[kind], said, tuple(calls), tuple(answers), _took(given), at)


def _took(body: Mapping[str, Any]) -> Took:
    """What a model took for a message; of Anthropic's, what a cache gave comes on top.

    OpenRouter says what it cost, which LangChain keeps apart from the tokens.
    """
    usage = body.get("usage", body.get("usage_metadata"))
    held = usage if isinstance(usage, Mapping) else {}
    cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
    read = tokens(held, "input_tokens", *cached) or tokens(held, "prompt_tokens")
    written = tokens(held, "output_tokens") or tokens(held, "completion_tokens")
    about = body.get("response_metadata")
    inner = about.get("token_usage") if isinstance(about, Mapping) else None
    more = inner if isinstance(inner, Mapping) else {}
    return priced(read, written, held.get("cost", more.get("cost")))


def _is_thought(part: Any) -> bool:
    return isinstance(part, Mapping) and str(part.get("type")) in THOUGHTS


def _dumped_type(body: Mapping[str, Any]) -> str:
    """``human`` of a dumped ``HumanMessage``, whose class is the last of its ``id``."""
    path = body.get("id")
    name = str(path[-1]) if isinstance(path, list) and path else ""
    return name.removesuffix("Chunk").removesuffix("Message").lower()


def _read_part(
    part: Any,
    texts: list[str],
    calls: list[tuple[str, str, Any]],
    answers: list[tuple[str, Any, bool]],
) -> None:
    if isinstance(part, str):
        texts.append(part)
    if not isinstance(part, Mapping):
        return
    kind = str(part.get("type") or part.get("part_kind") or "")
    if kind in CALLS:
        _read_call(part, calls)
    elif kind in ANSWERS:
        names = ("response", "result", "content", "output")
        said = next((part[k] for k in names if k in part), "")
        result, failed = _result(said)
        answers.append((_call_id(part), plain_blocks(result), failed or _says_error(part)))
    elif called := next((part[k] for k in GEMINI_CALLS if isinstance(part.get(k), Mapping)), None):
        _read_call(called, calls)
    elif told := next((part[k] for k in GEMINI_ANSWERS if isinstance(part.get(k), Mapping)), None):
        answers.append((_call_id(told), told.get("response", ""), False))
    elif isinstance(part.get("toolUse"), Mapping):
        _read_call(part["toolUse"], calls)
    elif isinstance(part.get("toolResult"), Mapping):
        _read_part({**part["toolResult"], "type": "tool_result"}, texts, calls, answers)
    else:
        spoken = next((part[k] for k in ("content", "text", "thinking") if k in part), None)
        if isinstance(spoken, str):
            texts.append(spoken)


def _result(said: Any) -> tuple[Any, bool]:
    """What a tool answered, out of what the AI SDK wraps around it, and whether it failed."""
    kind = str(said.get("type")) if isinstance(said, Mapping) else ""
    if kind not in RESULTS or not set(said) <= {"type", "value", "reason", "providerOptions"}:
        return said, False
    return said.get("value", said.get("reason", "")), kind not in PLAIN_RESULTS


def _says_error(answer: Mapping[str, Any]) -> bool:
    is_error = answer.get("is_error", answer.get("isError"))
    return is_error is True or answer.get("status") == "error"


def plain_blocks(found: Any) -> Any:
    """The text of blocks of content that are text alone; anything else as it is."""
    is_text = isinstance(found, list) and all(
        isinstance(one, Mapping)
        and set(one) <= {"text", "type"}
        and isinstance(one.get("text"), str)
        for one in found
    )
    return "\n".join(one["text"] for one in found) if is_text and found else found


def _read_call(call: Mapping[str, Any], calls: list[tuple[str, str, Any]]) -> None:
    """Note a call, once: some libraries write it both into the content and beside it."""
    inner = call.get("function")
    body = inner if isinstance(inner, Mapping) else call
    name = str(next((body[k] for k in ("name", "tool_name", "toolName") if body.get(k)), ""))
    given: Any = next((body[k] for k in ("arguments", "input", "args") if k in body), {})
    call_id = _call_id(call)
    if name and not (call_id and any(call_id == known for known, _, _ in calls)):
        calls.append((call_id, name, given))


def _call_id(body: Mapping[str, Any]) -> str:
    names = ("tool_call_id", "tool_use_id", "toolUseId", "toolCallId", "call_id", "id")
    return next((str(body[name]) for name in names if body.get(name)), "")


def _numbered(attributes: Mapping[str, Any], prefix: str, call: str, role: str) -> Message | None:
    """The message whose attributes begin with ``prefix``; ``call`` is put before a call's names."""
    text, who = attributes.get(prefix + "content"), attributes.get(prefix + "role")
    if text is None:
        parts = (f"{prefix}contents.{n}.message_content.text" for n in range(MOST_NUMBERED))
        said = [str(attributes[name]) for name in parts if name in attributes]
        text = "\n".join(said) if said else None
    calls = []
    for place in range(MOST_NUMBERED):
        start = f"{prefix}tool_calls.{place}.{call}"
        function = f"{start}function." if call else start
        name = attributes.get(function + "name")
        if name is None:
            break
        call_id = str(attributes.get(start + "id") or "")
        calls.append((call_id, str(name), attributes.get(function + "arguments", {})))
    if text is None and who is None and not calls:
        return None
    who = str(who or role)
    if who == "tool":
        answered = str(attributes.get(prefix + "tool_call_id") or "")
        return Message(who, "", (), ((answered, text, False),))
    return Message(who, text_of(text), tuple(calls))


def text_of(value: Any) -> str:
    """The text of one message's content, whatever it was written as."""
    value = parsed(value)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    said = [one.text for one in read_messages([{"content": value}], "")]
    return "\n".join(said) or json.dumps(value, ensure_ascii=False)
