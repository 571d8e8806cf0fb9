"""A scripted language-model server over real HTTP on loopback.

It speaks OpenAI's chat completions at ``base_url`` and Anthropic's messages at ``anthropic_url``,
both in one piece, never streamed.

    with ScriptedOpenAI([call("list_tickets", {}), text("There are three.")]) as server:
        ... server.base_url ... server.requests ...

A script is a list of replies, used in order, or a callable that answers each request. Every reply
can be well formed, wrong in one of the ways real servers are, or no reply at all.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

REPLY_TOOL = "reply"
USAGE = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 40},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request the server received. Header names are lower case."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def messages(self) -> Sequence[Mapping[str, Any]]:
        messages: Sequence[Mapping[str, Any]] = self.body.get("messages", [])
        return messages

    @property
    def instructions(self) -> str:
        """The system text of the request."""
        system = [_content({"content": self.body.get("system")})]
        system += [_content(m) for m in self.messages if m["role"] in ("system", "developer")]
        return "\n".join(text for text in system if text)

    @property
    def prompt(self) -> str:
        """The first thing the user said: the data half of a role's prompt."""
        return next((_content(m) for m in self.messages if m["role"] == "user"), "")

    @property
    def role(self) -> str:
        """Which role is asking, by the title of its prompt; empty for none of ours."""
        title = "# Role: "
        lines = self.instructions.splitlines()
        return next((line[len(title) :] for line in lines if line.startswith(title)), "")

    @property
    def tools(self) -> Mapping[str, Mapping[str, Any]]:
        """Offered function tools by name, each as its JSON Schema of parameters."""
        offered = [tool.get("function", tool) for tool in self.body.get("tools", [])]
        return {t["name"]: t.get("parameters", t.get("input_schema", {})) for t in offered}

    @property
    def tool_results(self) -> Sequence[str]:
        """What tools returned so far in this conversation, in order."""
        return [_content(m) for m in self.messages if m["role"] == "tool"]


def _content(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer; build it with the functions below.

    ``reply`` is a typed reply: sent as a call of the reply tool where the request offers it, and
    as JSON text where it asks for JSON. ``raw`` replaces the whole body.
    """

    content: str | None = None
    calls: tuple[tuple[str, str], ...] = ()
    reply: Mapping[str, Any] | None = None
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    content_type: str = "application/json"
    finish_reason: str | None = None
    cut: bool = False
    hang: bool = False


def text(content: str) -> Answer:
    """Plain words: a solver's final answer."""
    return Answer(content=content)


def call(tool: str, arguments: Mapping[str, Any] | str, *, thought: str | None = None) -> Answer:
    """One tool call. ``arguments`` as a string are sent as they are, valid JSON or not."""
    return calls((tool, arguments), thought=thought)


def calls(*made: tuple[str, Mapping[str, Any] | str], thought: str | None = None) -> Answer:
    """Several tool calls in one reply."""
    written = tuple((t, a if isinstance(a, str) else json.dumps(dict(a))) for t, a in made)
    return Answer(content=thought, calls=written)


def typed(**fields: Any) -> Answer:
    """A typed reply, in whichever output mode the request uses."""
    return Answer(reply=fields)


def refusal(words: str) -> Answer:
    """The model declines, in OpenAI's ``refusal`` field."""
    return Answer(refusal=words)


def filtered() -> Answer:
    """The provider's content filter stopped the reply."""
    return Answer(content="", finish_reason="content_filter")


def failing(
    status: int, *, message: str = "scripted failure", retry_after: str | None = None
) -> Answer:
    """An HTTP error in OpenAI's form, optionally with ``Retry-After``."""
    body = json.dumps({"error": {"message": message, "type": "scripted", "code": None}})
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Answer(status=status, headers=headers, raw=body.encode())


def broken_json() -> Answer:
    """Status 200 with JSON that ends in the middle."""
    return Answer(raw=b'{"id": "x", "choices": [{"message": {"role": "assist')


def web_page() -> Answer:
    """Status 200 with a page from a gateway in between."""
    return Answer(raw=b"<html><body>Bad gateway</body></html>", content_type="text/html")


def cut_off() -> Answer:
    """The connection is reset after a promise of more."""
    return Answer(cut=True)


def hanging() -> Answer:
    """No answer until the client gives up or the server stops."""
    return Answer(hang=True)


Script = Callable[[Asked], Answer] | Iterable[Answer]


class ScriptedOpenAI:
    """The server. ``requests`` is everything it was asked, in order of arrival."""

    def __init__(self, script: Script) -> None:
        self.requests: list[Asked] = []
        self._script = script if callable(script) else None
        self._answers = iter(() if callable(script) else script)
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def base_url(self) -> str:
        return f"{self.anthropic_url}/v1"

    @property
    def anthropic_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, asked: Asked) -> Answer:
        """Record a request and return its answer; a script that ran out answers 500."""
        with self._lock:
            self.requests.append(asked)
            if self._script is not None:
                return self._script(asked)
            return next(self._answers, failing(500, message="The script has no more answers."))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ScriptedOpenAI


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Unbuffered writes would cost 40 ms an answer (Nagle against delayed acknowledgement).
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the test output quiet."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.path, headers, body)
        answer = self.server.owner.answer(asked)
        if answer.hang:
            self.server.owner.stopping.wait(30)
            self.close_connection = True
        elif answer.cut:
            self._cut()
        else:
            self._send(answer, asked)

    def _send(self, answer: Answer, asked: Asked) -> None:
        write = _ROUTES.get(self.path.partition("?")[0])
        if write is None:
            self.send_error(404)
            return
        raw = write(answer, asked) if answer.raw is None else answer.raw
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(raw)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(raw)

    def _cut(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "4000")
        self.end_headers()
        self.wfile.write(b'{"id": "cut-')
        self.wfile.flush()
        # Lingering for zero seconds turns the close into a reset, as a dying server does.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True


def _completion(answer: Answer, asked: Asked) -> bytes:
    answer = _in_output_mode(answer, asked)
    message: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if answer.refusal is not None:
        message["refusal"] = answer.refusal
    turn = len(asked.messages)
    if answer.calls:
        message["tool_calls"] = [
            {
                "id": f"call-{turn}-{number}",
                "type": "function",
                "function": {"name": tool, "arguments": arguments},
            }
            for number, (tool, arguments) in enumerate(answer.calls)
        ]
    finish = answer.finish_reason or ("tool_calls" if answer.calls else "stop")
    body = {
        "id": "scripted",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": asked.body.get("model", "scripted"),
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": USAGE,
    }
    return json.dumps(body).encode()


def _in_output_mode(answer: Answer, asked: Asked) -> Answer:
    if answer.reply is None:
        return answer
    written = json.dumps(dict(answer.reply))
    if REPLY_TOOL in asked.tools:
        return replace(answer, calls=((REPLY_TOOL, written),))
    return replace(answer, content=written)


def _anthropic_message(answer: Answer, asked: Asked) -> bytes:
    answer = _in_output_mode(answer, asked)
    turn = len(asked.messages)
    blocks: list[dict[str, Any]] = []
    if answer.content:
        blocks.append({"type": "text", "text": answer.content})
    for number, (tool, arguments) in enumerate(answer.calls):
        made = {"type": "tool_use", "id": f"call-{turn}-{number}", "name": tool}
        blocks.append({**made, "input": json.loads(arguments)})
    message = {
        "id": "scripted",
        "type": "message",
        "role": "assistant",
        "model": asked.body.get("model", "scripted"),
        "content": blocks,
        "stop_reason": answer.finish_reason or ("tool_use" if answer.calls else "end_turn"),
        "stop_sequence": None,
        "usage": {"input_tokens": 60, "cache_read_input_tokens": 40, "output_tokens": 20},
    }
    return json.dumps(message).encode()


_ROUTES: Mapping[str, Callable[[Answer, Asked], bytes]] = {
    "/v1/chat/completions": _completion,
    "/v1/messages": _anthropic_message,
}
