"""Sending what is larger than one request: in batches, and refused without trying again."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from greenroom_client import Greenroom, Refused, Unreachable, batches, http

from tests.certificates import own_certificate

LINES = [json.dumps({"id": f"t{n}", "text": "x" * 40}).encode() + b"\n" for n in range(10)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Each body that was sent; of each the second line is refused and the first remarked."""
    bodies: list[bytes] = []

    def once(self: Any, method: str, url: str, body: Any, *more: Any) -> http.Answer:
        bodies.append(body)
        count = len(body.splitlines())
        said = {"place": 0, "id": "t", "message": "Its clock is ahead."}
        refused = [{"place": 1, "id": "", "message": "Each line must be one object."}][: count - 1]
        answer = {
            "accepted": count - len(refused), "known": 0, "refused_count": len(refused),
            "refused": refused, "remarks": [said][:count],
        }  # fmt: skip
        return http.Answer(200, {}, json.dumps(answer).encode())

    monkeypatch.setattr(http.Connection, "_once", once)
    monkeypatch.setattr(batches, "BATCH", 3 * len(LINES[0]))
    return bodies


def pieces(body: bytes) -> Iterator[bytes]:
    return (body[at : at + 50] for at in range(0, len(body), 50))


@pytest.mark.parametrize("packed", [False, True])
def test_lines_are_sent_in_batches_and_the_answers_added_up(
    sent: list[bytes], packed: bool
) -> None:
    body = b"".join(LINES)
    given = gzip.compress(body[:100]) + gzip.compress(body[100:]) if packed else body
    said = Greenroom("http://desk.example", "gr_k", cache=None).push(
        pieces(given), form="jsonl", packed=packed
    )
    assert [len(one.splitlines()) for one in sent] == [3, 3, 3, 1]
    assert b"".join(sent) == body
    assert (said["accepted"], said["refused_count"]) == (7, 3)
    assert [row["place"] for row in said["refused"]] == [1, 4, 7]
    assert [row["place"] for row in said["remarks"]] == [0, 3, 6, 9]


def test_places_count_blank_lines_as_an_editor_does(sent: list[bytes]) -> None:
    body = b"\n".join(LINES)  # one blank line after each
    said = Greenroom("http://desk.example", "gr_k", cache=None).push(pieces(body), form="jsonl")
    lines = [len(one.splitlines()) for one in sent]
    assert [row["place"] for row in said["remarks"]] == [
        sum(lines[:number]) for number in range(len(lines))
    ]


def test_a_file_without_lines_is_sent_to_be_told_so(sent: list[bytes]) -> None:
    Greenroom("http://desk.example", "gr_k", cache=None).push(iter([]), form="jsonl")
    assert sent == [b""]


def test_rows_that_belong_together_are_sent_together(sent: list[bytes]) -> None:
    client = Greenroom("http://desk.example", "gr_k", cache=None)
    client.push(pieces(b"".join(LINES)), form="langsmith")
    assert sent == [b"".join(LINES)]


@pytest.mark.parametrize(
    "broken",
    [gzip.compress(LINES[0], mtime=0)[:-5], b"no gzip", b"\x1f\x8b\x08"],
    ids=["cut off", "none", "begun"],
)
def test_a_broken_gzip_is_said_to_be_one(sent: list[bytes], broken: bytes) -> None:
    client = Greenroom("http://desk.example", "gr_k", cache=None)
    with pytest.raises(Refused, match="not complete gzip"):
        client.push(iter([broken]), form="jsonl", packed=True)


@pytest.fixture(params=["http", "https"])
def hasty(
    request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, list[int]]]:
    """A server that says after the head of a request what is wrong, and closes; or says nothing."""
    said = b'{"type": "x", "detail": "The body has 9 bytes; at most 5 are accepted."}'
    answer = (
        b"HTTP/1.1 413 Too Large\r\nContent-Type: application/problem+json\r\n"
        b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(said), said)
    )
    listener = socket.create_server(("127.0.0.1", 0))
    secured = own_certificate(tmp_path, 1) if request.param == "https" else None
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    came: list[int] = []

    def serve() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            taken = secured.wrap_socket(taken, server_side=True) if secured else taken
            came.append(1)
            if b"/silent" not in taken.recv(2_000):
                taken.sendall(answer)
                time.sleep(0.2)  # while the body still comes
            taken.close()

    threading.Thread(target=serve, daemon=True).start()
    yield f"{request.param}://127.0.0.1:{listener.getsockname()[1]}", came
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def test_an_answer_that_comes_before_the_end_of_the_body_is_heard_and_final(
    hasty: tuple[str, list[int]],
) -> None:
    url, came = hasty
    connection = http.Connection(url, "gr_k")
    with pytest.raises(Refused, match="at most 5 are accepted"):
        connection.send("POST", "trajectories/import", b"x" * 30_000_000)
    assert len(came) == 1


def test_a_server_that_closes_without_a_word_is_tried_again(
    hasty: tuple[str, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("greenroom_client.http.time.sleep", lambda seconds: None)
    url, came = hasty
    with pytest.raises(Unreachable, match="cannot be reached"):
        http.Connection(url, "gr_k").send("POST", "silent", b"x" * 30_000_000)
    assert len(came) == http.TRIES
