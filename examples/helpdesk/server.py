"""A small support desk as an MCP server.

Over stdio:            python server.py --data FOLDER
Over streamable HTTP:  python server.py --data FOLDER --http 8765

FOLDER is a copy of ``seed/`` and is changed by the tools; see README.md.

Every attempt starts a server over stdio of its own, and the SDK takes a second to load. What such
a server needs of the protocol is four methods, so they stand here; HTTP is left to the SDK.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from desk.catalogue import BY_NAME, TOOLS, call
from desk.store import DeskError, Store

NAME, VERSION = "helpdesk", "1.0.0"
INSTRUCTIONS = "The support desk of a shop for lamps and furniture."
#: Revisions of the protocol in which these methods are the same, newest last.
REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
PARSE_ERROR, INVALID_REQUEST, NO_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602


class Refused(Exception):
    """A request that gets an error of the protocol: its code, and why."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


def carry_out(store: Store, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
    """What a tool says, and whether that is an error its caller can read.

    Raises:
        Refused: there is no such tool.
    """
    if name not in BY_NAME:
        raise Refused(INVALID_PARAMS, f"Unknown tool: {name}")
    try:
        return json.dumps(call(store, name, arguments), ensure_ascii=False), False
    except DeskError as refusal:
        return str(refusal), True


def answer(store: Store, method: str, params: Any) -> dict[str, Any]:
    """The result of one request.

    Raises:
        Refused: there is no such method or tool, or what it is given has another form.
    """
    if not isinstance(params, dict):
        raise Refused(INVALID_PARAMS, "Parameters are an object.")
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in REVISIONS else REVISIONS[-1],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": NAME, "version": VERSION},
            "instructions": INSTRUCTIONS,
        }
    if method == "ping":
        return {}
    if method == "tools/list":
        return {"tools": [tool.listed() for tool in TOOLS]}
    if method != "tools/call":
        raise Refused(NO_METHOD, "Method not found")
    name, arguments = params.get("name"), params.get("arguments") or {}
    if not (isinstance(name, str) and isinstance(arguments, dict)):
        raise Refused(INVALID_PARAMS, "A tool is called by its name, with an object of arguments.")
    text, is_error = carry_out(store, name, arguments)
    return {"content": [{"type": "text", "text": text}], "isError": is_error}


def replies(store: Store, lines: Iterable[str]) -> Iterator[str]:
    """A line of JSON for every line that asks for something; what only tells gets none."""
    for line in filter(str.strip, lines):
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": None}
        try:
            asked = _request(line)
            if "id" not in asked:
                continue
            reply["id"] = asked["id"]
            reply["result"] = answer(store, asked["method"], asked.get("params") or {})
        except Refused as refusal:
            reply["error"] = {"code": refusal.code, "message": str(refusal)}
        yield json.dumps(reply)


def _request(line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except ValueError as error:
        raise Refused(PARSE_ERROR, "This is not JSON.") from error
    if not (isinstance(asked, dict) and isinstance(asked.get("method"), str)):
        raise Refused(INVALID_REQUEST, "A request is an object with a method.")
    return asked


def main() -> None:
    parser = argparse.ArgumentParser(description="A small support desk as an MCP server.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the desk's tables")
    parser.add_argument("--http", type=int, metavar="PORT", help="serve HTTP on loopback instead")
    options = parser.parse_args()
    store = Store(options.data)
    if options.http is not None:
        from over_http import serve  # noqa: PLC0415  # loads the SDK

        serve(store, options.http)
        return
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    for reply in replies(store, sys.stdin):
        sys.stdout.write(f"{reply}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
