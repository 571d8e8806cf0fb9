"""The one shape of a refusal over HTTP: a problem document (RFC 9457). Pure."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

TYPE = "urn:greenroom:problem:"
CONTENT_TYPE = "application/problem+json"
#: What web and MCP servers say alike.
AWAY = (
    "The database is unavailable: it is restarting, not responding, unreachable or out of space. "
    "Nothing from this request was saved. Send it again in a moment."
)
HOST = "This host name is not allowed here. An operator can add it to ALLOWED_HOSTS."


def problem_document(status: int, kind: str, detail: str) -> dict[str, Any]:
    """Return the document. ``kind`` is stable, for programs; ``detail`` is for people."""
    return {
        "type": TYPE + kind,
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
    }
