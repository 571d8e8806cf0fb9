"""Webhooks as values: what is sent, how it is signed, when it is tried again. Pure.

Signatures follow Standard Webhooks (github.com/standard-webhooks): ``webhook-id``,
``webhook-timestamp`` and ``webhook-signature``, ``v1,`` and the base64 of an HMAC-SHA256 over
``id.timestamp.body``; secrets are written ``whsec_`` and base64.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from memoryapp.domain.watching import FLAGGED

REVIEW_WAITING = "review.waiting"
KINDS: Mapping[str, str] = {
    "release.published": "A release was published",
    "release.recalled": "A release was recalled",
    "run.finished": "A run ended",
    REVIEW_WAITING: "Something waits for review",
    "incident.analyzed": "An incident was analysed",
    FLAGGED: "Somebody did unusually much in an hour",
}
#: Kinds of the audit log to the kind of message they send. Runs end in several ways.
TOLD_BY_EVENT: Mapping[str, str] = {
    "release.published": "release.published",
    "release.recalled": "release.recalled",
    "run.finished": "run.finished",
    "run.failed": "run.finished",
    "run.cancelled": "run.finished",
    "incident.analysed": "incident.analyzed",
    "incident.analyzed": "incident.analyzed",
    FLAGGED: FLAGGED,
}
MARK = "whsec_"
SECRET_BYTES = 32
#: Waits before each try; six in all, over about three hours.
WAITS = tuple(timedelta(seconds=s) for s in (0, 5, 60, 300, 1800, 7200))
TRIES = len(WAITS)


def written_secret(secret: bytes) -> str:
    """A secret as its receiver enters it."""
    return MARK + base64.b64encode(secret).decode()


def message(kind: str, at: datetime, data: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent: its type, when it happened, and what it is about."""
    return {"type": kind, "timestamp": at.isoformat(), "data": dict(data)}


def body_of(payload: Mapping[str, Any]) -> bytes:
    """The very bytes that are signed and sent."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def signature(secrets: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> str:
    """One signature for each secret, so that a receiver may change from one to the next."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    made = (hmac.new(secret, signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in made)


def next_try(tries: int, now: datetime, *, asked: int | None = None) -> datetime | None:
    """When to try again after ``tries`` tries, or ``None`` where it was the last.

    ``asked`` is what the receiver's Retry-After says, in seconds; an hour at most.
    """
    if tries >= TRIES:
        return None
    return now + max(WAITS[tries], timedelta(seconds=min(max(asked or 0, 0), 3600)))
