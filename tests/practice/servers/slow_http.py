"""A streamable HTTP server whose one tool never answers, or breaks with ``--break``.

python slow_http.py [--break] PORT
"""

from __future__ import annotations

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

BREAKS = "--break" in sys.argv
RESULTS: dict[str, dict[str, Any]] = {
    "initialize": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "slow", "version": "0.1"},
    },
    "tools/list": {"tools": [{"name": "work", "inputSchema": {"type": "object"}}]},
}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = message["method"]
        if method == "tools/call":
            if not BREAKS:
                time.sleep(60)
            self.answer(500, b"broken", "text/plain")
        elif method in RESULTS:
            reply = {"jsonrpc": "2.0", "id": message["id"], "result": RESULTS[method]}
            self.answer(200, json.dumps(reply).encode())
        elif "id" in message:
            error = {"code": -32601, "message": "Method not found"}
            reply = {"jsonrpc": "2.0", "id": message["id"], "error": error}
            self.answer(404, json.dumps(reply).encode())
        else:
            self.answer(202, b"")

    def do_GET(self) -> None:
        self.answer(405, b"")

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read stderr."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Handler).serve_forever()
