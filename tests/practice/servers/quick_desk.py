"""The sample world over stdio without the SDK, which takes a second to load in each process.

    python quick_desk.py --data FOLDER

Runs of the tests start hundreds of these. That they say what ``examples/helpdesk/server.py`` says
is tested in ``tests/project/test_helpdesk_server.py``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HELPDESK = Path(__file__).resolve().parents[3] / "examples" / "helpdesk"
sys.path.insert(0, str(HELPDESK))

from desk.catalogue import BY_NAME, TOOLS, call  # noqa: E402
from desk.store import DeskError, Store  # noqa: E402

NAMES = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "helpdesk", "version": "1.0.0"},
    "instructions": "The support desk of a shop for lamps and furniture.",
}
LISTED = [
    {
        "name": tool.name,
        "description": tool.description,
        "inputSchema": tool.schema,
        "annotations": tool.hints,
    }
    for tool in TOOLS
]


def called(store: Store, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        said, is_error = json.dumps(call(store, name, arguments), ensure_ascii=False), False
    except DeskError as refusal:
        said, is_error = str(refusal), True
    return {"content": [{"type": "text", "text": said}], "isError": is_error}


def answer(store: Store, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """The rest of the reply to one request: its result, or its error."""
    if method == "initialize":
        return {"result": NAMES}
    if method == "tools/list":
        return {"result": {"tools": LISTED}}
    if method != "tools/call":
        return {"error": {"code": -32601, "message": "Method not found"}}
    if params["name"] not in BY_NAME:
        return {"error": {"code": -32602, "message": f"Unknown tool: {params['name']}"}}
    return {"result": called(store, params["name"], params.get("arguments") or {})}


def main() -> None:
    store = Store(Path(sys.argv[sys.argv.index("--data") + 1]))
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            reply = answer(store, asked["method"], asked.get("params") or {})
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": asked["id"], **reply}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
