"""Bodies of requests over MCP: too long, too slow, and too many at once."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from memoryapp.mcp import bodies

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize("in_chunks", [True, False])
def test_who_sends_too_much_reads_why(
    address: str, served: Any, key: Any, is_known: bool, in_chunks: bool
) -> None:
    body = b" " * (3 * bodies.MOST)
    presented = key("read")[1] if is_known else "gr_00000000_nothing"
    # Who asks for no second request is closed on as soon as it is answered.
    headers = {"Authorization": f"Bearer {presented}", "Connection": "close"}
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=10)
    sent: Any = iter([body[: bodies.MOST]] * 3) if in_chunks else body
    connection.request("POST", where.path, sent, headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    assert (answer.status, said["status"]) == ((413, 413) if is_known else (401, 401))
    if is_known:
        assert said["type"] == "urn:greenroom:problem:too-large"
        assert str(bodies.MOST) in said["detail"]


def test_who_asks_before_sending_too_much_is_not_told_to_send(
    address: str, served: Any, key: Any
) -> None:
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=5)
    connection.putrequest("POST", where.path)
    connection.putheader("Authorization", f"Bearer {key('read')[1]}")
    connection.putheader("Content-Length", str(bodies.MOST + 1))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_who_does_not_send_all_in_time_is_let_go(
    address: str, served: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "WHOLE_SECONDS", 0.5)
    monkeypatch.setattr(bodies, "REST_SECONDS", 0.5)
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=20)
    connection.putrequest("POST", where.path)
    connection.putheader("Authorization", f"Bearer {key('read')[1]}")
    connection.putheader("Content-Length", "1000")
    connection.endheaders(b"{")
    answer = connection.getresponse()
    assert (answer.status, json.load(answer)["type"]) == (408, "urn:greenroom:problem:timeout")
    assert answer.headers["Connection"] == "close"
    connection.close()


def test_long_requests_are_held_a_few_at_a_time(
    address: str, served: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read of one takes many times its length, and a key may send many at once."""
    monkeypatch.setattr(bodies, "LONG_AT_ONCE", 1)
    # Longer than a client here waits: one that has sent all is refused at once.
    monkeypatch.setattr(bodies, "REST_SECONDS", 60.0)
    headers = {
        "Authorization": f"Bearer {key('read')[1]}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).encode()
    long = asked + b" " * bodies.SHORT
    where = urlsplit(address)

    def status(body: bytes) -> int:
        connection = http.client.HTTPConnection(where.netloc, timeout=20)
        connection.request("POST", where.path, body, headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    slow = http.client.HTTPConnection(where.netloc, timeout=20)
    slow.putrequest("POST", where.path)
    for name, value in headers.items():
        slow.putheader(name, value)
    slow.putheader("Content-Length", str(len(long) + 1))
    slow.endheaders(long)
    found = [status(asked)]
    deadline = time.monotonic() + 20
    while found[-1] != 503 and time.monotonic() < deadline:  # until the slow one is held
        found.append(status(long))
    found.append(status(asked))
    assert (found[0], found[-2], found[-1]) == (200, 503, 200)
    slow.send(b" ")
    assert slow.getresponse().status == 200
    slow.close()
    assert status(long) == 200


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28", ""])
@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b"{oops", b'{"jsonrpc": "2.0", "id": []}'])
def test_what_is_no_request_is_refused_in_one_line(
    address: str, served: Any, key: Any, body: bytes, revision: str
) -> None:
    headers = {
        "Authorization": f"Bearer {key('read')[1]}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **({"MCP-Protocol-Version": revision} if revision else {}),
    }
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.netloc, timeout=10)
    connection.request("POST", where.path, body, headers)
    answer = connection.getresponse()
    said = json.loads(answer.read())["error"]["message"]
    connection.close()
    assert answer.status == 400
    assert said.splitlines() == [said]
    assert "pydantic" not in said
    assert '"method": "tools/list"' in said
