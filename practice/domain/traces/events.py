"""What older GenAI conventions wrote as events of a span: a message each.

Until 1.36 of the conventions what was said was one event a message (``gen_ai.user.message``,
``gen_ai.assistant.message``, ``gen_ai.tool.message``, ``gen_ai.choice``), with its body in the
event's attributes. Azure's SDKs write the body as JSON in ``gen_ai.event.content``; Strands writes
blocks of content, and what a tool was called with as the message of its span. Since then the
messages may be one event, ``gen_ai.client.inference.operation.details``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from practice.domain.traces.messages import Message, parsed, plain_blocks, read_messages

Attributes = Mapping[str, Any]
DETAILS = "gen_ai.client.inference.operation.details"
MESSAGES = {f"gen_ai.{role}.message": role for role in ("system", "user", "assistant", "tool")}
#: where the body of an event stands that is JSON as a whole.
BODY = "gen_ai.event.content"
#: what an event says in one attribute, and who said it.
SPOKEN = {
    "gen_ai.content.prompt": ("gen_ai.prompt", "user"),
    "gen_ai.content.completion": ("gen_ai.completion", "assistant"),
}


def event_messages(attributes: Attributes, *, output: bool) -> list[Message]:
    """The messages a span was given, or with ``output`` those that came of it.

    Where nothing is marked as what came of it, that is what an agent said at the end.
    """
    given: list[Message] = []
    made: list[Message] = []
    for name, body in _events(attributes):
        if name == DETAILS:
            given.extend(read_messages(parsed(body.get("gen_ai.input.messages")), "user"))
            made.extend(read_messages(parsed(body.get("gen_ai.output.messages")), "assistant"))
        elif name == "gen_ai.choice":
            made.extend(_choice(body))
        elif name in MESSAGES:
            given.extend(_said(body, MESSAGES[name]))
        elif name in SPOKEN:
            key, role = SPOKEN[name]
            into = made if role == "assistant" else given
            into.extend(read_messages(parsed(body.get(key, body.get("content"))), role))
    if not made:
        last = next((n for n, one in enumerate(reversed(given)) if one.role != "assistant"), None)
        start = 0 if last is None else len(given) - last
        given, made = given[:start], given[start:]
    return made if output else given


def call_in_events(attributes: Attributes) -> tuple[Any, Any]:
    """What the events of a tool's span say it was called with and answered; ``None`` if nothing."""
    talk = [*event_messages(attributes, output=False), *event_messages(attributes, output=True)]
    asked = next((given for one in talk for _, _, given in one.calls), None)
    answered = next((found for one in talk for _, found, _ in one.answers), None)
    bodies = [(name, body) for name, body in _events(attributes)]
    told = next((body for name, body in bodies if name == "gen_ai.tool.message"), None)
    chosen = next((body for name, body in bodies if name == "gen_ai.choice"), None)
    if told is None:
        return asked, answered
    if chosen is None:
        return told.get("arguments", asked), _content(told)
    return _content(told), plain_blocks(parsed(chosen.get("message", chosen.get("content"))))


def _events(attributes: Attributes) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each event's name and body."""
    events = attributes.get("events")
    for event in events if isinstance(events, list) else []:
        if isinstance(event, Mapping):
            whole = parsed(event.get(BODY))
            inner = whole if isinstance(whole, Mapping) else {"content": whole} if whole else {}
            yield str(event.get("name", "")), {**event, **inner}


def _choice(body: Mapping[str, Any]) -> list[Message]:
    said = parsed(body.get("message", body.get("message.content")))
    if isinstance(said, Mapping):
        return _said({**body, **said}, "assistant")
    return _said(body if said is None else {**body, "content": said}, "assistant")


def _said(body: Mapping[str, Any], role: str) -> list[Message]:
    """The message of one event; some libraries write several into one."""
    content = _content(body)
    if isinstance(content, list) and any(isinstance(p, Mapping) and "role" in p for p in content):
        return read_messages(content, role)
    if isinstance(content, Mapping) and role != "tool":
        is_message = "role" in content or "parts" in content
        return read_messages([content], role) if is_message else _said(_as_text(body), role)
    calls = parsed(body.get("tool_calls"))
    found = {"role": role, "content": content, "tool_calls": calls, "id": body.get("id")}
    return [
        one for one in read_messages([found], role) if one.text.strip() or one.calls or one.answers
    ]


def _as_text(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Words that happen to be JSON, in an object of their own as what they are."""
    return {**body, "content": [{"type": "text", "text": str(body.get("content", ""))}]}


def _content(body: Mapping[str, Any]) -> Any:
    return parsed(body.get("content", body.get("gen_ai.prompt")))
