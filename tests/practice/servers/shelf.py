"""A lending library as an OpenAPI service: in memory, with a reset and a key of its own.

    python -m tests.practice.servers.shelf PORT

Or in a thread, with ``lending()``.
"""

from __future__ import annotations

import copy
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

DOCUMENT = json.loads(Path(__file__).with_name("shelf.json").read_text("utf-8"))
KEY = "shelf-key-7391-canary"
START: dict[str, dict[str, dict[str, Any]]] = {
    "books": {
        "BK-01": {"book_id": "BK-01", "title": "The Tide", "genre": "novel", "lent_to": None},
        "BK-02": {"book_id": "BK-02", "title": "Low Water", "genre": "novel", "lent_to": "MB-2"},
        "BK-03": {"book_id": "BK-03", "title": "Knots", "genre": "manual", "lent_to": None},
        "BK-04": {"book_id": "BK-04", "title": "Signals", "genre": "manual", "lent_to": None},
    },
    "members": {
        "MB-1": {"member_id": "MB-1", "name": "Ines Holm", "active": True},
        "MB-2": {"member_id": "MB-2", "name": "Tomas Reed", "active": True},
        "MB-3": {"member_id": "MB-3", "name": "Aya Sato", "active": False},
    },
}


class Shelf(ThreadingHTTPServer):
    """The library's state. ``resets`` counts how often it was put back."""

    daemon_threads = True

    def __init__(self, port: int = 0, *, resets_nothing: bool = False) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.resets_nothing = resets_nothing
        self.resets = 0
        self.calls: list[str] = []
        self.document = DOCUMENT
        self.state = copy.deepcopy(START)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def reset(self) -> None:
        self.resets += 1
        if not self.resets_nothing:
            self.state = copy.deepcopy(START)


class Handler(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def _serve(self, method: str) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        self.server.calls.append(f"{method} {self.path}")
        if parts.path == "/openapi.json":
            return self._answer(200, self.server.document)
        if self.headers.get("X-API-Key") != KEY:
            return self._answer(401, {"error": "A key is needed."})
        status, answer = self._route(method, parts.path, parse_qs(parts.query), body)
        return self._answer(status, answer)

    def _route(
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any]:
        books, members = self.server.state["books"], self.server.state["members"]
        match = re.fullmatch(r"/(books|members)/([^/]+)(/loan)?", path)
        if (method, path) == ("POST", "/reset"):
            self.server.reset()
            return 204, None
        if (method, path) == ("GET", "/books"):
            genre = query.get("genre", [""])[0]
            return 200, {"books": [b for b in books.values() if genre in ("", b["genre"])]}
        if (method, path) == ("GET", "/members"):
            return 200, {"members": list(members.values())}
        if match is None:
            return 404, {"error": f"There is nothing at {path}."}
        kind, found = match[1], self.server.state[match[1]].get(unquote(match[2]))
        if found is None:
            return 404, {"error": f"There is no {kind[:-1]} {unquote(match[2])}."}
        if method == "GET" and not match[3]:
            return 200, found
        return self._loan(method, found, body, members)

    def _loan(self, method: str, book: Any, body: Any, members: Any) -> tuple[int, Any]:
        if method == "DELETE":
            if book["lent_to"] is None:
                return 409, {"error": f"{book['title']} is not lent."}
            book["lent_to"] = None
            return 200, book
        member = members.get((body or {}).get("member_id"))
        if member is None:
            return 404, {"error": "There is no such member."}
        if not member["active"]:
            return 409, {"error": f"{member['name']} may not borrow: the membership has ended."}
        if book["lent_to"] is not None:
            return 409, {"error": f"{book['title']} is lent to {book['lent_to']}."}
        book["lent_to"] = member["member_id"]
        return 200, book

    def _answer(self, status: int, answer: Any) -> None:
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read stderr."""


@contextmanager
def lending(**asked: Any) -> Iterator[Shelf]:
    """Run the library in a thread of this process."""
    with Shelf(**asked) as shelf:
        thread = threading.Thread(target=shelf.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield shelf
        finally:
            shelf.shutdown()
            thread.join()


if __name__ == "__main__":
    Shelf(int(sys.argv[-1])).serve_forever()
