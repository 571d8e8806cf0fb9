"""OpenAPI services that fail or send what nobody expects."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import anyio
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.openapi import OpenApiEnvironment, OpenApiService
from practice.clients.openapi_exchange import Answer, Exchange
from practice.clients.openapi_reading import observe
from practice.clients.openapi_request import Credential, Request
from practice.domain.types import OBSERVATION_CAP, WHOLE_CAP, Observation

READ = {
    "operationId": "work",
    "responses": {
        "200": {
            "content": {
                "application/json": {
                    "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}
                }
            }
        }
    },
}
DOCUMENT = json.dumps({"openapi": "3.0.3", "paths": {"/work": {"get": READ}}})


def service(base_url: str, **changed: Any) -> OpenApiService:
    return OpenApiService(**({"document": DOCUMENT, "base_url": base_url} | changed))


def failure_of(asked: OpenApiService, *, call: float = 5.0, startup: float = 5.0) -> str:
    """The sentence of a service that cannot be opened, or whose ``work`` cannot be called."""
    environment = OpenApiEnvironment(asked, call_timeout=call, startup_timeout=startup)
    with pytest.raises(EnvironmentUnavailable) as caught, environment.open() as session:
        session.call("work", {})
    return str(caught.value)


def answer_of(httpserver: HTTPServer) -> tuple[Observation, tuple[str, ...]]:
    """What ``work`` shows, and what an operator is told of it."""
    with OpenApiEnvironment(service(httpserver.url_for("/"))).open() as session:
        return session.call("work", {}), session.remarks()


def test_it_tells_of_a_service_that_is_not_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    assert failure_of(service(address)) == (
        f"The service {address} could not be reached while running work (the connection was "
        "refused or the name is unknown). Nothing was judged. "
        "Check the address, its credential and that the service is running."
    )


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_it_tells_of_a_service_behind_its_gateway(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/work").respond_with_data("no", status=status)
    told = failure_of(service(httpserver.url_for("/")))
    assert f"answered HTTP {status} while running work. Nothing was judged." in told


@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_it_hands_one_failed_call_on_to_the_agent(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/work").respond_with_data("n is missing", status=status)
    seen, _ = answer_of(httpserver)
    assert (seen.text, seen.is_error) == (f"HTTP {status}: n is missing", True)


def calls_of(asked: OpenApiService, *names: str) -> list[str]:
    """What the calls of a session answered, until it was over or given up."""
    answers: list[str] = []
    try:
        with OpenApiEnvironment(asked).open() as session:
            answers += (session.call(name, {}).text for name in names)
    except EnvironmentUnavailable as error:
        answers.append(str(error))
    return answers


@pytest.mark.parametrize("status", [401, 403])
def test_it_says_that_a_credential_was_forgotten(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/work").respond_with_data("who are you", status=status)
    told = (
        f"asks for a credential (HTTP {status}) while running work, and none is stored. "
        "Nothing was judged. Set the credential on the page of the environment."
    )
    asked = service(httpserver.url_for("/"))
    for calls in (1, 2, 50):
        *_, last = answers = calls_of(asked, *["work"] * calls)
        assert told in last
        assert len(answers) <= 3


def test_it_says_that_a_credential_is_not_accepted_by_any_call(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data("who are you", status=401)
    asked = service(httpserver.url_for("/"), credential=Credential("bearer", "", "old-key"))
    assert "did not accept the stored credential (HTTP 401)" in calls_of(asked, "work")[-1]


def test_it_leaves_a_refusal_to_the_agent_where_others_are_served(httpserver: HTTPServer) -> None:
    forbidden = ["HTTP 403: no"] * 4
    known = Credential("bearer", "", "key")
    httpserver.expect_request("/work").respond_with_data("no", status=403)
    httpserver.expect_request("/rest").respond_with_json({"n": 1})
    both = {"/work": {"get": READ}, "/rest": {"get": {**READ, "operationId": "rest"}}}
    signing = {**both, "/login": {"post": {"operationId": "login"}}}
    url = httpserver.url_for("/")
    texts = [json.dumps({"openapi": "3.0.3", "paths": paths}) for paths in (both, signing)]
    assert calls_of(service(url, credential=known), *["work"] * 4) == forbidden
    assert calls_of(service(url, document=texts[0]), "rest", *["work"] * 4)[1:] == forbidden
    assert calls_of(service(url, document=texts[1]), *["work"] * 4) == forbidden


def test_it_gives_up_on_a_service_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert "did not answer within 0.3 seconds while running work" in failure_of(
            service(address), call=0.3
        )
        told = failure_of(service("", document="", url=f"{address}/openapi.json"), startup=0.3)
        assert "within 0.3 seconds when its OpenAPI document was asked for" in told
        told = failure_of(service(address, reset=("POST", "/reset")), call=0.3)
        assert "within 0.3 seconds when it was to be reset (POST /reset)" in told


@pytest.mark.parametrize("status", [405, 501])
def test_it_says_when_an_operation_of_the_document_is_not_there(
    httpserver: HTTPServer, status: int
) -> None:
    httpserver.expect_request("/work").respond_with_data("", status=status)
    seen, remarks = answer_of(httpserver)
    assert seen.is_error
    assert remarks == ("work is in the document, but the service no longer has it.",)


@pytest.fixture
def dripping() -> Iterator[str]:
    """A service that sends one byte now and then, for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        stop = threading.Event()

        def drip() -> None:
            caller, _ = listener.accept()
            with caller:
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                while not stop.wait(0.05):
                    caller.sendall(b"x")

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        thread.join(2)


def test_it_bounds_the_whole_call_and_not_each_byte(dripping: str) -> None:
    began = time.monotonic()
    assert "did not answer within 0.4 seconds" in failure_of(service(dripping), call=0.4)
    assert time.monotonic() - began < 3


def test_it_tells_of_a_connection_that_breaks() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            caller, _ = listener.accept()
            caller.recv(1000)
            caller.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        told = failure_of(service(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        thread.join(2)
    assert "broke off the connection while running work" in told


@pytest.mark.parametrize("status", [401, 404, 500])
def test_it_tells_of_a_document_that_cannot_be_had(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/api.json").respond_with_data("no", status=status)
    told = failure_of(OpenApiService(url=httpserver.url_for("/api.json?token=secret")))
    assert f"answered HTTP {status} when its OpenAPI document was asked for" in told
    assert "secret" not in told


def test_it_tells_of_a_document_that_is_a_web_page(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api.json").respond_with_data("<html><p>Hi</p></html>")
    told = failure_of(OpenApiService(url=httpserver.url_for("/api.json")))
    assert told == "The document is not an object with an openapi field. Nothing was judged."


def test_it_tells_of_a_reset_that_fails(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/reset").respond_with_data("no", status=500)
    told = failure_of(service(httpserver.url_for("/"), reset=("POST", "/reset")))
    assert "answered HTTP 500 when it was to be reset (POST /reset). Nothing was judged." in told


def test_it_does_not_follow_a_redirect_to_another_host(httpserver: HTTPServer) -> None:
    headers = {"Location": "http://169.254.169.254/latest"}
    httpserver.expect_request("/work").respond_with_data("", status=302, headers=headers)
    seen, _ = answer_of(httpserver)
    assert seen.text == "HTTP 302: a redirect to http://169.254.169.254, which is not followed."
    assert seen.is_error


def test_it_does_not_follow_a_redirect_to_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of our test server sends no such header, so its answer is given here."""
    moved = Answer(302, "", b"", location="http://[nowhere/")

    async def once(*_: Any) -> Answer:
        return moved

    exchange = Exchange(private_allowed=True, startup_timeout=1.0, call_timeout=1.0)
    monkeypatch.setattr(exchange, "_once", once)
    assert anyio.run(exchange.send, Request("GET", "/work"), "http://a.example", "") is moved
    seen = observe(moved, {})
    assert seen.text == "HTTP 302: a redirect to another address, which is not followed."


@pytest.mark.parametrize("charset", ["idna", "a\0b", "rot13", "undefined"])
def test_a_charset_that_is_none_of_text_is_read_as_utf_8(charset: str) -> None:
    answer = Answer(200, "text/plain", "schön".encode(), charset=charset)
    assert observe(answer, {}).text == "schön"


def test_it_follows_a_reading_redirect_within_the_service(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data(
        "", status=307, headers={"Location": "/other"}
    )
    httpserver.expect_request("/other").respond_with_json({"n": 1})
    seen, remarks = answer_of(httpserver)
    assert (seen.structured, seen.is_error, remarks) == ({"n": 1}, False, ())


def test_it_ends_a_circle_of_redirects(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data(
        "", status=302, headers={"Location": "/work"}
    )
    seen, _ = answer_of(httpserver)
    assert seen.is_error


def test_it_cuts_an_answer_of_ten_megabytes_and_says_so(httpserver: HTTPServer) -> None:
    body = json.dumps({"rows": ["y" * 100] * 100_000})
    httpserver.expect_request("/work").respond_with_data(body, content_type="application/json")
    seen, _ = answer_of(httpserver)
    assert (seen.truncated, seen.structured) == (True, None)
    assert len(seen.text) <= OBSERVATION_CAP
    assert seen.text.endswith("more characters were cut]")
    assert seen.whole == body[:WHOLE_CAP]


def test_it_stops_reading_an_answer_without_end(httpserver: HTTPServer) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(400):
            yield b"z" * 100_000

    httpserver.expect_request("/work").respond_with_handler(
        lambda request: Response(endless(), content_type="text/plain")
    )
    seen, _ = answer_of(httpserver)
    assert seen.truncated
    assert len(seen.text) <= OBSERVATION_CAP


def test_it_describes_an_answer_that_is_not_text(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data(
        b"\x89PNG\0\0" * 700, content_type="image/png"
    )
    seen, remarks = answer_of(httpserver)
    assert (seen.text, seen.is_error) == ("[image/png, 4,200 bytes]", False)
    assert remarks == (
        "work answered with nothing that can be read as text: [image/png, 4,200 bytes]",
        "work answered with image/png, where its document promises JSON.",
    )


def test_it_shows_an_answer_that_only_says_it_is_json(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data("{oops", content_type="application/json")
    seen, remarks = answer_of(httpserver)
    told = "[sent as application/json, but it is not JSON]\n{oops"
    assert (seen.text, seen.structured) == (told, None)
    assert remarks == (
        "work says that it answers with JSON (application/json), but what it sent is not.",
    )


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[" * 5_000 + "]" * 5_000, "nested more than 100 levels deep. It is kept as text"),
        (json.dumps(["x" * 90] * 900), "answered with more than 10,000 characters"),
    ],
)
def test_it_says_what_of_an_answer_is_not_used(
    httpserver: HTTPServer, body: str, said: str
) -> None:
    httpserver.expect_request("/work").respond_with_data(body, content_type="application/json")
    seen, remarks = answer_of(httpserver)
    assert not seen.is_error
    assert said in " ".join(remarks)


def test_it_replaces_half_a_character(httpserver: HTTPServer) -> None:
    body = '{"n": 1, "name": "\\ud800"}'
    httpserver.expect_request("/work").respond_with_data(body, content_type="application/json")
    seen, _ = answer_of(httpserver)
    assert seen.structured == {"n": 1, "name": "\ufffd"}
    seen.text.encode()


def test_it_says_when_an_answer_is_not_what_the_document_promised(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_json({"n": "many"})
    seen, remarks = answer_of(httpserver)
    assert seen.structured == {"n": "many"}
    assert remarks == (
        "work answered other than its document says (at n: 'many' is not of type 'integer').",
    )


def test_it_replaces_characters_no_database_keeps(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_json({"k\0": "a\0b"})
    seen, _ = answer_of(httpserver)
    assert seen.structured == {"k\ufffd": "a\ufffdb"}
    assert "\0" not in seen.text


def test_it_says_when_there_is_no_content(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data("", status=204)
    seen, remarks = answer_of(httpserver)
    assert (seen.text, remarks) == ("[HTTP 204, no content]", ())


def test_it_refuses_an_answer_compressed_against_its_wish(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/work").respond_with_data(
        b"\x1f\x8b", headers={"Content-Encoding": "gzip"}
    )
    assert "broke off the connection" in failure_of(service(httpserver.url_for("/")))
