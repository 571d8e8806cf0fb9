"""A server of the client that answers what a test says."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from greenroom_client import Unreachable, http

OK = {
    "etag": '"e1"',
    "x-playbook-version": "3",
    "x-release-id": "17",
    "cache-control": "private, max-age=60, stale-while-revalidate=600",
}


@dataclass
class Server:
    """Answers in order, then the last one for ever; an exception is raised instead."""

    answers: list[Any]
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def once(self, method: str, url: str, body: Any, headers: Any, into: Any = None) -> http.Answer:
        with self.lock:
            self.asked.append((method, url, dict(headers)))
            found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return http.Answer(*found)


def playbook(text: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    return 200, OK | headers, text.encode()


AWAY = http._Later(Unreachable("It cannot be reached."))
