"""One span as a value, whatever it came in: bounded, plain JSON, nothing kept that is not read.

Only what the GenAI conventions of OpenTelemetry (new and old names), OpenInference, OpenLLMetry,
Vercel's AI SDK, Google's ADK and Langfuse's SDKs say of an agent's work is kept of a span's
attributes; the rest of a trace is not ours to store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic_core import to_json

from memoryapp.domain.json_texts import as_text
from memoryapp.domain.masking import may_hold_secret, redact_value
from practice.domain.cutting import masked_within

MAX_TEXT = 40_000
MAX_SPAN = 400_000
#: what is left of an attribute of a span that is larger than that.
MAX_CUT = 2_000
#: JSON of more characters is cut as any text: it would take a hundred times its size apart.
MAX_JSON = 2_000_000
#: of JSON that is cut, what its own texts are cut to, as shares of the whole, until it fits; and
#: how many entries of a list stay at its beginning, where a conversation says what it is about.
SHARES, FIRST = (4, 20, 100), 2
MAX_NAME = 200
MAX_DEPTH = 20
#: Signed 64 bits, as PostgreSQL keeps them; later clocks are cut to it.
MAX_NS = 2**63 - 1

KEPT = (
    "gen_ai.",
    "llm.input_messages",
    "llm.output_messages",
    "llm.request.type",
    "llm.token_count.prompt",
    "llm.token_count.completion",
    "llm.cost.",
    "operation.cost",
    "ai.operationId",
    "ai.toolCall.",
    "ai.prompt.messages",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.result.t",
    "ai.usage.",
    "langfuse.observation.type",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.observation.level",
    "langfuse.observation.status_message",
    "langfuse.observation.usage_details",
    "langfuse.observation.cost_details",
    "gcp.vertex.agent.tool_",
    "gcp.vertex.agent.llm_",
    "openinference.",
    "traceloop.",
    "greenroom.",
    "input.",
    "output.",
    "tool",
    "mcp.",
    "final_result",
    "error.",
    "pydantic_ai.",
    "all_messages",
    "user.message",
)


_in_python = json.JSONEncoder(ensure_ascii=False).encode


def _encode(value: Any) -> str:
    try:
        return to_json(value).decode()
    except ValueError:  # lone surrogates, which UTF-8 cannot write
        return _in_python(value)


def iso(nanoseconds: int) -> str:
    """A time since 1970 as ISO-8601 in UTC; empty where none is known."""
    if nanoseconds <= 0:
        return ""
    return datetime.fromtimestamp(nanoseconds // 1_000_000_000, UTC).isoformat()


class NotASpan(ValueError):
    """A span that cannot be kept; the message says why."""


class Span(NamedTuple):
    """One span. A tuple, because thousands are made a second.

    Times are nanoseconds by the sender's clock; ids are lower-case hex.

    ``attributes`` has the kept attributes, and under ``events`` the messages that older
    conventions wrote as span events.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    started: int
    ended: int
    failed: bool
    attributes: Mapping[str, Any] = {}


def bounded(value: Any) -> Any:
    """A text cut to what is kept of one attribute; anything else as it is."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return shrunk(value, MAX_TEXT)
    return value


def shrunk(text: str, most: int) -> str:
    """A text cut to ``most`` characters, secrets masked before.

    JSON stays JSON, for a conversation that is cut anywhere could not be read any more: the texts
    in it are cut instead, then what lies in the middle of its list is left out.
    """
    if text[:1] in {"[", "{"} and len(text) <= MAX_JSON:
        try:
            kept = _shrunk_json(json.loads(text), most)
        except (ValueError, RecursionError):
            kept = ""
        if kept:
            return kept
    return masked_within(text, most)


def _shrunk_json(value: Any, most: int) -> str:
    """The JSON of what is left of a value; empty where it cannot be made to fit."""
    for share in SHARES:
        made = _encode(_with_short_texts(value, most // share))
        if len(made) <= most:
            return made
    if not isinstance(value, list):
        return ""
    parts = [_encode(_with_short_texts(one, most // SHARES[-1])) for one in value]
    room = most - len("[]") - sum(len(part) + 1 for part in parts[:FIRST])
    last: list[str] = []
    for part in reversed(parts[FIRST:]):
        room -= len(part) + 1
        if room < 0:
            break
        last.append(part)
    return f"[{','.join([*parts[:FIRST], *reversed(last)])}]" if last else ""


def _with_short_texts(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return masked_within(value, most)
    if isinstance(value, dict):
        return {name[:MAX_NAME]: _with_short_texts(one, most) for name, one in value.items()}
    return [_with_short_texts(one, most) for one in value] if isinstance(value, list) else value


def nanoseconds(value: Any) -> int:
    """A time in range, 0 where there is none: a broken clock must not lose a span."""
    return min(value, MAX_NS) if isinstance(value, int) and value > 0 else 0


def stored_attributes(attributes: Mapping[str, Any]) -> str:
    """The attributes as the JSON text that is stored: secrets masked, size bounded.

    Most spans hold nothing secret-like, so the text is looked at once before it is taken apart.
    """
    text = _encode(attributes) if attributes else "{}"
    if may_hold_secret(text):
        text = _encode(redact_value(attributes))
    return _storable(text, attributes)


def all_stored_attributes(spans: Sequence[Span]) -> list[str]:
    """``stored_attributes`` of many spans at once: one look at all of them where nothing is secret.

    The texts are looked at together, apart by a character that no secret holds.
    """
    texts = [_encode(span.attributes) if span.attributes else "{}" for span in spans]
    if may_hold_secret("\n".join(texts)):
        return [stored_attributes(span.attributes) for span in spans]
    return [_storable(text, span.attributes) for text, span in zip(texts, spans, strict=True)]


def _storable(text: str, attributes: Mapping[str, Any]) -> str:
    if "\\u0000" in text or not text.isascii():
        text = text.replace("\\u0000", "").encode("utf-8", "replace").decode()
    if len(text) > MAX_SPAN:
        kept = {name: _cut(value) for name, value in attributes.items()}
        text = json.dumps(redact_value(kept)).replace("\\u0000", "")
    return text if len(text) <= MAX_SPAN else "{}"


def _cut(value: Any) -> Any:
    """What is left of an oversized attribute: its beginning, as a text."""
    text = as_text(value)
    return text if len(text) <= MAX_CUT else shrunk(text, MAX_CUT)
