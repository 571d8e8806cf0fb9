"""What is kept of a request to a model. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from practice.domain.types import Json


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One request to a model provider: what was sent, what came back, what it cost.

    ``request`` is the conversation as sent and ``reply`` the parts of the answer, both as plain
    JSON with secrets redacted. A failed call has an ``error`` and no reply. ``prompt`` names the
    prompt version it was written with; ``unanswered`` says why nothing came back, if nothing did.
    """

    role: str
    model: str
    request: tuple[Json, ...]
    reply: tuple[Json, ...] = ()
    error: str = ""
    unanswered: Literal["", "timeout", "connection", "dropped"] = ""
    prompt: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cost: Decimal | None = None
    latency_ms: int = 0
