"""The one door to a model and back: what is sent is masked, and so is what comes back.

Doors further out mask what they store. This one is for what they missed, and for what was stored
before they did: nothing reaches a provider that was not masked here, and the record of a request
is made of the very messages that were sent.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from memoryapp.domain.json_texts import each_text
from memoryapp.domain.masking import redact, redact_value
from memoryapp.domain.text import storable

Part = TypeVar("Part")

KEY = "[API key]"
#: a shorter key is what a local server takes for none, and part of ordinary words.
KEY_CHARS = 12


@dataclass(frozen=True, slots=True)
class Mask:
    """How texts are masked. ``key`` is the provider's own, which nobody has to know.

    ``named`` masks values for their name alone (``password=example``). Not where nothing is real:
    a task that signs in with a made-up account needs it.
    """

    named: bool = True
    key: str = field(default="", repr=False)

    def text(self, text: str) -> str:
        """Return a text as it may be sent and stored."""
        text = storable(text)
        return redact(
            text.replace(self.key, KEY) if len(self.key) >= KEY_CHARS else text, named=self.named
        )

    def value(self, value: Any) -> Any:
        """Return a JSON value as it may be sent and stored."""
        return redact_value(each_text(value, self.text), named=self.named)

    def message(self, message: ModelMessage) -> ModelMessage:
        """Return a message as it is sent. The one that is given stays as it is."""
        if isinstance(message, ModelResponse):
            return replace(message, parts=[self._said(part) for part in message.parts])
        told = message.instructions
        return replace(
            message,
            parts=[self._asked(part) for part in message.parts],
            instructions=None if told is None else self.text(told),
        )

    def receive(self, response: ModelResponse, tools: Collection[str]) -> None:
        """Mask what a model said, in place; calls of ``tools`` are made as it wrote them."""
        response.parts = [
            part if isinstance(part, ToolCallPart) and part.tool_name in tools else self._said(part)
            for part in response.parts
        ]

    def _asked(self, part: ModelRequestPart) -> ModelRequestPart:
        if isinstance(part, ToolReturnPart):
            return _with(part, content=self.text(str(part.content)))
        if isinstance(part, UserPromptPart):
            content = part.content
            if isinstance(content, str):
                return replace(part, content=self.text(content))
            pieces = [self.text(one) if isinstance(one, str) else one for one in content]
            return replace(part, content=pieces)
        return part

    def _said(self, part: ModelResponsePart) -> ModelResponsePart:
        if isinstance(part, TextPart | ThinkingPart):
            return replace(part, content=self.text(part.content))
        if isinstance(part, ToolCallPart):
            return _with(part, args=self._arguments(part.args))
        return part

    def _arguments(self, args: Any) -> Any:
        """Mask inside the JSON where it is one, so that it stays one."""
        if not isinstance(args, str):
            return None if args is None else self.value(args)
        try:
            return json.dumps(self.value(json.loads(args)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return self.text(args)


def _with(part: Part, **changed: Any) -> Part:
    """A part with other fields. The library types some parts more narrowly than they are."""
    known: Any = part
    made: Part = replace(known, **changed)
    return made


#: nothing known of the provider's key, everything masked.
EVERYTHING = Mask()
