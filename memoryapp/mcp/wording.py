"""What is no JSON-RPC is refused in one plain line: the SDK quotes its libraries, in many."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from memoryapp.mcp.bodies import Message

Send = Callable[[Message], Awaitable[None]]

_SUCH_AS = 'such as {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
NO_JSON = f"The body is not JSON. Send one JSON-RPC request, {_SUCH_AS}."
NO_REQUEST = f"The body is JSON but no JSON-RPC 2.0 message. Send one request, {_SUCH_AS}."
#: by how the SDK's own message begins.
OURS = {
    "Parse error": NO_JSON,
    "Validation error": NO_REQUEST,
    "Body must be a single": NO_REQUEST,
}


def in_our_words(send: Send) -> Send:
    """Send on; a refusal of what could not be read is one plain line."""
    start: Message | None = None
    body = b""

    async def sent(message: Message) -> None:
        nonlocal start, body
        kind = message["type"]
        if kind == "http.response.start" and message["status"] == HTTPStatus.BAD_REQUEST:
            start = message
        elif start is None or kind != "http.response.body":
            await send(message)
        else:
            body += message.get("body", b"")
            if not message.get("more_body", False):
                said = _said(body)
                kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
                length = (b"content-length", str(len(said)).encode())
                await send({**start, "headers": [*kept, length]})
                await send({**message, "body": said})

    return sent


def _said(body: bytes) -> bytes:
    try:
        document = json.loads(body)
        told = document["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return body
    for begins, ours in OURS.items():
        if isinstance(told, str) and told.startswith(begins):
            document["error"]["message"] = ours
            return json.dumps(document).encode()
    return body
