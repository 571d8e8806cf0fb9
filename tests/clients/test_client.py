"""The Python client: what it asks, how often, and what it never says back."""

from __future__ import annotations

import io
import json
import urllib.error
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest
from greenroom_client import Greenroom, NotFound, Refused, Unreachable, http

from tests.clients.server import AWAY, playbook


def test_it_sends_a_post_again_with_the_same_idempotency_key(client: Any) -> None:
    memory, server = client(AWAY, (202, {}, b'{"accepted": 1}'))
    said = memory.send([{"id": "a"}], playbook="desk", environment="desk")
    assert said["accepted"] == 1
    keys = [headers["Idempotency-Key"] for _, _, headers in server.asked]
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("retry_after", "waits"), [("7", 7.0), ("3600", http.LONGEST_WAIT), ("soon", None), ("²", None)]
)
def test_it_waits_as_long_as_it_is_asked_to(retry_after: str, waits: float | None) -> None:
    wait = http._Later(Unreachable("busy"), retry_after).wait(0)
    assert wait == waits if waits is not None else 0 < wait < 1


def test_it_watches_a_run_to_its_end_over_a_restart_of_the_server(client: Any) -> None:
    def run(status: str) -> tuple[int, dict[str, str], bytes]:
        return 200, {}, json.dumps({"number": 3, "status": status}).encode()

    memory, _ = client(run("running"), *[AWAY] * http.TRIES, run("running"), run("finished"))
    assert [r["status"] for r in memory.watch(3, sleep=lambda s: None)] == [
        "running",
        "running",
        "finished",
    ]


@pytest.mark.parametrize(("url", "key"), [("desk.example", "gr_k"), ("http://desk.example", "")])
def test_it_says_what_it_needs(url: str, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GREENROOM_KEY", raising=False)
    with pytest.raises(Refused, match="GREENROOM_"):
        Greenroom(url, key, cache=None)


def test_an_answer_that_is_no_json_is_not_the_servers(client: Any) -> None:
    memory, _ = client((200, {}, b"<h1>Sign in</h1>"))
    with pytest.raises(Unreachable, match="not a Greenroom server"):
        memory.run(3)


def test_nothing_is_reported_of_a_fallback(client: Any, clock: list[float]) -> None:
    memory, server = client(AWAY)
    pulled = memory.pull("desk", fallback="")
    server.asked.clear()
    assert memory.report(pulled.receipt, outcome="success", task="refund 7") == {}
    assert server.asked == []


def test_what_a_broken_connection_began_is_asked_for_until_it_is_done(
    httpserver: Any, clock: list[float]
) -> None:
    working = {"type": http.WORKING, "detail": "The first request is still being processed."}
    address = httpserver.url_for("").rstrip("/")
    for status, said in ((409, working), (200, {"counted": 1})):
        httpserver.expect_ordered_request("/api/v1/feedback").respond_with_json(
            said, status=status, headers={"Retry-After": "2"}
        )
    assert http.Connection(address, "gr_k").post("feedback", {}) == {"counted": 1}


def test_another_conflict_is_final(httpserver: Any, clock: list[float]) -> None:
    said = {"type": "urn:greenroom:problem:unable-to-change", "detail": "It was reported before."}
    httpserver.expect_oneshot_request("/api/v1/feedback").respond_with_json(said, status=409)
    with pytest.raises(Refused, match="reported before"):
        http.Connection(httpserver.url_for("").rstrip("/"), "gr_k").post("feedback", {})


def test_it_says_where_a_redirect_leads_and_does_not_follow(httpserver: Any) -> None:
    headers = {"Location": "https://user:pw@greenroom.example.com/api/v1/playbooks/desk"}
    httpserver.expect_request("/api/v1/playbooks/desk").respond_with_data(
        "", status=301, headers=headers
    )
    memory = Greenroom(httpserver.url_for("/"), "gr_k", cache=None)
    with pytest.raises(Refused) as refused:
        memory.pull("desk")
    assert "redirects to https://greenroom.example.com. If that server is" in str(refused.value)
    assert "pw" not in str(refused.value)


def test_an_error_that_breaks_off_is_an_error_of_the_client(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ConnectionResetError

    def refuse(*_: Any, **__: Any) -> None:
        raise urllib.error.HTTPError("http://x", 404, "Not Found", Message(), Broken())

    memory = Greenroom("http://desk.example", "gr_k", cache=None)
    monkeypatch.setattr(memory.http._opener, "open", refuse)
    with pytest.raises(NotFound, match="404 Not Found"):
        memory.pull("desk")


@pytest.mark.parametrize("key", ["gr_secret\nwith more", "gr_secrét", "gr_sec ret"])
def test_a_key_that_no_header_holds_is_not_said_back(key: str) -> None:
    with pytest.raises(Refused, match="Copy it again") as refused:
        Greenroom("http://desk.example", key, cache=None)
    assert "sec" not in str(refused.value)


def test_a_key_from_a_file_ends_where_it_ends(client: Any, clock: list[float]) -> None:
    assert client(playbook("x"), key="gr_k\n")[0].http.key == "gr_k"


@pytest.mark.parametrize("agent", ["desk\n7", "机-7"])
def test_a_name_that_no_header_holds_is_refused_at_once(agent: str) -> None:
    with pytest.raises(Refused, match="name of an agent"):
        Greenroom("http://desk.example", "gr_k", agent=agent, cache=None)
    assert Greenroom("http://desk.example", "gr_k", agent="Büro 7", cache=None).http.agent


def test_a_name_that_is_no_slug_is_asked_for_as_it_is(client: Any, clock: list[float]) -> None:
    memory, server = client(NotFound("There is no such thing here."))
    with pytest.raises(NotFound):
        memory.pull("help desk?")
    assert server.asked[0][1].startswith("http://desk.example/api/v1/playbooks/help%20desk%3F?")


@pytest.mark.parametrize("name", ["", "..", "../keys", "desk/draft"])
def test_a_name_that_leads_elsewhere_is_refused(client: Any, name: str) -> None:
    memory, server = client()
    takes = (memory.pull, memory.archive, *(_with(memory, name) for name in ("search", "propose")))
    for take in takes:
        with pytest.raises(Refused, match="by its slug, such as help-desk"):
            take(name)
    assert server.asked == []


def _with(memory: Greenroom, name: str) -> Callable[[str], Any]:
    return lambda playbook: getattr(memory, name)(playbook, "Refund order 7.")


def test_what_is_said_of_a_connection_holds_no_key(client: Any) -> None:
    memory, _ = client(key="gr_secret")
    assert "desk.example" in repr(memory.http)
    assert "secret" not in repr(memory.http)
