"""One request to a model as a record: what was new in it, what came back, as sent and bounded.

Secrets were masked before it was sent (``practice.agents.masking``): the record hides nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters

from memoryapp.domain.json_texts import each_text
from memoryapp.domain.text import storable
from practice.agents.prompting import clipped
from practice.domain.types import Json

#: characters one text of a record may have; a whole trajectory block fits.
TEXT_CAP = 120_000
#: characters one record may have; texts are shortened alike until it fits.
RECORD_CAP = 400_000
ERROR_CAP = 2_000
_SHORTEST = 500


def sent(
    messages: Sequence[ModelMessage],
    earlier: int,
    parameters: ModelRequestParameters,
) -> tuple[Json, ...]:
    """Return a request as plain JSON, one object per part.

    The first ``earlier`` messages went out with the call before and are counted, not repeated.
    """
    parts: list[Json] = []
    if earlier:
        parts.append({"role": "earlier", "messages": earlier})
    else:
        told = next((m.instructions for m in messages if isinstance(m, ModelRequest)), None)
        if told:
            parts.append({"role": "system", "content": told})
        offered = [tool.name for tool in parameters.function_tools]
        if offered:
            parts.append({"role": "tools", "names": offered})
    for message in messages[earlier:]:
        if isinstance(message, ModelRequest):
            parts += [_asked(part) for part in message.parts]
        else:
            parts += replied([message])
    return bounded(parts)


def replied(turn: Iterable[ModelMessage]) -> tuple[Json, ...]:
    """Return the parts of an answer as plain JSON; none where no answer came."""
    answers = (message for message in turn if isinstance(message, ModelResponse))
    return bounded(_answered(part) for answer in answers for part in answer.parts)


def _asked(part: object) -> dict[str, Any]:
    if isinstance(part, ToolReturnPart):
        return {"role": "tool", "name": part.tool_name, "content": str(part.content)}
    if isinstance(part, UserPromptPart):
        content = part.content
        if not isinstance(content, str):
            content = "".join(piece for piece in content if isinstance(piece, str))
        return {"role": "user", "content": content}
    return {"role": "user", "content": str(getattr(part, "content", ""))}


def _answered(part: ModelResponsePart) -> dict[str, Any]:
    if isinstance(part, ToolCallPart):
        arguments = part.args if part.args is not None else {}
        return {"role": "assistant", "call": part.tool_name, "arguments": arguments}
    if isinstance(part, ThinkingPart):
        return {"role": "assistant", "thinking": part.content}
    if isinstance(part, TextPart):
        return {"role": "assistant", "content": part.content}
    return {"role": "assistant", "content": f"({part.part_kind})"}


def bounded(parts: Iterable[Json]) -> tuple[Json, ...]:
    """Shorten the longest texts of a record until the whole is in bounds and can be stored."""
    # A provider's library may read NaN, which JSON has no word for.
    clean = [each_text(part, storable, odd=str) for part in parts]
    cap = TEXT_CAP
    short = _all_clipped(clean, cap)
    while cap > _SHORTEST and sum(map(_size, short)) > RECORD_CAP:
        cap //= 2
        short = _all_clipped(clean, cap)
    return tuple(short)


def _all_clipped(parts: Sequence[Json], cap: int) -> list[Json]:
    return [each_text(part, lambda text: clipped(text, cap)) for part in parts]


def _size(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(key) + _size(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return sum(map(_size, value))
    return 8
